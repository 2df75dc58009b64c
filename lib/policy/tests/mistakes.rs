//! P8: a bad configuration never takes effect; every mistake is said, where it stands.

use std::io;

use proptest::prelude::*;
use weir_policy::{Config, Mistake, Mistakes};
use weir_schemas::Timestamp;

const EXAMPLE: &str = include_str!("../../../deploy/weir.example.toml");
/// 2026-06-01: every price of the shipped table that is used here is in force.
const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn parse(text: &str) -> Result<Config, Mistakes> {
    let env = |name: &str| match name {
        "OPENAI_API_KEY" => Some("sk-the-secret".to_owned()),
        "EMPTY" => Some(" \n".to_owned()),
        "BROKEN" => Some("sk-the secret".to_owned()),
        _ => None,
    };
    let read = |name: &str| match name {
        "key.txt" => Ok("sk-from-file\n".to_owned()),
        "bad-prices.toml" => Ok("version = \"x\"\n[[price]]\nmodel = 5\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    Config::parse_at(text, &env, &read, NOW)
}

fn mistakes(text: &str) -> Vec<Mistake> {
    match parse(text) {
        Ok(_) => Vec::new(),
        Err(Mistakes(mistakes)) => mistakes,
    }
}

/// Each line of a case that is marked with `#! PATH: WHAT` has exactly these mistakes, one a mark; `@N` is the column.
fn expected(text: &str) -> Vec<(usize, String)> {
    let line = |(at, line): (usize, &str)| {
        line.split("#!").skip(1).map(|mark| (at + 1, mark.trim().to_owned())).collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(line).collect()
}

#[track_caller]
fn check(text: &str) {
    let found: Vec<(usize, String)> =
        mistakes(text).into_iter().map(|m| (m.line, format!("@{} {}: {}", m.column, m.at, m.what))).collect();
    let marks = expected(text);
    let same = found.len() == marks.len()
        && found.iter().zip(&marks).all(|(found, mark)| found.0 == mark.0 && found.1.contains(&mark.1));
    assert!(same, "{text}\nfound: {found:#?}\nmarked: {marks:#?}");
}

#[test]
fn wrong_types_ranges_and_formats_are_told_where_they_stand() {
    check(
        r#"
[ingress]
listen = "localhost"            #! @10 ingress.listen: expected IP:PORT
max_body_bytes = "10MB"         #! @18 ingress.max_body_bytes: expected a size
header_timeout = 10             #! @18 ingress.header_timeout: expected a string, found an integer
drain_timeout = "2 days"        #! @17 ingress.drain_timeout: expected a duration
max_in_flight = 0               #! @17 ingress.max_in_flight: must be from 1 to 1000000
lease_wait = "2m"               #! @14 ingress.lease_wait: must be from 0ms to 1m
id = "a b"                      #! @6 ingress.id: must be 1 to 128 of letters
[outbox]
fsync = "sometimes"             #! @9 outbox.fsync: must be "always", "never" or "interval:10ms"
max_bytes = 5                   #! @13 outbox.max_bytes: must be from 64MiB to
[audit]
dir = ""                        #! @7 audit.dir: must not be empty
flush_rows = 1.5                #! @14 audit.flush_rows: expected an integer, found a float
[log]
kafka = "broker"                #! @9 log.kafka: expected HOST:PORT
topic_prefix = "a/b"            #! @16 log.topic_prefix: must be
partitions = "6"                #! @14 log.partitions: expected an integer, found a string
replication = 99999999999999999999 #! @15 log.replication: must be from 1 to 100
schema_registry = "registry"    #! @19 log.schema_registry: no URL
[log.properties]
acks = "1"                      #! @1 log.properties.acks: is set by Weir
"sasl.password" = { env = "NO_SUCH" } #! @27 log.properties.sasl.password.env: no such environment variable
"a" = [1]                       #! @7 log.properties.a: expected a string, an integer or a boolean
[guardrails]
default = "redcat"              #! @11 guardrails.default: must be one of allow, flag, redact, block; did you mean `redact`?
min_score = 1.5                 #! @13 guardrails.min_score: must be from 0 to 1
[guardrails.categories]
pi = "flag"                     #! @1 guardrails.categories.pi: no recognizer finds this category; did you mean `pii`?
[guardrails.kinds]
EMAIL_ADRESS = "block"          #! @1 guardrails.kinds.EMAIL_ADRESS: no recognizer finds this kind; did you mean `EMAIL_ADDRESS`?
[prices]
file = "bad-prices.toml"        #! @8 prices.file: price table, line 3
"#,
    );
}

#[test]
fn unknown_keys_are_refused_at_every_level_with_a_suggestion() {
    check(
        r#"
zzz = 1                         #! @1 zzz: unknown key
[ingres]                        #! @2 ingres: unknown key; did you mean `ingress`?
listen = "127.0.0.1:1"
[log]
topik_prefix = "x"              #! @1 log.topik_prefix: unknown key; did you mean `topic_prefix`?
[[providers]]
name = "p"
base_url = "https://example.com"
api_key_evn = "X"               #! @1 providers[0].api_key_evn: unknown key; did you mean `api_key_env`?
[[models]]
name = "m"
provider = "p"
max_tokens = 5                  #! @1 models[0].max_tokens: unknown key
"#,
    );
}

#[test]
fn providers_take_https_or_this_machine_and_keys_from_outside_the_file() {
    check(
        r#"
[[providers]]
name = "a"
base_url = "http://example.com" #! @12 providers[0].base_url: http would send the key in the clear
[[providers]]
name = "b/c"                    #! @8 providers[1].name: must not have a slash
base_url = "ftp://example.com"  #! @12 providers[1].base_url: must begin with https://
[[providers]]
name = "c"
base_url = "https://user:pass@example.com/v1" #! @12 providers[2].base_url: must not hold a user or a password
api_key = "sk-oops"             #! @11 providers[2].api_key: a key does not stand in a configuration
[[providers]]
name = "d"
base_url = "https://example.com/v1?x=1" #! @12 providers[3].base_url: must not have a query
api_key_env = "UNSET"           #! @15 providers[3].api_key_env: no such environment variable
[[providers]]
name = "e"
base_url = "http://127.0.0.1:1/v1/"
api_key_file = "none.txt"       #! @16 providers[4].api_key_file: cannot be read: entity not found
[[providers]]
name = "f"
base_url = "http://[::1]:1/v1"
api_key_env = "EMPTY"           #! @15 providers[5].api_key_env: the key is empty
[[providers]]
name = "f"                      #! @8 providers[6].name: another provider has this name
base_url = "http://example.com"
allow_plain_http = true
api_key_env = "BROKEN"          #! @15 providers[6].api_key_env: the key has a space
[[providers]]                   #! @1 providers[7].base_url: is missing
name = "g"
api_key_env = "OPENAI_API_KEY"
api_key_file = "key.txt"        #! @16 providers[7].api_key_file: give api_key_env or api_key_file, not both
connect_timeout = "0s"          #! @19 providers[7].connect_timeout: must be from 10ms to 1h
[[providers]]                   #! @1 providers[8].base_url: is missing #! @1 providers[8].name: is missing
"#,
    );
}

#[test]
fn references_must_lead_somewhere_and_names_must_be_unique() {
    check(&format!(
        r#"
[[providers]]
name = "openai"
base_url = "https://api.openai.com/v1"
[[models]]
name = "gpt-4o"
provider = "openia"             #! @12 models[0].provider: no provider has this name; did you mean `openai`?
[[models]]
name = "gpt-4o-mini"
provider = "openai"
[[models]]
name = "gpt-4o-mini"            #! @8 models[2].name: another model has this name
provider = "openai"
[[teams]]
name = "red"
[[teams]]
name = "red"                    #! @8 teams[1].name: another team has this name
[[keys]]
id = "k"
sha256 = "{HASH}"
team = "rde"                    #! @8 keys[0].team: no team has this name; did you mean `red`?
models = ["gpt-4o-mini", "gpt-9"] #! @26 keys[0].models[1]: no model has this name
[[keys]]
id = "k"                        #! @6 keys[1].id: another key has this id
sha256 = "{HASH}" #! @10 keys[1].sha256: keys[0] is the same key
team = "red"
[[keys]]
id = "l"
sha256 = "wk-plain-key"         #! @10 keys[2].sha256: expected the SHA-256 of the key
team = "red"
models = []                     #! @10 keys[2].models: names no model
[[budgets]]
id = "b"
team = "blue"                   #! @8 budgets[0].team: no team has this name
limit_usd = "1e3"               #! @13 budgets[0].limit_usd: not a decimal number
window = "fortnight"            #! @10 budgets[0].window: must be one of minute, hour, day, week, month, total
[[budgets]]
id = "b"                        #! @6 budgets[1].id: another budget has this id
key = "nobody"                  #! @7 budgets[1].key: no key has this id
limit_usd = -5                  #! @13 budgets[1].limit_usd: must not be negative
window = "weak"                 #! @10 budgets[1].window: must be one of minute, hour, day, week, month, total; did you mean `week`?
[[budgets]]                     #! @1 budgets[2]: a budget is of a `team` or of a `key`: neither is set #! @1 budgets[2].window: is missing
id = "c"
limit_usd = 0.0000000000001     #! @13 budgets[2].limit_usd: more than 12 decimal places
[[budgets]]
id = "d"
team = "red"
key = "k"                       #! @7 budgets[3].key: a budget is of a team or of a key, not of both
limit_usd = 10000000            #! @13 budgets[3].limit_usd: over 9,223,372 dollars
window = "total"
"#
    ));
}

#[test]
fn p3_a_budgeted_keys_models_must_have_a_price_or_be_free() {
    let text = |models: &str, free: &str| {
        format!(
            r#"
[[providers]]
name = "p"
base_url = "https://example.com"
[[models]]
name = "alias"
upstream_model = "gpt-4o-mini"
provider = "p"
[[models]]
name = "unheard-of"
provider = "p"
{free}
[[teams]]
name = "red"
[[keys]]
id = "k"
sha256 = "{HASH}"
team = "red"
{models}
[[budgets]]
id = "b"
team = "red"
limit_usd = 5
window = "day"
"#
        )
    };
    let places = |text: &str| mistakes(text).iter().map(|m| (m.line, m.at.clone())).collect::<Vec<_>>();
    assert_eq!(places(&text("", "")), [(20, "budgets[0]".to_owned())]);
    assert_eq!(places(&text("models = [\"alias\", \"unheard-of\"]", "")), [(19, "keys[0].models[1]".to_owned())]);
    assert_eq!(places(&text("models = [\"alias\"]", "")), []);
    assert_eq!(places(&text("", "free = true")), []);
}

#[test]
fn broken_syntax_is_told_without_mistakes_that_only_follow_from_it() {
    check(
        r#"
[ingress]
listen = #! @10 : string values must be quoted
max_in_flight = 0 #! @17 ingress.max_in_flight: must be from
[[providers]]
name = "p
"# // The quote that nobody closed: this line has its mark below.
        .replace("\"p\n", "\"p\" x #! @12 : \n")
        .as_str(),
    );
    let unclosed = mistakes("a = [1, 2\n");
    assert_eq!(unclosed.iter().map(|m| (m.line, m.at.as_str())).collect::<Vec<_>>(), [(1, "")]);
}

#[test]
fn a_key_set_twice_is_told_beside_all_other_mistakes() {
    check(
        r#"
[ingress]
max_in_flight = 5
max_in_flight = 6               #! @1 : duplicate key
lease_wait = 5                  #! @14 ingress.lease_wait: expected a string
[outbox]
[outbox]                        #! @2 : duplicate key
"#,
    );
}

#[test]
fn tables_where_values_belong_and_the_reverse() {
    check("ingress = 5 #! @11 ingress: expected a table\nproviders = 5 #! @13 providers: expected an array\n");
    check(
        "providers = [1, {}]  #! @14 providers[0]: expected a table #! @17 providers[1].base_url #! @17 providers[1].name\n",
    );
    check("[ingress.listen] #! @1 ingress.listen: expected a string, found a table\n");
}

#[test]
fn columns_count_characters() {
    check(
        "[ingress]\nlog = 'ÄÖÜ' #! @1 ingress.log: unknown key\n[log.properties]\n'ä' = 'ö'\nacks = 1 #! @1 log.properties.acks\n",
    );
    let found =
        mistakes("a = { 'ÄÖÜ' = 1, b = { } }\n[[providers]]\nname = 'p'\nbase_url = 'https://x'\nx = { 'ü' = 1 }\n");
    assert_eq!(found.iter().map(|m| (m.line, m.column)).collect::<Vec<_>>(), [(1, 1), (5, 1)]);
}

#[test]
fn nothing_that_is_said_holds_a_secret() {
    let text = EXAMPLE.replace("25.50", "-1").replace("sha256 = \"", "sha256 = \"wk-hidden");
    let said = format!("{:?}", mistakes(&text));
    assert!(!said.contains("wk-hidden") && !said.is_empty());
    let config = parse(EXAMPLE).unwrap();
    assert!(!format!("{config:?}").contains("sk-the-secret"));
}

#[test]
fn a_file_that_is_no_configuration_at_all_gives_mistakes_and_not_a_crash() {
    for text in
        ["\u{0}", "\u{feff}", "{}", "<html>", "----", "[[[[", "a.b.c.d", &"[".repeat(100_000), &"a.".repeat(50_000)]
    {
        assert!(text == "\u{feff}" || !mistakes(text).is_empty());
    }
}

proptest! {
    #[test]
    fn p8_no_mutation_of_the_example_makes_the_reader_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, "[\\[\\]{}=\"'\n.#,a-z0-9é-]{0,6}"), 1..6)
    ) {
        let mut text = EXAMPLE.to_owned();
        for (at, length, with) in cuts {
            let boundary = |mut at: usize| { while !text.is_char_boundary(at) { at -= 1 } at };
            let from = boundary(at.index(text.len()));
            let to = boundary((from + length).min(text.len()));
            text.replace_range(from..to, &with);
        }
        let lines = text.matches('\n').count() + 1;
        for mistake in mistakes(&text) {
            prop_assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{:?}", mistake);
        }
    }

    #[test]
    fn p8_no_text_makes_the_reader_panic(text in "(\\PC|\n|=|\\[|\"){0,200}") {
        let _ = parse(&text);
    }
}
