mod audit;
mod ingress;
mod log;
mod outbox;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use toml::de::DeTable;
use weir_pricing::PriceTable;
use weir_schemas::Timestamp;

pub use audit::AuditConfig;
pub use ingress::IngressConfig;
pub use log::LogConfig;
pub use outbox::{FsyncSetting, OutboxConfig};

use crate::reader::{Report, Section};
use crate::snapshot::Parts;
use crate::{Guardrails, Mistakes, Snapshot, budget, key, model, prices, provider};

/// The largest file that is read. A hundred thousand keys fit; a log file given by mistake does not.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub ingress: IngressConfig,
    pub log: LogConfig,
    pub outbox: OutboxConfig,
    pub audit: AuditConfig,
    pub policy: Arc<Snapshot>,
}

/// What a configuration may ask of its surroundings.
pub(crate) struct Around<'a> {
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) read: &'a dyn Fn(&str) -> std::io::Result<String>,
    pub(crate) now: Timestamp,
}

impl Config {
    /// The defaults: no provider, no model, no key. Everything that a process needs to start, and nobody may call.
    pub fn empty() -> Self {
        let parts = Parts {
            providers: BTreeMap::new(),
            models: BTreeMap::new(),
            keys: HashMap::new(),
            budgets: Vec::new(),
            guardrails: Guardrails::default(),
            prices: Arc::new(PriceTable::builtin()),
        };
        Self {
            ingress: IngressConfig::default(),
            log: LogConfig::default(),
            outbox: OutboxConfig::default(),
            audit: AuditConfig::default(),
            policy: Arc::new(Snapshot::of(parts)),
        }
    }

    /// `env` answers for names that the file mentions (`api_key_env`); `read` for files (`api_key_file`, `prices.file`), relative
    /// to the config. Prices are looked up as of now.
    pub fn parse(
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
        read: &dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<Self, Mistakes> {
        Self::parse_at(text, env, read, Timestamp::now())
    }

    /// [`Config::parse`] as of `now`: a budget needs a price for every model that its keys may call, and prices have dates.
    pub fn parse_at(
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
        read: &dyn Fn(&str) -> std::io::Result<String>,
        now: Timestamp,
    ) -> Result<Self, Mistakes> {
        let mut report = Report::new(text);
        if text.len() > MAX_TEXT_BYTES {
            report.syntax(&(0..0), &format!("a configuration has at most {} MiB", MAX_TEXT_BYTES >> 20));
            report.into_result()?;
            return Ok(Self::empty());
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            match error.message() {
                // The rest of the file is as it seems.
                duplicate if duplicate.starts_with("duplicate key") => report.add(&span, "", "duplicate key"),
                message => report.syntax(&span, message),
            }
        }
        let config = Self::read(Section::root(&document), &Around { env, read, now }, &mut report);
        report.into_result()?;
        Ok(config)
    }

    /// Reads all of it; what is wrong is in the report, and then the result is not used.
    fn read(mut root: Section<'_, '_>, around: &Around<'_>, report: &mut Report) -> Self {
        let ingress = IngressConfig::read(root.section("ingress", report), report);
        let log = LogConfig::read(root.section("log", report), around, report);
        let outbox = OutboxConfig::read(root.section("outbox", report), report);
        let audit = AuditConfig::read(root.section("audit", report), report);

        let prices = prices::read(root.section("prices", report), around, report);
        let providers = provider::read_all(root.sections("providers", report), around, report);
        let models = model::read_all(root.sections("models", report), &providers, report);
        let teams = key::read_teams(root.sections("teams", report), report);
        let mut keys = key::read_all(root.sections("keys", report), &teams, &models, report);
        let budgets = budget::read_all(root.sections("budgets", report), &teams, &mut keys, report);
        budget::check_prices(&budgets, &keys, &models, &prices, around.now, report);
        let guardrails = Guardrails::read(root.section("guardrails", report), report);
        root.finish(report);

        let parts = Parts {
            providers,
            models: models.by_name,
            keys: keys.read.into_iter().map(|key| (key.digest, Arc::new(key.key))).collect(),
            budgets: budgets.into_iter().map(|budget| budget.budget).collect(),
            guardrails,
            prices: Arc::new(prices),
        };
        Self { ingress, log, outbox, audit, policy: Arc::new(Snapshot::of(parts)) }
    }
}
