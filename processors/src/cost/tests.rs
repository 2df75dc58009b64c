//! Usage and prices by table.

use weir_pricing::{PriceTable, count_chat_input, count_text};
use weir_schemas::event::{TokenCounts, Uncounted, UsageSource};
use weir_schemas::{BootEpoch, Header, IngressId, Money, RequestId, Seq, Timestamp, Topic, Usage};

use super::step::cost_of;

const PRICES: &str = r#"
version = "t-1"
[[price]]
model = "m"
from = "2024-01-01"
input_per_million = "1"
output_per_million = "2"
cache_read_per_million = "0.5"
[[price]]
model = "m-dated"
from = "2024-01-01"
input_per_million = "10"
output_per_million = "20"
[[price]]
model = "vendor/m"
from = "2024-01-01"
input_per_million = "100"
output_per_million = "200"
"#;

fn usage(source: UsageSource) -> Usage {
    let ingress = IngressId::from("ingress-a");
    let stream = Header::stream_id(&ingress, BootEpoch(1), Topic::Usage);
    Usage {
        header: Header {
            event_id: Header::event_id(stream, Seq(4)),
            ingress_id: ingress,
            boot_epoch: BootEpoch(1),
            seq: Seq(4),
            request_id: RequestId::fresh(),
            event_time: Timestamp(1_790_000_000_000_000),
            tenant: "acme".into(),
            policy_version: "p".into(),
        },
        team: "red".into(),
        project: None,
        user_id: None,
        key_id: "k".into(),
        provider: "sim".into(),
        deployment: "sim/unpriced".into(),
        request_model: "m".into(),
        response_model: None,
        tier: None,
        source,
        tokens: TokenCounts::default(),
        uncounted: None,
    }
}

fn prices() -> PriceTable {
    PriceTable::parse(PRICES).unwrap()
}

const MICRO: i64 = 1_000_000;

#[test]
fn the_price_is_that_of_the_most_exact_name_that_has_one() {
    let cases = [
        (Some("m-dated"), "m", "sim/vendor/m", Some(10)),
        (Some("m-unknown"), "m", "sim/vendor/m", Some(1)),
        (None, "alias", "sim/vendor/m", Some(100)),
        (None, "", "sim/unpriced", None),
        (None, "alias", "no-slash", None),
    ];
    for (response, request, deployment, dollars) in cases {
        let usage = Usage {
            response_model: response.map(Into::into),
            request_model: request.into(),
            deployment: deployment.into(),
            tokens: TokenCounts { input_tokens: MICRO, ..TokenCounts::default() },
            ..usage(UsageSource::Provider)
        };
        let cost = cost_of(&usage, &prices()).unwrap();
        assert_eq!(cost.cost, dollars.and_then(Money::from_usd), "{response:?} {request} {deployment}");
        assert_eq!(cost.price_version, dollars.map(|_| "t-1".to_owned()));
    }
}

#[test]
fn what_the_provider_counted_is_priced_exactly_and_kept() {
    let tokens =
        TokenCounts { input_tokens: 1_000, output_tokens: 10, cache_read_input_tokens: 400, ..TokenCounts::default() };
    let usage = Usage { tokens, ..usage(UsageSource::Provider) };
    let cost = cost_of(&usage, &prices()).unwrap();
    // 600 at 1, 400 at 0.5 and 10 at 2 micro-dollars.
    assert_eq!(cost.cost, Some(Money::from_picousd(820 * MICRO)));
    assert_eq!((cost.tokens, cost.source), (tokens, UsageSource::Provider));
    assert_eq!(cost.header, usage.header.derive("cost"));
    assert_eq!(cost_of(&usage, &prices()).unwrap(), cost);
}

#[test]
fn what_the_provider_did_not_count_is_counted_and_says_so() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"What is a weir?"}]}"#;
    let answer = "A low dam.";
    let texts = Uncounted {
        input: body.into(),
        input_bytes: body.len() as i64,
        output: answer.into(),
        output_bytes: answer.len() as i64,
    };
    let usage = Usage { uncounted: Some(texts), ..usage(UsageSource::Estimated) };
    let cost = cost_of(&usage, &prices()).unwrap();
    let input = count_chat_input("unpriced", &serde_json::from_str(body).unwrap());
    let output = count_text("unpriced", answer);
    assert!(input > 4 && output > 2);
    assert_eq!((cost.tokens.input_tokens, cost.tokens.output_tokens), (input, output));
    assert_eq!(cost.source, UsageSource::Estimated);
    assert_eq!(cost.cost, Some(Money::from_picousd((input + 2 * output) * MICRO)));
}

#[test]
fn a_text_that_was_cut_is_scaled_to_its_true_length_and_rounded_up() {
    let answer = "word ".repeat(100);
    let texts = Uncounted { input: String::new(), input_bytes: 0, output: answer.clone(), output_bytes: 1_001 };
    let usage = Usage { uncounted: Some(texts), ..usage(UsageSource::Estimated) };
    let whole = count_text("unpriced", &answer);
    let scaled = cost_of(&usage, &prices()).unwrap().tokens.output_tokens;
    assert_eq!(scaled, (whole * 1_001 + 499) / 500);
    let input = r#"{"model":"m","messages":[{"role":"user","content":"aaaa"#;
    let texts = Uncounted { input: input.into(), input_bytes: 5_400, output: String::new(), output_bytes: 0 };
    let usage = Usage { uncounted: Some(texts), ..usage };
    let tokens = cost_of(&usage, &prices()).unwrap().tokens;
    assert!(tokens.input_tokens >= 100 * count_text("unpriced", input) * 54 / 54 - 100, "{tokens:?}");
    assert_eq!(tokens.output_tokens, 0);
}

#[test]
fn absurd_counts_are_refused() {
    let tokens = TokenCounts { input_tokens: i64::MAX, output_tokens: i64::MAX, ..TokenCounts::default() };
    assert!(cost_of(&Usage { tokens, ..usage(UsageSource::Provider) }, &prices()).is_err());
    let tokens = TokenCounts { output_tokens: -1, ..TokenCounts::default() };
    assert!(cost_of(&Usage { tokens, ..usage(UsageSource::Provider) }, &prices()).is_err());
}
