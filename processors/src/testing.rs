//! An installation for tests: the embedded log in a folder, its topics, and a policy.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tempfile::TempDir;
use weir_bus::{Bus, BusConfig, Delivery, Producer, Record, Start, TopicPartition, TopicSpec};
use weir_detect::Detector;
use weir_policy::{Config, Snapshot};
use weir_schemas::topic::Cleanup;
use weir_schemas::{
    BootEpoch, Chunk, Codec, Event, Header, IngressId, Offset, Partition, RequestId, Seq, Timestamp, Topic, TopicName,
    Usage,
};

use crate::{Deps, Kind, Metrics};

pub(crate) const PARTITIONS: i32 = 3;

pub(crate) struct Rig {
    pub(crate) deps: Deps,
    pub(crate) producer: Producer,
    _dir: TempDir,
}

impl Rig {
    /// `prefix` is the test's own: metrics tell tests apart by their topics.
    pub(crate) async fn new(prefix: &str, config: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let bus = Bus::open(BusConfig::Embedded { dir: dir.path().to_owned() }).await.unwrap();
        let keep = |name: TopicName| TopicSpec { name, partitions: PARTITIONS, replication: 1, cleanup: Cleanup::Keep };
        let topics: Vec<TopicSpec> =
            Topic::ALL.iter().flat_map(|t| [keep(t.name(prefix)), keep(t.dead_letters(prefix))]).collect();
        bus.create_topics(&topics).await.unwrap();
        let deps = Deps {
            codec: Codec::embedded(),
            topic_prefix: prefix.to_owned(),
            policy: Arc::new(ArcSwap::from(policy(config))),
            detector: Detector::builtin(),
            instance: "test".to_owned(),
            metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
            bus,
        };
        Self { producer: deps.bus.producer().unwrap(), deps, _dir: dir }
    }

    pub(crate) fn name(&self, topic: Topic) -> TopicName {
        topic.name(&self.deps.topic_prefix)
    }

    pub(crate) async fn send<E: Event>(&self, event: &E) -> (Partition, Offset) {
        let value = self.deps.codec.encode(event).unwrap();
        self.send_raw(self.name(E::TOPIC), None, event.key(), value).await
    }

    pub(crate) async fn send_raw(
        &self,
        topic: TopicName,
        partition: Option<Partition>,
        key: String,
        value: impl Into<Bytes>,
    ) -> (Partition, Offset) {
        let record = Record { topic, partition, key: Bytes::from(key), value: Some(value.into()), headers: vec![] };
        self.producer.send(record).unwrap().await.unwrap()
    }

    /// Everything in a topic as it is now, by partition.
    pub(crate) async fn read_raw(&self, topic: TopicName) -> Vec<Delivery> {
        let mut all = Vec::new();
        for partition in (0..PARTITIONS).map(Partition) {
            let at = TopicPartition { topic: topic.clone(), partition };
            let (first, end) = self.deps.bus.offsets(&at).await.unwrap();
            let mut left = end.0 - first.0;
            let mut reader = self.deps.bus.reader(vec![(at, Start::Earliest)]).unwrap();
            while left > 0 {
                let batch = reader.next().await.unwrap();
                left -= batch.len() as i64;
                all.extend(batch);
            }
        }
        all
    }

    pub(crate) async fn read<E: Event>(&self) -> Vec<(Delivery, E)> {
        let all = self.read_raw(self.name(E::TOPIC)).await;
        all.into_iter().map(|d| (d.clone(), self.deps.codec.decode(d.value.as_ref().unwrap()).unwrap())).collect()
    }

    /// Records of a topic that a processor has judged so far, over all its lives.
    pub(crate) fn processed(&self, kind: Kind, topic: Topic) -> u64 {
        let name = self.name(topic);
        self.deps.metrics.processed.with_label_values(&[kind.as_str(), name.as_str()]).get()
    }
}

pub(crate) fn policy(config: &str) -> Arc<Snapshot> {
    let parsed = Config::parse(config, &|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).policy
}

/// Waits, within bounds, until `true`.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 30 s: {what}");
}

pub(crate) fn header(topic: Topic, seq: i64, request_id: RequestId) -> Header {
    let ingress = IngressId::from("ingress-a");
    Header {
        event_id: Header::event_id(Header::stream_id(&ingress, BootEpoch(1), topic), Seq(seq)),
        ingress_id: ingress,
        boot_epoch: BootEpoch(1),
        seq: Seq(seq),
        request_id,
        event_time: Timestamp(1_790_000_000_000_000),
        tenant: "acme".into(),
        policy_version: "p-1".into(),
    }
}

pub(crate) fn usage(seq: i64, input_tokens: i64) -> Usage {
    let tokens = weir_schemas::event::TokenCounts { input_tokens, ..Default::default() };
    Usage {
        header: header(Topic::Usage, seq, RequestId::fresh()),
        team: "red".into(),
        project: None,
        user_id: None,
        key_id: "k".into(),
        provider: "sim".into(),
        deployment: "sim/sim-small".into(),
        request_model: "sim-small".into(),
        response_model: None,
        tier: None,
        source: weir_schemas::event::UsageSource::Provider,
        tokens,
        uncounted: None,
    }
}

pub(crate) fn chunk(seq: i64, request_id: RequestId, index: i64, text: &str, last: bool) -> Chunk {
    let payload = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    Chunk {
        header: header(Topic::Chunks, seq, request_id),
        index,
        body: Bytes::from(format!("data: {payload}\n\n")),
        events: 1,
        last,
        findings: vec![],
    }
}
