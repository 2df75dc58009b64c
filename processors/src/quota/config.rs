//! Limits of the quota processor.

use std::time::Duration;

/// Before a partition that was lost or refused is claimed again, while the group still gives it to us.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(30);
/// Without a loss for so long, the pauses begin anew.
pub(super) const CALM: Duration = Duration::from_secs(120);
/// A watch that finds the queue full waits; more than one notice a partition is never of use.
pub(super) const MAX_NOTICES: usize = 64;
/// Between two tries of what the log refused for now.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Two who lost to each other must not come back at the same moment: a factor of 1 to 2.
pub(super) fn jitter() -> f64 {
    let random = uuid::Uuid::now_v7().as_bytes()[15];
    1.0 + f64::from(random) / 255.0
}
