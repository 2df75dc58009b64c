use std::time::Duration;

use crate::reader::{Report, Section, Value};

/// A power loss costs at most this; a crash of the process costs nothing.
const FSYNC: FsyncSetting = FsyncSetting::Interval(Duration::from_millis(10));
/// Hours of a busy gateway without Kafka. A full outbox refuses requests.
const MAX_BYTES: u64 = 4 << 30;

#[derive(Clone, Debug)]
pub struct OutboxConfig {
    pub fsync: FsyncSetting,
    pub max_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsyncSetting {
    Always,
    Interval(Duration),
    Never,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { fsync: FSYNC, max_bytes: MAX_BYTES }
    }
}

impl OutboxConfig {
    pub(crate) fn read(mut section: Section<'_, '_>, report: &mut Report) -> Self {
        let mut config = Self::default();
        if let Some(fsync) = section.get("fsync").and_then(|value| read_fsync(&value, report)) {
            config.fsync = fsync;
        }
        if let Some(size) = section.get("max_bytes").and_then(|v| v.size(64 << 20..=1 << 50, report)) {
            config.max_bytes = size;
        }
        section.finish(report);
        config
    }
}

fn read_fsync(value: &Value<'_, '_>, report: &mut Report) -> Option<FsyncSetting> {
    match value.text(report)? {
        "always" => Some(FsyncSetting::Always),
        "never" => Some(FsyncSetting::Never),
        text => {
            let interval = text.strip_prefix("interval:").and_then(crate::reader::parse_duration);
            match interval {
                Some(interval) if (Duration::from_millis(1)..=Duration::from_secs(60)).contains(&interval) => {
                    Some(FsyncSetting::Interval(interval))
                }
                Some(_) => value.wrong(report, "the interval must be from 1ms to 1m"),
                None => value.wrong(report, "must be \"always\", \"never\" or \"interval:10ms\""),
            }
        }
    }
}
