use std::fmt;

use crate::config::Around;
use crate::reader::{Report, Section};

const TOPIC_PREFIX: &str = "weir";
/// Enough for a few of each processor to share the work; more can be had at the start, never fewer later.
const PARTITIONS: i32 = 6;
/// What a single broker can do. Three where there are three brokers.
const REPLICATION: i32 = 1;
/// Set by Weir: the promises rest on them.
const RESERVED: [&str; 9] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "transactional.id",
];

#[derive(Clone)]
pub struct LogConfig {
    /// `None`: the embedded log.
    pub kafka: Option<String>,
    pub properties: Vec<(String, String)>,
    pub topic_prefix: String,
    pub partitions: i32,
    pub replication: i32,
    /// An outside schema registry.
    pub schema_registry: Option<String>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            kafka: None,
            properties: Vec::new(),
            topic_prefix: TOPIC_PREFIX.to_owned(),
            partitions: PARTITIONS,
            replication: REPLICATION,
            schema_registry: None,
        }
    }
}

/// Properties hold passwords: their names are shown, their values are not.
impl fmt::Debug for LogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LogConfig")
            .field("kafka", &self.kafka)
            .field("properties", &names)
            .field("topic_prefix", &self.topic_prefix)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("schema_registry", &self.schema_registry)
            .finish()
    }
}

impl LogConfig {
    pub(crate) fn read(mut section: Section<'_, '_>, around: &Around<'_>, report: &mut Report) -> Self {
        let mut config = Self::default();
        if let Some(value) = section.get("kafka")
            && let Some(text) = value.text(report)
        {
            if text.split(',').all(is_host_and_port) {
                config.kafka = Some(text.to_owned());
            } else {
                report.add(&value.span(), value.path(), "expected HOST:PORT, or several with commas between them");
            }
        }
        config.properties = read_properties(&section.section("properties", report), around, report);
        if let Some(value) = section.get("topic_prefix")
            && let Some(text) = value.text(report)
        {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            // Kafka allows 249 bytes for a whole name.
            if text.is_empty() || text.len() > 200 || text == "." || text == ".." || !text.bytes().all(allowed) {
                report.add(&value.span(), value.path(), "must be 1 to 200 of letters, digits and . _ -");
            } else {
                config.topic_prefix = text.to_owned();
            }
        }
        if let Some(partitions) = section.get("partitions").and_then(|v| v.integer(1..=10_000, report)) {
            config.partitions = i32::try_from(partitions).unwrap_or(PARTITIONS);
        }
        if let Some(replication) = section.get("replication").and_then(|v| v.integer(1..=100, report)) {
            config.replication = i32::try_from(replication).unwrap_or(REPLICATION);
        }
        config.schema_registry = section.get("schema_registry").and_then(|value| {
            let allow_plain = true; // No key goes to it.
            crate::provider::origin(&value, allow_plain, report)
        });
        section.finish(report);
        config
    }
}

/// A value is text, or `{ env = "NAME" }`.
fn read_properties(table: &Section<'_, '_>, around: &Around<'_>, report: &mut Report) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    for (name, span, value) in table.entries() {
        if RESERVED.contains(&name) {
            report.add(&span, value.path(), "is set by Weir, whose promises rest on it");
            continue;
        }
        let text = if value.is_table() {
            value.section(report).and_then(|mut section| {
                let text = section.need("env", report).and_then(|value| {
                    let name = value.text(report)?;
                    (around.env)(name).or_else(|| value.dangling(report, "no such environment variable"))
                });
                section.finish(report);
                text
            })
        } else {
            value.scalar(report)
        };
        properties.extend(text.map(|text| (name.to_owned(), text)));
    }
    properties
}

fn is_host_and_port(text: &str) -> bool {
    text.trim().rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}
