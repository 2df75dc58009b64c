//! Costs held against sums made by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_pricing::{Error, PriceTable, Tier, UsageFormat};
use weir_schemas::event::TokenCounts;
use weir_schemas::{Money, Timestamp};

const MAP: &str = r#"{
  "sample_spec": {"input_cost_per_token": "a number", "mode": "one of: chat"},
  "plain": {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
            "input_cost_per_token_flex": 1e-07, "input_cost_per_token_priority": 3e-07, "output_cost_per_token_priority": 1.2e-06,
            "max_tokens": 16384, "litellm_provider": "x", "supports_vision": true},
  "batched": {"input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06, "input_cost_per_token_batches": 9e-07},
  "long": {"input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-07,
           "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05,
           "cache_read_input_token_cost_above_200k_tokens": 2.5e-07, "output_cost_per_reasoning_token": 1e-05},
  "cached": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
             "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06},
  "thinker": {"input_cost_per_token": 4e-07, "output_cost_per_token": 1.2e-06, "output_cost_per_reasoning_token": 4e-06},
  "odd": {"input_cost_per_token": 2.4999999999999998e-07, "output_cost_per_token": 0.0},
  "free": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
  "pictures": {"output_cost_per_image": 0.04, "input_cost_per_pixel": 1e-09},
  "embedding": {"input_cost_per_token": 2e-08}
}"#;

fn priced(model: &str, tier: Tier, format: UsageFormat, usage: &Value) -> Option<String> {
    let table = PriceTable::parse(MAP).unwrap();
    let bill = format.bill(usage).unwrap();
    table.price(model, tier, &bill, Timestamp(0)).unwrap().map(|cost| cost.to_string())
}

fn openai(input: i64, cached: i64, output: i64, reasoning: i64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output,
        "prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens_details": {"reasoning_tokens": reasoning}})
}

#[test]
fn costs_equal_the_hand_computed_ones() {
    use Tier::{Batch, Flex, Priority, Standard};
    for (model, tier, usage, expected) in [
        // 1000 × 0.15 + 500 × 0.60 per million
        ("plain", Standard, openai(1000, 0, 500, 0), Some("0.00045")),
        // 600 × 0.15 + 400 × 0.075 + 500 × 0.60
        ("plain", Standard, openai(1000, 400, 500, 0), Some("0.00042")),
        // half of each
        ("plain", Batch, openai(1000, 400, 500, 0), Some("0.00021")),
        // input 0.10; cached and output have no flex price
        ("plain", Flex, openai(1000, 400, 500, 0), Some("0.00039")),
        // 600 × 0.30 + 400 × 0.075 + 500 × 1.20
        ("plain", Priority, openai(1000, 400, 500, 0), Some("0.00081")),
        // given batch price 0.90 for the input, half of 8 for the output
        ("batched", Batch, openai(1000, 0, 100, 0), Some("0.0013")),
        // 200000 is not above 200000
        ("long", Standard, openai(200_000, 0, 10, 10), Some("0.2501")),
        ("long", Standard, openai(200_001, 1, 10, 10), Some("0.50015025")),
        ("long", Batch, openai(200_001, 1, 10, 10), Some("0.250075125")),
        // 60 × 1.2 + 40 × 4
        ("thinker", Standard, openai(0, 0, 100, 40), Some("0.000232")),
        ("odd", Standard, openai(3, 0, 7, 0), Some("0.00000074999999999999994")),
        ("free", Standard, openai(3, 0, 7, 0), Some("0")),
        ("embedding", Standard, openai(50, 0, 0, 0), Some("0.000001")),
        ("embedding", Standard, openai(50, 0, 1, 0), None),
        ("pictures", Standard, openai(3, 0, 7, 0), None),
        ("unknown", Standard, openai(3, 0, 7, 0), None),
        ("sample_spec", Standard, openai(3, 0, 7, 0), None),
    ] {
        assert_eq!(priced(model, tier, UsageFormat::OpenAi, &usage).as_deref(), expected, "{model} {tier:?} {usage}");
    }
}

#[test]
fn each_format_is_billed_by_its_own_rules() {
    let anthropic = json!({"input_tokens": 100, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}, "output_tokens": 50});
    // 100 × 3 + 1000 × 0.3 + 100 × 3.75 + 200 × 6 + 50 × 15
    assert_eq!(priced("cached", Tier::Standard, UsageFormat::Anthropic, &anthropic).as_deref(), Some("0.002925"));
    // The cache counts for the length of the prompt: 1 + 200000 > 200000.
    let long = json!({"input_tokens": 1, "cache_read_input_tokens": 200_000, "output_tokens": 0});
    assert_eq!(priced("long", Tier::Standard, UsageFormat::Anthropic, &long).as_deref(), Some("0.0500025"));
    let gemini = json!({"promptTokenCount": 1000, "cachedContentTokenCount": 200, "candidatesTokenCount": 10, "thoughtsTokenCount": 90});
    // 800 × 1.25 + 200 × 0.125 + 100 × 10
    assert_eq!(priced("long", Tier::Standard, UsageFormat::Gemini, &gemini).as_deref(), Some("0.002025"));
    let responses = json!({"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 400}, "output_tokens": 500,
        "output_tokens_details": {"reasoning_tokens": 100}});
    assert_eq!(priced("plain", Tier::Standard, UsageFormat::Responses, &responses).as_deref(), Some("0.00042"));
}

fn at(day: &str) -> Timestamp {
    Timestamp(format!("{day}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

#[test]
fn a_price_holds_from_its_day_until_the_next() {
    let table = PriceTable::builtin();
    let tokens = TokenCounts { input_tokens: 1_000_000, output_tokens: 1_000_000, ..TokenCounts::default() };
    let o3 = |day| table.cost("o3", None, &tokens, at(day)).unwrap();
    assert_eq!(o3("2025-04-15"), None);
    assert_eq!(o3("2025-06-09"), Money::from_usd(50));
    assert_eq!(o3("2025-06-10"), Money::from_usd(10));
    let bounded = "version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = 2026-01-01\nuntil = \"2026-02-01\"\ninput_per_million = 1.5\n";
    let bounded = PriceTable::parse(bounded).unwrap();
    assert!(bounded.has_price("m", at("2026-01-31")));
    assert!(!bounded.has_price("m", at("2026-02-01")));
    assert!(!bounded.has_price("m", at("2025-12-31")));
}

#[test]
fn the_builtin_table_prices_the_simulated_models() {
    let table = PriceTable::builtin();
    let tokens = TokenCounts {
        input_tokens: 1_000,
        output_tokens: 200,
        cache_read_input_tokens: 400,
        reasoning_tokens: 50,
        ..TokenCounts::default()
    };
    // 600 × 0.15 + 400 × 0.075 + 200 × 0.60
    let small = table.cost("sim-small", Some("default"), &tokens, Timestamp::now()).unwrap();
    assert_eq!(small, Some(Money::parse_usd("0.00024").unwrap()));
    let large = table.cost("sim-large", None, &tokens, Timestamp::now()).unwrap();
    assert_eq!(large, Some(Money::parse_usd("0.004").unwrap()));
    assert!(!table.version().is_empty());
}

#[test]
fn a_cost_finer_than_a_pico_dollar_is_rounded_half_up() {
    let table = PriceTable::parse(r#"{"m": {"input_cost_per_token": 5e-13, "output_cost_per_token": 4e-13}}"#).unwrap();
    let cost = |input_tokens, output_tokens| {
        let tokens = TokenCounts { input_tokens, output_tokens, ..TokenCounts::default() };
        table.cost("m", None, &tokens, Timestamp(0)).unwrap()
    };
    assert_eq!(cost(1, 0), Some(Money(1)));
    assert_eq!(cost(0, 1), Some(Money(0)));
    assert_eq!(cost(1, 1), Some(Money(1)));
    assert_eq!(cost(2, 0), Some(Money(1)));
    assert_eq!(table.upper_bound("m", 0, 1, Timestamp(0)).unwrap(), Some(Money(1)));
    assert!(matches!(table.upper_bound("m", i64::MAX, i64::MAX, Timestamp(0)), Ok(Some(_))));
}

#[test]
fn an_overflow_is_an_error_and_no_number() {
    let table = PriceTable::parse(r#"{"m": {"input_cost_per_token": 1.0}}"#).unwrap();
    let tokens = TokenCounts { input_tokens: i64::MAX, ..TokenCounts::default() };
    assert!(matches!(table.cost("m", None, &tokens, Timestamp(0)), Err(Error::Overflow)));
}

#[test]
fn mistakes_in_a_table_name_their_line() {
    for (text, line, part) in [
        ("version = \"1\"\n[[price]]\nmodel = \"m\"\ninput_per_million = \"1\"\n", 2, "`from` is missing"),
        ("version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\ninput = \"1\"\n", 5, "unknown key `input`"),
        ("version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = \"soon\"\n", 4, "expected a day"),
        (
            "version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\ninput_per_million = \"-1\"\n",
            5,
            "negative",
        ),
        ("version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\n", 2, "neither"),
        ("[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\ninput_per_million = 1\n", 1, "`version`"),
        ("version = \"1\"\nprice = 3\n", 2, "expected an array"),
        ("version = \"1\"\nx = [\n", 2, ""),
        ("{\n\"m\": {\n\"input_cost_per_token\": \"x\"}}", 3, "not a decimal number"),
        ("{\n\"m\": 3}", 2, "not an object"),
        ("{\n\"m\": ", 2, "not a JSON map"),
        (
            "version = \"1\"\n[[price]]\nmodel = \"m\"\nfrom = 2026-01-01\ninput_per_million = 1\n[[price]]\nmodel = \"m\"\nfrom = 2026-01-01\ninput_per_million = 1\n",
            7,
            "a second price",
        ),
    ] {
        match PriceTable::parse(text) {
            Err(Error::Table { line: at, what }) => {
                assert_eq!(at, line, "{what}");
                assert!(what.contains(part), "{what}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_call_costs_more_than_its_upper_bound(
        input in 0_i64..400_000, output in 0_i64..10_000, parts in prop::array::uniform3(0_i64..400_000),
        model in prop::sample::select(vec!["plain", "batched", "long", "cached", "thinker", "odd"]),
        tier in prop::sample::select(vec!["standard", "batch", "flex", "priority"]),
        shorter in 0_i64..400_000,
    ) {
        let table = PriceTable::parse(MAP).unwrap();
        let tokens = TokenCounts {
            input_tokens: input.min(shorter), output_tokens: output, cache_read_input_tokens: parts[0],
            cache_creation_input_tokens: parts[1], reasoning_tokens: parts[2],
        };
        let cost = table.cost(model, Some(tier), &tokens, Timestamp(0)).unwrap().unwrap();
        let bound = table.upper_bound(model, input, output, Timestamp(0)).unwrap().unwrap();
        prop_assert!(cost <= bound, "{:?} > {:?}", cost, bound);
    }

    #[test]
    fn any_text_is_a_table_or_an_error(text in "\\PC{0,200}", json in any::<bool>()) {
        let _ = PriceTable::parse(&if json { format!("{{{text}") } else { text });
    }
}
