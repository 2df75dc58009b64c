//! What every long-running command shares: the configuration, the log, the codec, the snapshot, and the drain signal.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use weir_bus::{Bus, BusConfig, TopicSpec};
use weir_detect::Detector;
use weir_policy::{Config, Mistakes, Snapshot};
use weir_schemas::topic::Cleanup;
use weir_schemas::{Codec, Topic};
use weir_telemetry::{Drain, Metrics};

use crate::registry_client::Registry;

/// Where the configuration and the data are.
#[derive(clap::Args, Clone)]
pub(crate) struct Place {
    /// The configuration; without it Weir runs on its defaults.
    #[arg(long, env = "WEIR_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The folder for everything that is kept.
    #[arg(long, env = "WEIR_DATA", default_value = "weir-data")]
    pub(crate) data: PathBuf,
    /// A Kafka to use in place of the embedded log (`bootstrap.servers`).
    #[arg(long, env = "WEIR_KAFKA", value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
}

impl Place {
    /// Reads the configuration with `extra` behind it, and lets the flags win.
    pub(crate) fn load(&self, extra: &str) -> anyhow::Result<Config> {
        let (text, base) = match &self.config {
            Some(path) => {
                let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
                (text, path.parent().unwrap_or(Path::new("")).to_path_buf())
            }
            None => (String::new(), PathBuf::new()),
        };
        let read = |name: &str| fs::read_to_string(base.join(name));
        let env = |name: &str| std::env::var(name).ok();
        let parsed = Config::parse(&format!("{text}\n{extra}"), &env, &read);
        let mut config = parsed.map_err(|mistakes| self.explain(&mistakes))?;
        if let Some(kafka) = &self.kafka {
            config.log.kafka = Some(kafka.clone());
        }
        Ok(config)
    }

    fn explain(&self, Mistakes(all): &Mistakes) -> anyhow::Error {
        let name = self.config.as_deref().unwrap_or(Path::new("(defaults)")).display().to_string();
        let lines: Vec<String> =
            all.iter().map(|m| format!("{name}:{}:{}: {}: {}", m.line, m.column, m.at, m.what)).collect();
        anyhow::anyhow!("the configuration has {} mistake(s):\n{}", all.len(), lines.join("\n"))
    }

    /// Makes the data folder where it is missing. It holds prompts and keys: only its owner may look.
    pub(crate) fn create_data(&self) -> anyhow::Result<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data);
        made.with_context(|| format!("create the data folder {}", self.data.display()))
    }

    /// The audit folder that belongs to this place.
    pub(crate) fn audit_dir(&self, config: &Config) -> PathBuf {
        config.audit.dir.clone().unwrap_or_else(|| self.data.join("audit"))
    }
}

/// The shared parts of a process, open.
pub(crate) struct App {
    pub(crate) place: Place,
    pub(crate) config: Config,
    pub(crate) bus: Bus,
    pub(crate) codec: Codec,
    /// The outside schema registry, where one is configured.
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) policy: Arc<ArcSwap<Snapshot>>,
    pub(crate) detector: Detector,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
}

impl App {
    /// Opens the log, creates what topics it lacks, and learns the schema ids.
    pub(crate) async fn open(place: Place, config: Config, process: &str) -> anyhow::Result<Self> {
        place.create_data()?;
        let bus = open_bus(&place, &config).await?;
        bus.create_topics(&topics(&config)).await.context("create the topics")?;
        let registry = config.log.schema_registry.as_deref().map(|url| Arc::new(Registry::at(url)));
        let codec = match &registry {
            Some(registry) => registry.register(&config.log.topic_prefix).await?,
            None => Codec::embedded(),
        };
        let policy = Arc::new(ArcSwap::new(Arc::clone(&config.policy)));
        let drain = Drain::new();
        drain.on_signals()?;
        let metrics = Metrics::new(process)?;
        Ok(Self { place, config, bus, codec, registry, policy, detector: Detector::builtin(), metrics, drain })
    }
}

/// The log that the configuration names.
pub(crate) async fn open_bus(place: &Place, config: &Config) -> anyhow::Result<Bus> {
    let bus = match &config.log.kafka {
        Some(bootstrap) => BusConfig::Kafka { bootstrap: bootstrap.clone(), properties: config.log.properties.clone() },
        None => BusConfig::Embedded { dir: place.data.join("log") },
    };
    let what = config.log.kafka.clone().unwrap_or_else(|| place.data.join("log").display().to_string());
    Bus::open(bus).await.with_context(|| format!("open the log {what}"))
}

/// The embedded log lives in one process: a stage of its own needs a Kafka.
pub(crate) fn require_kafka(config: &Config, command: &str) -> anyhow::Result<()> {
    if config.log.kafka.is_none() {
        bail!(
            "`weir {command}` meets the other stages on a Kafka: give --kafka HOST:PORT or log.kafka; \
             without one, `weir up` runs every stage in one process"
        );
    }
    Ok(())
}

/// Every topic of an installation, dead letters included.
pub(crate) fn topics(config: &Config) -> Vec<TopicSpec> {
    let log = &config.log;
    let replication = log.replication;
    let mut all = Vec::new();
    for topic in Topic::ALL {
        let name = topic.name(&log.topic_prefix);
        all.push(TopicSpec { name, partitions: log.partitions, replication, cleanup: topic.cleanup() });
        // Few and for people: one partition keeps them in order of arrival.
        let name = topic.dead_letters(&log.topic_prefix);
        all.push(TopicSpec { name, partitions: 1, replication, cleanup: Cleanup::Keep });
    }
    all
}

pub(crate) fn start_logs(format: &str, filter: &str) -> anyhow::Result<()> {
    let format = if format == "json" { weir_telemetry::Format::Json } else { weir_telemetry::Format::Text };
    Ok(weir_telemetry::init(format, filter)?)
}

/// Two libraries bring a TLS provider each; the process must choose one before the first connection.
pub(crate) fn install_crypto() {
    // An error says that one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // SQL plans recurse deeper than the default stack of a worker allows.
    const STACK_BYTES: usize = 16 << 20;
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?)
}
