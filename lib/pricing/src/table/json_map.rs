//! The widely used JSON map: model → prices in dollars per token, undated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use weir_schemas::Timestamp;

use super::{Entry, line_of};
use crate::error::Error;
use crate::exact::Exact;
use crate::rates::{Item, Rates, Tier};

/// Describes the map's keys; no model.
const SPECIMEN: &str = "sample_spec";

/// Numbers stay text until they are read as decimals.
type Fields<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

pub(super) fn parse(text: &str) -> Result<HashMap<String, Vec<Entry>>, Error> {
    let invalid = |e: &serde_json::Error| Error::Table { line: e.line().max(1), what: "not a JSON map".into() };
    let map: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).map_err(|e| invalid(&e))?;
    let mut models = HashMap::with_capacity(map.len());
    for (model, raw) in map {
        if model == SPECIMEN {
            continue;
        }
        let line = line_of(text, offset(text, raw));
        let fields: Fields<'_> = serde_json::from_str(raw.get())
            .map_err(|_| Error::Table { line, what: "a model's value is not an object".into() })?;
        let rates = rates(text, fields)?;
        if rates.is_priced() {
            let entry = Entry { from: Timestamp(i64::MIN), until: None, rates: Arc::new(rates) };
            models.insert(model.into_owned(), vec![entry]);
        }
    }
    Ok(models)
}

fn rates(text: &str, fields: Fields<'_>) -> Result<Rates, Error> {
    let mut rates = Rates::default();
    for (name, raw) in fields {
        let Some(key) = Key::parse(&name) else { continue };
        let value = raw.get();
        if value == "null" {
            continue;
        }
        // Some tables quote their numbers.
        let number = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        let price = Exact::parse(number)
            .map_err(|why| Error::Table { line: line_of(text, offset(text, raw)), what: format!("{name}: {why}") })?;
        rates.step(key.above).set(key.tier, key.item, Some(price));
    }
    rates.forget_plain_reasoning();
    Ok(rates)
}

/// Where a raw value that borrows from the text stands in it.
fn offset(text: &str, raw: &RawValue) -> usize {
    (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// What a name such as `input_cost_per_token_above_200k_tokens_priority` says.
#[derive(Debug, PartialEq)]
struct Key {
    item: Item,
    tier: Tier,
    above: i64,
}

const NAMES: &[(&str, Item)] = &[
    ("input_cost_per_token", Item::Input),
    ("output_cost_per_token", Item::Output),
    ("cache_read_input_token_cost", Item::CacheRead),
    ("cache_creation_input_token_cost", Item::CacheWrite),
    ("output_cost_per_reasoning_token", Item::Reasoning),
    ("input_cost_per_audio_token", Item::AudioInput),
    ("output_cost_per_audio_token", Item::AudioOutput),
    ("output_cost_per_image_token", Item::ImageOutput),
];

impl Key {
    /// A name and its qualifiers, in any order; `None` for what is priced otherwise.
    fn parse(name: &str) -> Option<Self> {
        let (base, item) = NAMES.iter().find(|(base, _)| name.starts_with(base))?;
        let mut key = Self { item: *item, tier: Tier::Standard, above: 0 };
        let mut rest = &name[base.len()..];
        while !rest.is_empty() {
            rest = if let Some(rest) = rest.strip_prefix("_above_1hr") {
                (key.item == Item::CacheWrite).then_some(())?;
                key.item = Item::CacheWriteHour;
                rest
            } else if let Some(tail) = rest.strip_prefix("_above_") {
                let (amount, rest) = tail.split_once("_tokens")?;
                key.above = threshold(amount)?;
                rest
            } else if let Some(rest) = rest.strip_prefix("_batches") {
                key.tier = Tier::Batch;
                rest
            } else if let Some(rest) = rest.strip_prefix("_flex") {
                key.tier = Tier::Flex;
                rest
            } else {
                key.tier = Tier::Priority;
                rest.strip_prefix("_priority")?
            };
        }
        Some(key)
    }
}

/// `200k`, `1m`, `32000`.
fn threshold(amount: &str) -> Option<i64> {
    let (digits, factor) = match amount.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => amount.strip_suffix('m').map_or((amount, 1), |digits| (digits, 1_000_000)),
    };
    digits.parse::<i64>().ok().filter(|n| *n > 0)?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_item_tier_and_threshold() {
        let key = |item, tier, above| Some(Key { item, tier, above });
        for (name, expected) in [
            ("input_cost_per_token", key(Item::Input, Tier::Standard, 0)),
            ("output_cost_per_token_batches", key(Item::Output, Tier::Batch, 0)),
            ("input_cost_per_token_above_200k_tokens", key(Item::Input, Tier::Standard, 200_000)),
            ("cache_read_input_token_cost_above_272k_tokens_priority", key(Item::CacheRead, Tier::Priority, 272_000)),
            ("cache_creation_input_token_cost_above_1hr", key(Item::CacheWriteHour, Tier::Standard, 0)),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                key(Item::CacheWriteHour, Tier::Standard, 200_000),
            ),
            ("output_cost_per_reasoning_token_flex", key(Item::Reasoning, Tier::Flex, 0)),
            ("input_cost_per_token_cache_hit", None),
            ("input_cost_per_second", None),
            ("max_tokens", None),
            ("input_cost_per_token_above_k_tokens", None),
        ] {
            assert_eq!(Key::parse(name), expected, "{name}");
        }
    }
}
