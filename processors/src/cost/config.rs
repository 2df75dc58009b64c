//! Limits of the cost processor.

/// Longest text of one usage event that is tokenized; a longer one is counted by its beginning and scaled, as a cut one
/// is. The ingress cuts well below it.
pub(super) const MAX_COUNTED_BYTES: usize = 4 * 1024 * 1024;
