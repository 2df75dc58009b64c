//! Topics: creating and listing them.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::Producer as _;
use weir_schemas::TopicName;
use weir_schemas::topic::Cleanup;

use super::config::MAX_MESSAGE_BYTES;
use super::context::Quiet;
use super::{ASK_TIMEOUT, Kafka, failure};
use crate::{Error, TopicSpec};

const CREATE_TIMEOUT: Duration = Duration::from_secs(30);
const LEADER_RECHECK: Duration = Duration::from_millis(50);

pub(super) async fn create_topics(kafka: &Kafka, topics: &[TopicSpec]) -> Result<(), Error> {
    if topics.is_empty() {
        return Ok(());
    }
    let admin: AdminClient<Quiet> = kafka.settings.client().create_with_context(Quiet).map_err(failure::config)?;
    let settings: Vec<Vec<(&str, String)>> = topics.iter().map(topic_settings).collect();
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .zip(&settings)
        .map(|(spec, settings)| {
            let topic = NewTopic::new(spec.name.as_str(), spec.partitions, TopicReplication::Fixed(spec.replication));
            settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(CREATE_TIMEOUT)).request_timeout(Some(CREATE_TIMEOUT));
    for result in admin.create_topics(&new, &options).await.map_err(failure::asked)? {
        match result {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((topic, Code::RequestTimedOut | Code::OperationTimedOut)) => {
                return Err(Error::Unavailable(format!("creating topic {topic} timed out")));
            }
            Err((topic, code)) => return Err(Error::Config(format!("topic {topic} cannot be created: {code}"))),
        }
    }
    drop(new);
    let (kafka, names) = (kafka.clone(), topics.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>());
    let waited = tokio::task::spawn_blocking(move || names.iter().try_for_each(|name| wait_for_leaders(&kafka, name)));
    waited.await.unwrap_or_else(|_| Err(Error::Unavailable("the runtime is shutting down".to_owned())))
}

fn topic_settings(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("max.message.bytes", MAX_MESSAGE_BYTES.to_string()),
    ];
    match spec.cleanup {
        Cleanup::Delete { retention_ms } => {
            settings.push(("cleanup.policy", "delete".to_owned()));
            settings.push(("retention.ms", retention_ms.to_string()));
        }
        Cleanup::Keep => {
            settings.push(("cleanup.policy", "delete".to_owned()));
            settings.push(("retention.ms", "-1".to_owned()));
            settings.push(("retention.bytes", "-1".to_owned()));
        }
        Cleanup::Compact => settings.push(("cleanup.policy", "compact".to_owned())),
    }
    settings
}

/// A topic that was just created takes records a moment later.
fn wait_for_leaders(kafka: &Kafka, name: &TopicName) -> Result<(), Error> {
    let deadline = Instant::now() + CREATE_TIMEOUT;
    loop {
        let led = of_topic(kafka, name, |topic| topic.partitions().iter().all(|partition| partition.leader() >= 0));
        match led {
            Ok(true) => return Ok(()),
            Ok(false) | Err(Error::UnknownTopic(_)) if Instant::now() < deadline => std::thread::sleep(LEADER_RECHECK),
            Ok(_) => return Err(Error::Unavailable(format!("topic {name} has no leader"))),
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn topics(kafka: &Kafka) -> Result<Vec<(TopicName, i32)>, Error> {
    let metadata = kafka.client.client().fetch_metadata(None, ASK_TIMEOUT).map_err(failure::asked)?;
    let ours = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
    let mut all: Vec<_> = ours.map(|topic| (TopicName::from(topic.name()), topic.partitions().len() as i32)).collect();
    all.sort();
    Ok(all)
}

pub(super) fn partitions(kafka: &Kafka, name: &TopicName) -> Result<i32, Error> {
    of_topic(kafka, name, |topic| topic.partitions().len() as i32)
}

fn of_topic<T>(kafka: &Kafka, name: &TopicName, f: impl FnOnce(&MetadataTopic) -> T) -> Result<T, Error> {
    let asked = kafka.client.client().fetch_metadata(Some(name.as_str()), ASK_TIMEOUT);
    let metadata = asked.map_err(|error| failure::of_topic(error, name))?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name.as_str()) else {
        return Err(Error::UnknownTopic(name.clone()));
    };
    match topic.error() {
        None => Ok(f(topic)),
        Some(error) => Err(failure::of_topic(KafkaError::MetadataFetch(error.into()), name)),
    }
}
