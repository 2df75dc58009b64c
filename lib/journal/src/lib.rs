//! Append-only segment files: CRC, recovery, bounded
