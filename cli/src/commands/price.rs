//! `weir price`: exact costs of usage records in JSON lines.

use std::borrow::Cow;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_pricing::{PriceTable, Tier, UsageFormat};
use weir_schemas::Timestamp;

use super::jsonl::{Unusable, answer_lines, unusable};

/// Reads `{"id","model","tier","usage_format","usage"}` lines, answers `{"id","cost_usd"}` lines: exact, or null where the
/// model has no price.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// JSON lines in and out, the only form there is.
    #[arg(long, required = true)]
    jsonl: bool,
    /// Weir's own dated table or a JSON map model → prices per token, instead of the prices that ship with Weir.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Prices as of this time (RFC 3339), instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow, default)]
    tier: Option<Cow<'a, str>>,
    #[serde(borrow)]
    usage_format: Cow<'a, str>,
    usage: Value,
}

/// Filters `input` to `output`, one line at a time.
pub(crate) fn run(args: Args, input: impl BufRead, output: impl Write) -> anyhow::Result<()> {
    let table = match &args.prices {
        None => PriceTable::builtin(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            PriceTable::parse(&text).with_context(|| path.display().to_string())?
        }
    };
    let at = args.at.map_or_else(Timestamp::now, |at| Timestamp(at.as_microsecond()));
    answer_lines(input, output, |text| {
        let line: Line<'_> = serde_json::from_str(text).map_err(|e| unusable(&e))?;
        let cost = cost(&table, &line, at)?;
        Ok(Map::from_iter([("cost_usd".to_owned(), cost.into())]))
    })
}

fn cost(table: &PriceTable, line: &Line<'_>, at: Timestamp) -> Result<Option<String>, Unusable> {
    let tier = line.tier.as_deref().unwrap_or_default();
    let tier = Tier::parse(tier).ok_or("`tier` is none of standard, batch, flex, priority")?;
    let format = UsageFormat::parse(&line.usage_format)
        .ok_or("`usage_format` is none of openai, responses, anthropic, gemini")?;
    let bill = format.bill(&line.usage).map_err(|e| e.to_string())?;
    let cost = table.price(&line.model, tier, &bill, at).map_err(|e| e.to_string())?;
    Ok(cost.map(|cost| cost.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn price(line: &Value) -> Value {
        let mut output = Vec::new();
        let args = Args { jsonl: true, prices: None, at: None };
        run(args, format!("{line}\n").as_bytes(), &mut output).unwrap();
        serde_json::from_slice(&output).unwrap()
    }

    #[test]
    fn costs_are_exact_decimal_strings_or_null() {
        let line = |model: &str, tier: &str| {
            json!({"id": 1, "model": model, "tier": tier, "usage_format": "openai",
                "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
        };
        assert_eq!(price(&line("sim-small", "standard")), json!({"id": 1, "cost_usd": "0.00000075"}));
        assert_eq!(price(&line("sim-small", "batch")), json!({"id": 1, "cost_usd": "0.000000375"}));
        assert_eq!(price(&line("nobody-knows-it", "standard")), json!({"id": 1, "cost_usd": null}));
        assert!(price(&line("sim-small", "express"))["error"].is_string());
    }

    #[test]
    fn an_unusable_record_gets_an_error() {
        for line in [
            json!({"id": 1, "model": "sim-small"}),
            json!({"id": 1, "model": "sim-small", "usage_format": "smoke", "usage": {}}),
            json!({"id": 1, "model": "sim-small", "usage_format": "openai", "usage": {"prompt_tokens": "many"}}),
        ] {
            assert!(price(&line)["error"].is_string(), "{line}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_read_is_a_failure() {
        let args = Args { jsonl: true, prices: Some("/nowhere/prices.toml".into()), at: None };
        assert!(run(args, &b""[..], Vec::new()).is_err());
    }
}
