//! Configuration to snapshot; snapshot and request to decision. Pure: the caller reads files and environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir_pricing::PriceTable;
use weir_schemas::event::Action;
use weir_schemas::{BudgetId, KeyId, Money, ProjectId, TeamId, TenantId};

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake { pub line: usize, pub column: usize, /** dotted path, such as `providers[1].base_url` */ pub at: String, pub what: String }

/// All mistakes of a configuration together, in order of line.
#[derive(Debug, thiserror::Error)]
#[error("configuration has {} mistake(s)", .0.len())]
pub struct Mistakes(pub Vec<Mistake>);

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub ingress: IngressConfig,
    pub log: LogConfig,
    pub outbox: OutboxConfig,
    pub audit: AuditConfig,
    pub policy: Arc<Snapshot>,
}

#[derive(Clone, Debug)]
pub struct IngressConfig {
    pub listen: std::net::SocketAddr,
    /// Unique per ingress process of an installation; `None`: made on the first start and kept in the data folder.
    pub id: Option<String>,
    pub max_body_bytes: usize,
    pub header_timeout: Duration,
    pub drain_timeout: Duration,
    pub max_in_flight: usize,
    /// How long a request may wait for a lease of a budget that this ingress holds nothing of.
    pub lease_wait: Duration,
}
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct OutboxConfig { pub fsync: FsyncSetting, pub max_bytes: u64 }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsyncSetting { Always, Interval(Duration), Never }
#[derive(Clone, Debug)]
pub struct AuditConfig { /** `None`: `<data>/audit` */ pub dir: Option<PathBuf>, pub flush_interval: Duration, pub flush_rows: usize, pub flush_bytes: usize }

/// A secret that cannot be printed.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);
impl std::fmt::Debug for Secret { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("***") } }

/// What judges requests: immutable; a request keeps the one that it began with.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Names it in every event: a hash of the configuration's meaning.
    pub version: String,
    pub providers: BTreeMap<String, Arc<Provider>>,
    pub models: BTreeMap<String, Arc<Model>>,
    /// By SHA-256 of the key.
    pub keys: std::collections::HashMap<[u8; 32], Arc<VirtualKey>>,
    pub budgets: Vec<Arc<Budget>>,
    pub guardrails: Guardrails,
    pub prices: Arc<PriceTable>,
}
#[derive(Clone, Debug)]
pub struct Provider { pub name: String, pub base_url: String, pub api_key: Option<Secret>, pub connect_timeout: Duration, pub header_timeout: Duration, pub idle_timeout: Duration }
#[derive(Clone, Debug)]
pub struct Model { pub name: String, pub provider: Arc<Provider>, pub upstream_model: String, /** cap put on a call of a budgeted key that names none */ pub max_output_tokens: i64, /** may be called under a budget without a price */ pub free: bool }
#[derive(Clone, Debug)]
pub struct VirtualKey { pub id: KeyId, pub tenant: TenantId, pub team: TeamId, pub project: Option<ProjectId>, pub app: Option<String>, /** model names, or empty for all */ pub models: Vec<String>, /** in reservation order: team, then key */ pub budgets: Vec<Arc<Budget>> }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget { pub id: BudgetId, pub scope: Scope, pub limit: Money, pub window: weir_quota::WindowKind }
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope { Team(TeamId), Key(KeyId) }
/// What to do about a finding: by kind, else by category, else `default`.
#[derive(Clone, Debug)]
pub struct Guardrails { pub default: Action, pub by_category: BTreeMap<String, Action>, pub by_kind: BTreeMap<String, Action>, pub min_score: f64 }

impl Guardrails {
    pub fn action(&self, _category: &str, _kind: &str, _score: f64) -> Action { unimplemented!() }
}

/// Why a request may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal { UnknownModel, ModelNotAllowed, Unpriced }

impl Config {
    /// `env` answers for names that the file mentions (`api_key_env`); `read` for files (`api_key_file`, `prices.file`), relative to the config.
    pub fn parse(_text: &str, _env: &dyn Fn(&str) -> Option<String>, _read: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Self, Mistakes> { unimplemented!() }
}

impl Snapshot {
    /// The key's owner; `None` where nobody has it.
    pub fn authenticate(&self, _presented: &str) -> Option<&Arc<VirtualKey>> { unimplemented!() }
    /// The model for a key, or why not.
    pub fn route(&self, _key: &VirtualKey, _model: &str) -> Result<&Arc<Model>, Refusal> { unimplemented!() }
}
