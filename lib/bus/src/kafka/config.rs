//! What librdkafka is told.

use rdkafka::ClientConfig;

use crate::Error;
use crate::record::{DEAD_LETTER_BYTES, MAX_RECORD_BYTES};

/// Record framing and batch overhead on top of the largest record.
const WIRE_OVERHEAD_BYTES: usize = 64 * 1024;
/// What one message may have on the wire. The bus refuses larger records before.
pub(super) const MAX_MESSAGE_BYTES: usize = MAX_RECORD_BYTES + DEAD_LETTER_BYTES + WIRE_OVERHEAD_BYTES;

/// The promises of the bus hang on these: nobody may set them.
const OURS: &[(&str, &str)] = &[
    ("bootstrap.servers", "is given by itself"),
    ("group.id", "is given with each consumer"),
    ("acks", "every record is acknowledged by all replicas"),
    ("request.required.acks", "every record is acknowledged by all replicas"),
    ("enable.idempotence", "producing is idempotent"),
    ("enable.gapless.guarantee", "a lost record ends the producer"),
    ("message.timeout.ms", "producing never gives up"),
    ("delivery.timeout.ms", "producing never gives up"),
    ("partitioner", "both backends partition alike"),
    ("enable.auto.commit", "an offset is committed when the work is done"),
    ("enable.auto.offset.store", "an offset is committed when the work is done"),
    ("auto.offset.reset", "a new group starts at the earliest record"),
    ("enable.partition.eof", "readers wait at the end"),
];

pub(super) struct Settings {
    common: ClientConfig,
    properties: Vec<(String, String)>,
}

impl Settings {
    pub(super) fn new(bootstrap: &str, properties: &[(String, String)]) -> Result<Self, Error> {
        let taken: Vec<String> = properties
            .iter()
            .filter_map(|(key, _)| OURS.iter().find(|(ours, _)| ours == key))
            .map(|(key, why)| format!("{key} cannot be set: {why}"))
            .collect();
        if !taken.is_empty() {
            return Err(Error::Config(taken.join("; ")));
        }
        if bootstrap.trim().is_empty() {
            return Err(Error::Config("no bootstrap server".to_owned()));
        }
        let mut common = ClientConfig::new();
        common
            .set("bootstrap.servers", bootstrap)
            .set("client.id", "weir")
            // A broker that is back is found within a second.
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "1000")
            // Topics and partitions that others create are seen within seconds.
            .set("topic.metadata.refresh.interval.ms", "10000");
        Ok(Self { common, properties: properties.to_vec() })
    }

    fn with(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = self.common.clone();
        for (key, value) in ours {
            config.set(*key, *value);
        }
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }

    pub(super) fn client(&self) -> ClientConfig {
        self.with(&[])
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let max_message = MAX_MESSAGE_BYTES.to_string();
        self.with(&[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("enable.gapless.guarantee", "true"),
            ("message.timeout.ms", "0"),
            ("partitioner", "murmur2_random"),
            // Enough to batch under load, too little to notice.
            ("linger.ms", "5"),
            ("compression.type", "lz4"),
            ("message.max.bytes", &max_message),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("retry.backoff.max.ms", "500"),
        ])
    }

    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        self.with(&[
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            // Equal partitions of different topics go to the same member; cooperative-sticky does not promise that.
            ("partition.assignment.strategy", "range"),
            // A member that was killed holds its partitions for so long.
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "2000"),
            ("fetch.error.backoff.ms", "100"),
            ("fetch.queue.backoff.ms", "50"),
            ("queued.max.messages.kbytes", "16384"),
        ])
    }

    pub(super) fn reader(&self) -> ClientConfig {
        self.with(&[
            // librdkafka wants a group to assign by hand; it is never joined, and nothing is committed.
            ("group.id", "weir-reader"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            // An offset that is gone is an error, not a jump.
            ("auto.offset.reset", "error"),
            ("fetch.error.backoff.ms", "100"),
            ("fetch.queue.backoff.ms", "50"),
            ("queued.max.messages.kbytes", "16384"),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_would_break_a_promise_are_refused_together() {
        let property = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let properties = [property("acks", "1"), property("linger.ms", "9"), property("partitioner", "random")];
        let Err(Error::Config(text)) = Settings::new("127.0.0.1:9", &properties) else { panic!("accepted") };
        assert!(text.contains("acks") && text.contains("partitioner") && !text.contains("linger"), "{text}");
        let settings = Settings::new("127.0.0.1:9", &properties[1..2]).unwrap();
        assert_eq!(settings.producer().get("linger.ms"), Some("9"));
        assert!(Settings::new(" ", &[]).is_err());
    }
}
