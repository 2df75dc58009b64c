//! What a good configuration means.

use std::io;
use std::time::Duration;

use weir_policy::{Config, FsyncSetting, Refusal, Scope, Snapshot};
use weir_quota::WindowKind;
use weir_schemas::event::Action;
use weir_schemas::{Money, Timestamp};

const EXAMPLE: &str = include_str!("../../../deploy/weir.example.toml");
const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);

fn parse(text: &str) -> Config {
    let env = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-secret".to_owned());
    let read = |name: &str| match name {
        "key.txt" => Ok("sk-from-file\n".to_owned()),
        "prices.toml" => Ok("version = \"mine\"\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    Config::parse_at(text, &env, &read, NOW).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// Nobody has the keys of the example; here the first one's is `test`.
fn with_key_test(example: &str) -> String {
    let (before, rest) = example.split_once("sha256 = \"").expect("a key");
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    format!("{before}sha256 = \"{hash}{}", &rest[hash.len()..])
}

#[test]
fn the_example_that_ships_is_right_and_says_what_it_seems_to_say() {
    let policy = parse(&with_key_test(EXAMPLE)).policy;
    assert_eq!(policy.providers.keys().collect::<Vec<_>>(), ["local", "openai"]);
    assert!(policy.providers["openai"].api_key.is_some() && policy.providers["local"].api_key.is_none());
    assert_eq!(policy.models["llama"].upstream_model, "llama3.2:3b");
    assert!(policy.models["llama"].free && !policy.models["gpt-5-mini"].free);

    let red = policy.authenticate("test").expect("a key");
    assert_eq!((red.id.as_str(), red.tenant.as_str(), red.team.as_str()), ("red-backend", "acme", "red"));
    assert_eq!(red.project.as_ref().map(|project| project.as_str()), Some("checkout"));
    let budgets: Vec<_> = red.budgets.iter().map(|b| (b.id.as_str(), b.limit.to_string(), b.window)).collect();
    let expected = [
        ("red-monthly", "500".to_owned(), WindowKind::Month),
        ("red-backend-daily", "25.5".to_owned(), WindowKind::Day),
    ];
    assert_eq!(budgets, expected, "the team's budget is reserved before the key's");
    assert_eq!(policy.budgets[0].scope, Scope::Team("red".into()));
    assert!(policy.authenticate("test ").is_none() && policy.authenticate("").is_none());

    let rails = &policy.guardrails;
    assert_eq!(rails.action("pii", "EMAIL_ADDRESS", 0.9), Action::Redact);
    assert_eq!(rails.action("pii", "IP_ADDRESS", 0.9), Action::Flag);
    assert_eq!(rails.action("secret", "github_pat", 0.5), Action::Block);
    assert_eq!(rails.action("code", "x", 1.0), Action::Redact);
    assert_eq!(rails.action("secret", "github_pat", 0.49), Action::Allow);
}

#[test]
fn what_the_example_shows_as_defaults_are_the_defaults() {
    let settings = [
        "max_body_bytes",
        "header_timeout",
        "drain_timeout",
        "max_in_flight",
        "lease_wait",
        "topic_prefix",
        "partitions",
        "replication",
        "fsync",
        "max_bytes",
        "flush_interval",
        "flush_rows",
        "flush_bytes",
        "connect_timeout",
        "idle_timeout",
        "max_output_tokens",
        "min_score",
        "allow_plain_http",
        "upstream_model",
    ];
    let shown = |line: &str| settings.iter().any(|name| line.starts_with(&format!("# {name} = ")));
    let uncommented: Vec<&str> =
        EXAMPLE.lines().map(|line| if shown(line) { line.trim_start_matches("# ") } else { line }).collect();
    let count = EXAMPLE.lines().filter(|line| shown(line)).count();
    assert_eq!(count, settings.len() + 1, "each once, header_timeout twice");
    let (stated, silent) = (parse(&uncommented.join("\n")), parse(EXAMPLE));
    assert_eq!(stated.policy.version, silent.policy.version);
    assert_eq!(format!("{:?}", stated.ingress), format!("{:?}", silent.ingress));
    assert_eq!(format!("{:?}", stated.log), format!("{:?}", silent.log));
    assert_eq!(format!("{:?}", stated.outbox), format!("{:?}", silent.outbox));
    assert_eq!(format!("{:?}", stated.audit), format!("{:?}", silent.audit));
}

#[test]
fn a_silent_file_is_the_empty_configuration() {
    let (silent, empty) = (parse("# nothing\n"), Config::empty());
    assert_eq!(silent.policy.version, empty.policy.version);
    assert!(silent.policy.providers.is_empty() && silent.policy.keys.is_empty());
    assert_eq!(format!("{:?}{:?}", silent.ingress, silent.log), format!("{:?}{:?}", empty.ingress, empty.log));
    assert!(empty.ingress.listen.ip().is_loopback());
    assert_eq!(empty.policy.guardrails.action("pii", "EMAIL_ADDRESS", 0.5), Action::Redact);
}

#[test]
fn every_setting_arrives_where_it_belongs() {
    let config = parse(
        r#"
        [ingress]
        listen = "[::1]:9"
        id = "gw-1"
        max_body_bytes = 65536
        lease_wait = "250ms"
        [log]
        kafka = "a:9092,b:9092"
        properties = { "sasl.password" = { env = "OPENAI_API_KEY" }, "linger.ms" = 5, "check.crcs" = true }
        partitions = 0x10
        schema_registry = "http://registry:8081/"
        [outbox]
        fsync = "interval:1s"
        [audit]
        dir = "/audit"
        [prices]
        file = "prices.toml"
        [[providers]]
        name = "p"
        base_url = "http://models.internal:8000/v1/"
        allow_plain_http = true
        api_key_file = "key.txt"
        idle_timeout = "1h"
        "#,
    );
    assert_eq!((config.ingress.listen.port(), config.ingress.id.as_deref()), (9, Some("gw-1")));
    assert_eq!((config.ingress.max_body_bytes, config.ingress.lease_wait), (65_536, Duration::from_millis(250)));
    assert_eq!((config.log.kafka.as_deref(), config.log.partitions), (Some("a:9092,b:9092"), 16));
    assert_eq!(config.log.schema_registry.as_deref(), Some("http://registry:8081"));
    let property = |name: &str| config.log.properties.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let got = ["sasl.password", "linger.ms", "check.crcs"].map(property);
    assert_eq!(got, [Some("sk-secret"), Some("5"), Some("true")]);
    assert!(!format!("{config:?}").contains("sk-"), "no secret is shown");
    assert_eq!(config.outbox.fsync, FsyncSetting::Interval(Duration::from_secs(1)));
    assert_eq!(config.audit.dir.as_deref(), Some(std::path::Path::new("/audit")));
    assert_eq!(config.policy.prices.version(), "mine");
    let provider = &config.policy.providers["p"];
    assert_eq!(provider.base_url, "http://models.internal:8000/v1");
    assert_eq!(provider.api_key.as_ref().map(|key| &*key.0), Some("sk-from-file"));
    assert_eq!(provider.idle_timeout, Duration::from_secs(3_600));
}

#[test]
fn money_is_read_exactly_from_its_text() {
    for (text, pico) in [
        ("0.1", 100_000_000_000),
        ("\"0.000000000001\"", 1),
        ("25", 25_000_000_000_000),
        ("1_000.50", 1_000_500_000_000_000),
        ("0", 0),
    ] {
        let config = parse(&format!(
            "[[teams]]\nname = 't'\n[[budgets]]\nid = 'b'\nteam = 't'\nwindow = 'total'\nlimit_usd = {text}\n"
        ));
        assert_eq!(config.policy.budgets[0].limit, Money(pico), "{text}");
    }
}

#[test]
fn the_version_names_the_meaning_and_not_the_text() {
    let version = |text: &str| parse(text).policy.version.clone();
    let before = version(EXAMPLE);
    assert_eq!(before.len(), 12);
    assert_eq!(
        before,
        version(&format!("# a comment\n{}", EXAMPLE.replace("window = \"month\"", "window   =   'month'")))
    );
    assert_eq!(before, version(&EXAMPLE.replace("10MiB", "20MiB")), "what judges no request is no part of it");
    for (from, to) in
        [("25.50", "25.51"), ("\"flag\"", "\"block\""), ("llama3.2:3b", "llama3.2:1b"), ("\"month\"", "\"week\"")]
    {
        assert_ne!(before, version(&EXAMPLE.replacen(from, to, 1)), "{from} to {to}");
    }
}

#[test]
fn a_text_can_be_continued_with_further_entries() {
    let more = "\n[[models]]\nname = \"more\"\nprovider = \"local\"\nfree = true\n[[teams]]\nname = \"green\"\n";
    assert!(parse(&format!("{EXAMPLE}\n{more}")).policy.models.contains_key("more"));
}

#[test]
fn a_key_is_routed_to_the_models_that_it_may_call() {
    let policy: &Snapshot = &parse(&with_key_test(EXAMPLE)).policy;
    let key = policy.authenticate("test").expect("a key");
    assert_eq!(policy.route(key, "llama").map(|model| model.provider.name.as_str()), Ok("local"));
    assert_eq!(policy.route(key, "gpt-5-mini").map(|model| model.name.as_str()), Ok("gpt-5-mini"));
    assert_eq!(policy.route(key, "gpt-9").map(|_| ()), Err(Refusal::UnknownModel));
    let text = with_key_test(EXAMPLE).replace("models = [\"gpt-5-mini\", \"llama\"]", "models = [\"llama\"]");
    let policy = parse(&text).policy;
    let key = policy.authenticate("test").expect("a key");
    assert_eq!(policy.route(key, "gpt-5-mini").map(|_| ()), Err(Refusal::ModelNotAllowed));
}

#[test]
fn p3_a_model_whose_price_has_ended_is_refused_under_a_budget() {
    let mut policy = Snapshot::clone(&parse(&with_key_test(EXAMPLE)).policy);
    let none = weir_pricing::PriceTable::parse("version = \"none\"\n").expect("a table");
    policy.prices = std::sync::Arc::new(none);
    let key = policy.authenticate("test").expect("a key");
    assert_eq!(policy.route(key, "gpt-5-mini").map(|_| ()), Err(Refusal::Unpriced));
    assert!(policy.route(key, "llama").is_ok(), "free");
    let blue = policy.keys.values().find(|key| key.budgets.is_empty()).expect("a key without a budget");
    assert!(policy.route(blue, "gpt-5-mini").is_ok());
}
