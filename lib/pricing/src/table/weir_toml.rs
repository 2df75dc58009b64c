//! Weir's own table: dated prices in dollars per million tokens.
//!
//! ```toml
//! version = "2026-01-01"
//! [[price]]
//! model = "m"
//! also = ["m-2026-01-01"]        # other names of the same
//! from = "2026-01-01"            # a day (UTC) or a time
//! until = "2027-01-01"           # optional; else until the model's next entry
//! input_per_million = "0.15"
//! output_per_million = "0.60"
//! cache_read_per_million = "0.075"
//! batch = { input_per_million = "0.075", output_per_million = "0.30" }   # also flex, priority
//! [[price.above]]                # prompts of more than so many tokens
//! tokens = 200000
//! input_per_million = "0.30"
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use weir_schemas::Timestamp;

use super::{Entry, line_of};
use crate::error::Error;
use crate::exact::Exact;
use crate::rates::{Item, Rates, Tier};

const PRICES: &[(&str, Item)] = &[
    ("input_per_million", Item::Input),
    ("output_per_million", Item::Output),
    ("cache_read_per_million", Item::CacheRead),
    ("cache_write_per_million", Item::CacheWrite),
    ("cache_write_1h_per_million", Item::CacheWriteHour),
    ("reasoning_per_million", Item::Reasoning),
    ("audio_input_per_million", Item::AudioInput),
    ("audio_output_per_million", Item::AudioOutput),
    ("image_output_per_million", Item::ImageOutput),
];

type Models = HashMap<String, Vec<Entry>>;

/// The version and the models.
pub(super) fn parse(text: &str) -> Result<(String, Models), Error> {
    let reader = Reader { text };
    let root = DeTable::parse(text).map_err(|e| Error::Table {
        line: e.span().map_or(1, |span| line_of(text, span.start)),
        what: e.message().to_owned(),
    })?;
    let mut version = None;
    let mut models = Models::new();
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "version" => version = Some(reader.string(value)?.to_owned()),
            "price" => {
                for price in reader.array(value)? {
                    reader.price(price, &mut models)?;
                }
            }
            other => return Err(reader.error(key.span().start, format!("unknown key `{other}`"))),
        }
    }
    let version = version.ok_or_else(|| reader.error(0, "`version` is missing"))?;
    Ok((version, models))
}

struct Reader<'t> {
    text: &'t str,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn error(&self, byte: usize, what: impl Into<String>) -> Error {
        Error::Table { line: line_of(self.text, byte), what: what.into() }
    }
    fn expected(&self, value: &Value<'_>, what: &str) -> Error {
        self.error(value.span().start, format!("expected {what}, found {}", value.get_ref().type_str()))
    }
    fn string<'v>(&self, value: &'v Value<'_>) -> Result<&'v str, Error> {
        value.get_ref().as_str().ok_or_else(|| self.expected(value, "a string"))
    }
    fn array<'v, 'i>(&self, value: &'v Value<'i>) -> Result<impl Iterator<Item = &'v Value<'i>>, Error> {
        value.get_ref().as_array().map(|array| array.iter()).ok_or_else(|| self.expected(value, "an array"))
    }
    fn table<'v, 'i>(&self, value: &'v Value<'i>) -> Result<&'v DeTable<'i>, Error> {
        value.get_ref().as_table().ok_or_else(|| self.expected(value, "a table"))
    }

    fn price(&self, value: &Value<'_>, models: &mut Models) -> Result<(), Error> {
        let start = value.span().start;
        let (mut names, mut from, mut until, mut rates) = (Vec::new(), None, None, Rates::default());
        let mut has_model = false;
        for (key, value) in self.table(value)? {
            match key.get_ref().as_ref() {
                "model" => {
                    has_model = true;
                    names.push((self.string(value)?.to_owned(), value.span().start));
                }
                "also" => {
                    for other in self.array(value)? {
                        names.push((self.string(other)?.to_owned(), other.span().start));
                    }
                }
                "from" => from = Some(self.time(value)?),
                "until" => until = Some(self.time(value)?),
                "above" => {
                    for step in self.array(value)? {
                        self.above(step, &mut rates)?;
                    }
                }
                name => self.rate(name, key.span().start, value, 0, &mut rates)?,
            }
        }
        let from = from.ok_or_else(|| self.error(start, "`from` is missing"))?;
        if !has_model {
            return Err(self.error(start, "`model` is missing"));
        }
        if until.is_some_and(|until| until <= from) {
            return Err(self.error(start, "`until` is not after `from`"));
        }
        if !rates.is_priced() {
            return Err(self.error(start, "neither input nor output has a price"));
        }
        rates.forget_plain_reasoning();
        let rates = Arc::new(rates);
        for (name, byte) in names {
            let entries = models.entry(name).or_default();
            let Err(at) = entries.binary_search_by_key(&from, |entry| entry.from) else {
                return Err(self.error(byte, "a second price of this model from the same time"));
            };
            entries.insert(at, Entry { from, until, rates: Arc::clone(&rates) });
        }
        Ok(())
    }

    fn above(&self, value: &Value<'_>, rates: &mut Rates) -> Result<(), Error> {
        let table = self.table(value)?;
        let tokens = table
            .iter()
            .find(|(key, _)| key.get_ref() == "tokens")
            .ok_or_else(|| self.error(value.span().start, "`tokens` is missing"))?
            .1;
        let threshold = tokens.get_ref().as_integer().and_then(|n| n.as_str().replace('_', "").parse::<i64>().ok());
        let threshold =
            threshold.filter(|n| *n > 0).ok_or_else(|| self.expected(tokens, "a positive count of tokens"))?;
        for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "tokens") {
            self.rate(key.get_ref(), key.span().start, value, threshold, rates)?;
        }
        Ok(())
    }

    /// A price, or the table of a tier's prices.
    fn rate(&self, name: &str, byte: usize, value: &Value<'_>, above: i64, rates: &mut Rates) -> Result<(), Error> {
        let tier = match name {
            "batch" => Tier::Batch,
            "flex" => Tier::Flex,
            "priority" => Tier::Priority,
            _ => return self.item(name, byte, value, above, Tier::Standard, rates),
        };
        for (key, value) in self.table(value)? {
            self.item(key.get_ref(), key.span().start, value, above, tier, rates)?;
        }
        Ok(())
    }

    fn item(
        &self,
        name: &str,
        byte: usize,
        value: &Value<'_>,
        above: i64,
        tier: Tier,
        rates: &mut Rates,
    ) -> Result<(), Error> {
        let Some((_, item)) = PRICES.iter().find(|(known, _)| *known == name) else {
            return Err(self.error(byte, format!("unknown key `{name}`")));
        };
        let number = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().replace('_', ""),
            DeValue::Float(number) => number.as_str().replace('_', ""),
            _ => return Err(self.expected(value, "a price")),
        };
        let price = Exact::parse(&number).map_err(|why| self.error(value.span().start, format!("{name}: {why}")))?;
        rates.step(above).set(tier, *item, Some(price.shifted(6)));
        Ok(())
    }

    /// A day begins at midnight UTC.
    fn time(&self, value: &Value<'_>) -> Result<Timestamp, Error> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            _ => return Err(self.expected(value, "a date")),
        };
        let spelled = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text };
        let time: jiff::Timestamp = spelled
            .parse()
            .map_err(|_| self.error(value.span().start, "expected a day such as 2026-01-31 or a time with its zone"))?;
        Ok(Timestamp(time.as_microsecond()))
    }
}
