//! Prices by model with dates.

mod json_map;
mod weir_toml;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};
use weir_schemas::event::TokenCounts;
use weir_schemas::{Money, Timestamp};

use crate::bill::Bill;
use crate::error::Error;
use crate::exact::Exact;
use crate::rates::{Item, Rates, Tier};

/// Larger than any such table by an order of magnitude.
const MAX_TABLE_BYTES: usize = 64 << 20;

/// What a prompt token may turn out to be.
const INPUTS: &[Item] = &[Item::Input, Item::CacheRead, Item::CacheWrite, Item::CacheWriteHour, Item::AudioInput];
/// What an output token may turn out to be.
const OUTPUTS: &[Item] = &[Item::Output, Item::Reasoning, Item::AudioOutput, Item::ImageOutput];

/// Prices by model with dates. Immutable, cheap to clone.
#[derive(Clone, Debug)]
pub struct PriceTable {
    version: Arc<str>,
    /// By model, each with its entries by `from`.
    models: Arc<HashMap<String, Vec<Entry>>>,
}

/// What a model costs from one time until another (or the next entry).
#[derive(Clone, Debug)]
struct Entry {
    from: Timestamp,
    until: Option<Timestamp>,
    rates: Arc<Rates>,
}

impl PriceTable {
    /// The table that ships with Weir (`deploy/prices.toml`).
    pub fn builtin() -> Self {
        static BUILTIN: LazyLock<PriceTable> = LazyLock::new(|| {
            PriceTable::parse(include_str!("../../../deploy/prices.toml"))
                .expect("the shipped price table is well formed: a test reads it")
        });
        BUILTIN.clone()
    }

    /// Weir's own dated TOML, or the widely used JSON map model → prices per token.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TABLE_BYTES {
            return Err(Error::Table { line: 1, what: format!("larger than {MAX_TABLE_BYTES} bytes") });
        }
        let (version, models) = if text.trim_start().starts_with('{') {
            let digest = hex::encode(Sha256::digest(text.as_bytes()));
            (format!("sha256:{}", &digest[..16]), json_map::parse(text)?)
        } else {
            weir_toml::parse(text)?
        };
        Ok(Self { version: version.into(), models: Arc::new(models) })
    }

    /// Names the table in every cost: its own `version`, or a hash of its text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The exact cost of a call at `at`; `None` where the model has no price then. A tier that is not known costs the
    /// standard price.
    pub fn cost(
        &self,
        model: &str,
        tier: Option<&str>,
        tokens: &TokenCounts,
        at: Timestamp,
    ) -> Result<Option<Money>, Error> {
        let tier = tier.and_then(Tier::parse).unwrap_or(Tier::Standard);
        self.price(model, tier, &Bill::from(tokens), at)?.map(|exact| money(exact, false)).transpose()
    }

    /// The exact cost of a bill, with every digit.
    pub fn price(&self, model: &str, tier: Tier, bill: &Bill, at: Timestamp) -> Result<Option<Exact>, Error> {
        match self.rates(model, at) {
            Some(rates) => bill.total(rates, tier),
            None => Ok(None),
        }
    }

    /// An upper bound for a call with at most so many input and output tokens, over all tiers and cache states.
    pub fn upper_bound(
        &self,
        model: &str,
        input_tokens: i64,
        output_tokens: i64,
        at: Timestamp,
    ) -> Result<Option<Money>, Error> {
        let Some(rates) = self.rates(model, at) else { return Ok(None) };
        let mut bound = Exact::ZERO;
        for (items, tokens) in [(INPUTS, input_tokens.max(0)), (OUTPUTS, output_tokens.max(0))] {
            if tokens > 0 {
                let Some(highest) = rates.highest(items, input_tokens.max(0)) else { return Ok(None) };
                bound = bound.plus(highest.times(tokens)?)?;
            }
        }
        money(bound, true).map(Some)
    }

    pub fn has_price(&self, model: &str, at: Timestamp) -> bool {
        self.rates(model, at).is_some()
    }

    /// The models that have a price at some time, in no order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    fn rates(&self, model: &str, at: Timestamp) -> Option<&Rates> {
        let entries = self.models.get(model)?;
        let entry = entries.iter().rev().find(|entry| entry.from <= at)?;
        let holds = entry.until.is_none_or(|until| at < until);
        (holds && entry.rates.is_priced()).then_some(&*entry.rates)
    }
}

fn money(exact: Exact, up: bool) -> Result<Money, Error> {
    let pico = exact.in_units_of(12, up)?;
    i64::try_from(pico).map(Money::from_picousd).map_err(|_| Error::Overflow)
}

/// The line of a byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count()
}
