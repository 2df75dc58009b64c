//! A whole ingress on loopback: the embedded log, a simulated provider, a small grantor, a client.

// Each test file uses a part of it, and a test may panic.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sha2::{Digest, Sha256};
use weir_bus::{Bus, BusConfig, Start, TopicPartition, TopicSpec};
use weir_detect::Detector;
use weir_ingress::{Deps, Handle};
use weir_policy::{Config, FsyncSetting, IngressConfig, OutboxConfig, Snapshot};
use weir_schemas::{Chunk, Codec, Event, Money, Outcome, Partition, RequestId, Topic, Usage};
use weir_simulator::Simulator;

pub mod grantor;

pub const KEY: &str = "wk-test-free";
pub const BUDGETED: &str = "wk-test-budgeted";
pub const PREFIX: &str = "weir";
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a test may change before the start.
pub struct Setup {
    pub config: IngressConfig,
    pub outbox: OutboxConfig,
    pub topics: bool,
    /// Appended to the policy.
    pub policy: String,
    pub simulator: weir_simulator::Options,
}

impl Default for Setup {
    fn default() -> Self {
        let config = IngressConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            drain_timeout: Duration::from_secs(10),
            ..IngressConfig::default()
        };
        Self {
            config,
            outbox: OutboxConfig { fsync: FsyncSetting::Never, max_bytes: 64 << 20 },
            topics: true,
            policy: String::new(),
            simulator: weir_simulator::Options::default(),
        }
    }
}

pub struct World {
    pub dir: tempfile::TempDir,
    pub bus: Bus,
    pub simulator: Simulator,
    pub policy: Arc<ArcSwap<Snapshot>>,
    pub ingress: Handle,
    pub base: String,
    setup: Setup,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    pub fn id(&self) -> RequestId {
        self.header("x-request-id").expect("every answer has an id").parse().unwrap()
    }
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn policy(simulator: &Simulator, more: &str) -> Arc<Snapshot> {
    let digest = |key: &str| hex::encode(Sha256::digest(key.as_bytes()));
    let mut text = format!("[[providers]]\nname = \"sim\"\nbase_url = \"{}\"\n", simulator.base_url());
    text += "[[providers]]\nname = \"gone\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    text += "[[models]]\nname = \"unreachable\"\nprovider = \"gone\"\nfree = true\n";
    text += "[[models]]\nname = \"alias\"\nprovider = \"sim\"\nupstream_model = \"sim-small\"\nfree = true\n";
    for model in weir_simulator::Model::ALL {
        text += &format!("[[models]]\nname = \"{}\"\nprovider = \"sim\"\nfree = true\n", model.name());
    }
    text += "[[teams]]\nname = \"red\"\ntenant = \"acme\"\n[[teams]]\nname = \"blue\"\n";
    text += &format!("[[keys]]\nid = \"free\"\nteam = \"blue\"\nsha256 = \"{}\"\n", digest(KEY));
    text += &format!(
        "[[keys]]\nid = \"budgeted\"\nteam = \"red\"\nsha256 = \"{}\"\nmodels = [\"sim-small\", \"sim-slow\"]\n",
        digest(BUDGETED)
    );
    text += more;
    let parsed = Config::parse(&text, &|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    parsed.unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.0)).policy
}

impl World {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bus = Bus::open(BusConfig::Embedded { dir: dir.path().join("log") }).await.unwrap();
        if setup.topics {
            create_topics(&bus).await;
        }
        let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), setup.simulator.clone()).await.unwrap();
        let policy = Arc::new(ArcSwap::new(policy(&simulator, &setup.policy)));
        let ingress = start(dir.path(), &setup, &bus, &policy).await;
        let base = format!("http://{}", ingress.local_addr());
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { dir, bus, simulator, policy, ingress, base, setup, client }
    }

    /// Ends the ingress as told and starts it again on the same folder.
    pub async fn restart(self) -> Self {
        let Self { dir, bus, simulator, policy, ingress, setup, client, .. } = self;
        ingress.drain().await.unwrap();
        let ingress = start(dir.path(), &setup, &bus, &policy).await;
        let base = format!("http://{}", ingress.local_addr());
        Self { dir, bus, simulator, policy, ingress, base, setup, client }
    }

    pub async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> http::Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.header("content-type", "application/json").body(Full::new(body)).unwrap();
        self.client.request(request).await.unwrap()
    }

    pub async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> Got {
        let (head, body) = self.send(method, path, key, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, None, Bytes::new()).await
    }

    pub async fn chat(&self, key: &str, body: Value) -> Got {
        self.raw_chat(key, body.to_string()).await
    }

    pub async fn raw_chat(&self, key: &str, body: impl Into<Bytes>) -> Got {
        self.ask(Method::POST, "/v1/chat/completions", Some(key), body.into()).await
    }

    /// Drains the ingress and reads the whole log, checked for what always holds.
    pub async fn finish(self) -> (Log, World2) {
        self.ingress.drain().await.unwrap();
        let log = Log::read(&self.bus).await;
        log.check();
        (log, World2 { dir: self.dir, bus: self.bus, simulator: self.simulator })
    }
}

/// What is left of a world when its ingress has ended.
pub struct World2 {
    pub dir: tempfile::TempDir,
    pub bus: Bus,
    pub simulator: Simulator,
}

pub async fn create_topics(bus: &Bus) {
    let specs = Topic::ALL.map(|topic| TopicSpec {
        name: topic.name(PREFIX),
        partitions: 2,
        replication: 1,
        cleanup: topic.cleanup(),
    });
    bus.create_topics(&specs).await.unwrap();
}

async fn start(dir: &Path, setup: &Setup, bus: &Bus, policy: &Arc<ArcSwap<Snapshot>>) -> Handle {
    let deps = Deps {
        config: setup.config.clone(),
        outbox_dir: dir.join("ingress"),
        outbox: setup.outbox.clone(),
        policy: policy.clone(),
        bus: bus.clone(),
        codec: Codec::embedded(),
        topic_prefix: PREFIX.to_owned(),
        detector: Detector::builtin(),
        metrics: weir_telemetry::Metrics::empty(),
    };
    weir_ingress::start(deps).await.unwrap()
}

/// Everything that ingress wrote, in the order of its places.
#[derive(Default)]
pub struct Log {
    pub requests: Vec<weir_schemas::Request>,
    pub chunks: Vec<Chunk>,
    pub usage: Vec<Usage>,
    pub outcomes: Vec<Outcome>,
}

/// One call.
pub struct Logged {
    pub request: weir_schemas::Request,
    pub chunks: Vec<Chunk>,
    pub usage: Option<Usage>,
    pub outcome: Outcome,
}

impl Logged {
    pub fn body(&self) -> Bytes {
        self.chunks.iter().flat_map(|chunk| chunk.body.to_vec()).collect::<Vec<u8>>().into()
    }
    pub fn sent(&self) -> Value {
        serde_json::from_slice(&self.request.body).unwrap()
    }
}

impl Log {
    pub async fn read(bus: &Bus) -> Self {
        Self {
            requests: read_topic(bus).await,
            chunks: read_topic(bus).await,
            usage: read_topic(bus).await,
            outcomes: read_topic(bus).await,
        }
    }

    pub fn call(&self, id: RequestId) -> Logged {
        let one = |count: usize, what: &str| assert_eq!(count, 1, "{what} of {id}");
        let requests: Vec<_> = self.requests.iter().filter(|event| event.header.request_id == id).collect();
        let outcomes: Vec<_> = self.outcomes.iter().filter(|event| event.header.request_id == id).collect();
        one(requests.len(), "requests");
        one(outcomes.len(), "outcomes");
        let usage: Vec<_> = self.usage.iter().filter(|event| event.header.request_id == id).collect();
        assert!(usage.len() <= 1, "usage of {id}");
        Logged {
            request: requests[0].clone(),
            chunks: self.chunks.iter().filter(|event| event.header.request_id == id).cloned().collect(),
            usage: usage.first().map(|event| (*event).clone()),
            outcome: outcomes[0].clone(),
        }
    }

    /// No gap in any `seq`; one Request and one Outcome a call; chunks in order and as many as the outcome says.
    pub fn check(&self) {
        gapless(self.requests.iter().map(|event| &event.header));
        gapless(self.chunks.iter().map(|event| &event.header));
        gapless(self.usage.iter().map(|event| &event.header));
        gapless(self.outcomes.iter().map(|event| &event.header));
        assert_eq!(self.requests.len(), self.outcomes.len());
        for request in &self.requests {
            let call = self.call(request.header.request_id);
            let indexes: Vec<i64> = call.chunks.iter().map(|chunk| chunk.index).collect();
            assert_eq!(indexes, (0..call.outcome.chunks).collect::<Vec<_>>());
            assert_eq!(call.outcome.response_bytes, i64::try_from(call.body().len()).unwrap());
            let last = call.chunks.iter().filter(|chunk| chunk.last).count();
            let ended = !call.chunks.is_empty();
            assert_eq!(last, usize::from(ended), "{:?}", call.outcome);
            assert!(call.chunks.last().is_none_or(|chunk| chunk.last == ended));
        }
    }
}

fn gapless<'a>(headers: impl Iterator<Item = &'a weir_schemas::Header>) {
    let mut places: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for header in headers {
        places.entry(header.boot_epoch.0).or_default().push(header.seq.0);
    }
    for (epoch, mut seqs) in places {
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs, (0..seqs.len() as i64).collect::<Vec<_>>(), "epoch {epoch}");
    }
}

/// What the ingress says was spent of the leases that it gave back.
pub async fn spent_of_leases(bus: &Bus) -> Money {
    let intents: Vec<weir_schemas::Intent> = read_topic(bus).await;
    let returns = intents.iter().filter_map(|intent| intent.r#return);
    returns.fold(Money::ZERO, |sum, back| sum.saturating_add(back.spent))
}

async fn read_topic<E: Event>(bus: &Bus) -> Vec<E> {
    let topic = E::TOPIC.name(PREFIX);
    let mut events: Vec<E> = Vec::new();
    for partition in 0..bus.partitions(&topic).await.unwrap() {
        let at = TopicPartition { topic: topic.clone(), partition: Partition(partition) };
        let (first, end) = bus.offsets(&at).await.unwrap();
        let mut left = end.0 - first.0;
        let mut reader = bus.reader(vec![(at, Start::Earliest)]).unwrap();
        while left > 0 {
            for delivery in tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() {
                events.push(weir_bus::typed::decode(&Codec::embedded(), &delivery).unwrap());
                left -= 1;
            }
        }
    }
    // Keys keep the order within a call; over partitions the places tell it.
    events.sort_by_key(|event| event.origin().position);
    let mut seen = std::collections::HashSet::new();
    events.retain(|event| {
        let origin = event.origin();
        seen.insert((origin.stream, origin.position))
    });
    events
}

/// Waits until `holds`; for what happens in its own time.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
