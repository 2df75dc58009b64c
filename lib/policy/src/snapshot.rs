mod version;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use weir_pricing::PriceTable;
use weir_schemas::Timestamp;

use crate::{Budget, Guardrails, Model, Provider, VirtualKey};

/// What judges requests: immutable; a request keeps the one that it began with.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Names it in every event: a hash of the configuration's meaning.
    pub version: String,
    pub providers: BTreeMap<String, Arc<Provider>>,
    pub models: BTreeMap<String, Arc<Model>>,
    /// By SHA-256 of the key.
    pub keys: HashMap<[u8; 32], Arc<VirtualKey>>,
    pub budgets: Vec<Arc<Budget>>,
    pub guardrails: Guardrails,
    pub prices: Arc<PriceTable>,
}

/// A snapshot before it has a name.
pub(crate) struct Parts {
    pub(crate) providers: BTreeMap<String, Arc<Provider>>,
    pub(crate) models: BTreeMap<String, Arc<Model>>,
    pub(crate) keys: HashMap<[u8; 32], Arc<VirtualKey>>,
    pub(crate) budgets: Vec<Arc<Budget>>,
    pub(crate) guardrails: Guardrails,
    pub(crate) prices: Arc<PriceTable>,
}

/// Why a request may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownModel,
    ModelNotAllowed,
    /// The key has a budget, and the model neither a price nor the mark that it is free.
    Unpriced,
}

impl Snapshot {
    pub(crate) fn of(parts: Parts) -> Self {
        let version = version::of(&parts);
        let Parts { providers, models, keys, budgets, guardrails, prices } = parts;
        Self { version, providers, models, keys, budgets, guardrails, prices }
    }

    /// The key's owner; `None` where nobody has it.
    pub fn authenticate(&self, presented: &str) -> Option<&Arc<VirtualKey>> {
        // Found by digest: the time of the look-up tells nothing of the keys.
        self.keys.get(&<[u8; 32]>::from(Sha256::digest(presented.as_bytes())))
    }

    /// The model for a key, or why not.
    pub fn route(&self, key: &VirtualKey, model: &str) -> Result<&Arc<Model>, Refusal> {
        let found = self.models.get(model).ok_or(Refusal::UnknownModel)?;
        if !key.allows(model) {
            return Err(Refusal::ModelNotAllowed);
        }
        // The configuration had a price for it; its date may have passed.
        let unpriced = || found.priced_as(&self.prices, Timestamp::now()).is_none();
        if !key.budgets.is_empty() && !found.free && unpriced() {
            return Err(Refusal::Unpriced);
        }
        Ok(found)
    }
}
