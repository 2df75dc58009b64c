//! The whole way of a request: what clients received, what the provider billed, and what SQL finds are the same.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use crate::audit;
use crate::client::{Client, Received};
use crate::cluster::{BUDGETED_KEY, Cluster, Log, can_run};

const REQUESTS: usize = 60;
const AT_A_TIME: usize = 8;
pub(crate) const SETTLE: Duration = Duration::from_secs(60);

/// `n` calls over all clients, streamed and plain, small and large; in flight together.
pub(crate) async fn load(clients: &[Client], n: usize, tag: &str, delay_ms: u64) -> Vec<Received> {
    futures_util::stream::iter(0..n)
        .map(|i| {
            let client = &clients[i % clients.len()];
            let model = if i % 4 == 0 { "sim-large" } else { "sim-small" };
            let nonce = format!("{tag}{i}");
            async move { client.chat(model, &nonce, i % 3 != 0, 3 + i % 10, delay_ms).await }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_stand_in_the_audit_on_the_embedded_log() {
    pipeline(Log::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_stand_in_the_audit_on_kafka() {
    pipeline(Log::Kafka).await;
}

async fn pipeline(log: Log) {
    if !can_run(log) {
        return;
    }
    let mut cluster = Cluster::start(log).await;
    let received = load(&cluster.clients(), REQUESTS, "p", 0).await;
    for answer in &received {
        assert_eq!(answer.status, Some(200), "{}", answer.text());
        assert!(answer.whole);
        // The answer is the one that the provider gave to this very prompt.
        assert!(answer.text().contains(&answer.nonce), "{} has no {}", answer.text(), answer.nonce);
        assert!(
            !answer.text().contains("\"usage\":{") || !answer.streamed,
            "usage that nobody asked for: {}",
            answer.text()
        );
    }
    audit::await_settled(cluster.data(), REQUESTS, SETTLE);
    audit::holds_what_clients_received(cluster.data(), &received);
    costs_are_what_the_provider_counted(&cluster);
    the_flat_view_has_a_row_a_request(&cluster);

    // A stop in good order and a second start go on from there.
    cluster.stop_all();
    for name in cluster.names() {
        cluster.start_again(&name);
    }
    let mut more = load(&cluster.clients(), 10, "again", 0).await;
    more.extend(received);
    audit::await_settled(cluster.data(), REQUESTS + 10, SETTLE);
    audit::holds_what_clients_received(cluster.data(), &more);
}

/// The price of each call by hand: the provider's own counts times the list price, in pico-dollars.
fn costs_are_what_the_provider_counted(cluster: &Cluster) {
    let mut expected: BTreeMap<String, i128> = BTreeMap::new();
    for call in cluster.provider.journal().calls() {
        let body: Value = serde_json::from_slice(&call.request).unwrap();
        let prompt = body["messages"][0]["content"].as_str().unwrap().to_owned();
        expected.insert(prompt, billed(&call));
    }
    let rows = audit::sql(
        cluster.data(),
        "SELECT utf8(r.body) AS body, c.cost_usd, c.source, u.input_tokens + u.output_tokens AS tokens \
         FROM requests r JOIN costs c ON c.request_id = r.request_id JOIN usage u ON u.request_id = r.request_id",
    );
    assert_eq!(rows.len(), expected.len());
    for row in rows {
        let body: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
        let prompt = body["messages"][0]["content"].as_str().unwrap();
        assert_eq!(row["source"], "provider");
        assert_eq!(picousd(&row["cost_usd"]), expected[prompt], "cost of {prompt}: {row}");
    }
}

/// What a call costs by the provider's own counts and the list prices, in pico-dollars: a dollar per million tokens is a
/// million pico-dollars per token. Cached tokens cost half of fresh ones.
fn billed(call: &weir_simulator::Call) -> i128 {
    let (input, output) = if call.model == "sim-large" { (2_500_000, 10_000_000) } else { (150_000, 600_000) };
    let [prompt, cached, completion] = [call.tokens.prompt, call.tokens.cached, call.tokens.completion].map(i128::from);
    (prompt - cached) * input + cached * input / 2 + completion * output
}

/// A decimal number of dollars, as JSON number or text, in pico-dollars.
fn picousd(value: &Value) -> i128 {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    weir_schemas::Money::parse_usd(&text).unwrap_or_else(|e| panic!("{text}: {e}")).picousd().into()
}

fn the_flat_view_has_a_row_a_request(cluster: &Cluster) {
    let rows = audit::sql(cluster.data(), "SELECT * FROM audit");
    assert_eq!(rows.len(), REQUESTS);
    let columns: Vec<&str> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = vec![
        "ts",
        "request_id",
        "tenant",
        "team",
        "project",
        "user_id",
        "key_id",
        "app",
        "app_version",
        "provider",
        "model",
        "endpoint",
        "stream",
        "status",
        "outcome",
        "action",
        "policy",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "cost_usd",
        "latency_ms",
        "ttft_ms",
    ];
    let mut columns = columns;
    columns.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(columns, wanted);
    for row in rows {
        assert_eq!((row["outcome"].as_str(), row["status"].as_i64()), (Some("completed"), Some(200)), "{row}");
        assert_eq!((row["tenant"].as_str(), row["team"].as_str()), (Some("acme"), Some("red")));
        assert!(row["latency_ms"].as_f64().unwrap() >= row["ttft_ms"].as_f64().unwrap(), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_redacted_before_the_provider_sees_them_and_found_in_the_log() {
    let cluster = Cluster::start(Log::Embedded).await;
    let client = cluster.client();
    let secrets = ["maria.lindgren@example.com", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLF", "536-22-1845"];
    let prompt = format!("Mail {} about {} with {} and {}", secrets[0], secrets[1], secrets[2], secrets[3]);
    for stream in [true, false] {
        let body = serde_json::json!({ "model": "sim-echo", "stream": stream,
            "messages": [{ "role": "user", "content": prompt }] });
        let answer = client.post("/chat/completions", body.to_string()).await;
        assert_eq!(answer.status, Some(200), "{}", answer.text());
    }
    let blocked = serde_json::json!({ "model": "sim-echo", "messages": [{ "role": "user",
        "content": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----" }] });
    let answer = client.post("/chat/completions", blocked.to_string()).await;
    assert_eq!(answer.status, Some(403), "{}", answer.text());
    audit::await_settled(cluster.data(), 3, SETTLE);

    for call in cluster.provider.journal().calls() {
        let seen = String::from_utf8_lossy(&call.request).into_owned();
        for secret in secrets {
            assert!(!seen.contains(secret), "the provider saw {secret}");
        }
        assert!(seen.contains("<EMAIL_ADDRESS>") && seen.contains("<CREDIT_CARD>"), "{seen}");
    }
    assert_eq!(cluster.provider.journal().calls().len(), 2, "a blocked request went on to the provider");
    // Nothing of it is kept anywhere: not in the log, the journal, the tables, nor what the process printed.
    let mut files = vec![cluster.data().to_path_buf()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!text.contains(secret), "{} holds {secret}", path.display());
        }
    }
    let deadline = std::time::Instant::now() + SETTLE;
    loop {
        let rows = audit::sql(
            cluster.data(),
            "SELECT type, sum(count) AS n FROM findings WHERE direction = 'prompt' GROUP BY type ORDER BY type",
        );
        let found: BTreeMap<&str, i64> =
            rows.iter().map(|r| (r["type"].as_str().unwrap(), r["n"].as_i64().unwrap())).collect();
        let wanted =
            [("CREDIT_CARD", 2), ("EMAIL_ADDRESS", 2), ("US_SSN", 2), ("aws_access_key_id", 2), ("private_key", 1)];
        if found == BTreeMap::from(wanted) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "findings: {found:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
    let actions = audit::sql(
        cluster.data(),
        "SELECT action, outcome, count(*) AS n FROM audit GROUP BY action, outcome ORDER BY action",
    );
    assert_eq!(
        actions
            .iter()
            .map(|r| (r["action"].as_str().unwrap(), r["outcome"].as_str().unwrap(), r["n"].as_i64().unwrap()))
            .collect::<Vec<_>>(),
        [("block", "blocked", 1), ("redact", "completed", 2)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_not_overshot_on_the_embedded_log() {
    budget(Log::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_not_overshot_on_kafka() {
    budget(Log::Kafka).await;
}

/// P3, strict: sixty calls at once, over all ingresses, on a budget that does not fit them.
async fn budget(log: Log) {
    if !can_run(log) {
        return;
    }
    let cluster = Cluster::start(log).await;
    let clients: Vec<Client> = cluster.clients().into_iter().map(|c| Client::new(&c.base, BUDGETED_KEY)).collect();
    let answers: Vec<Received> = futures_util::stream::iter(0..60)
        .map(|i| {
            let client = &clients[i % clients.len()];
            async move {
                let body = serde_json::json!({ "model": "sim-large", "max_tokens": 60, "stream": i % 2 == 0,
                    "messages": [{ "role": "user", "content": format!("@sim n=b{i} c=60") }] });
                client.post("/chat/completions", body.to_string()).await
            }
        })
        .buffer_unordered(60)
        .collect()
        .await;
    let admitted = answers.iter().filter(|a| a.status == Some(200)).count();
    let refused: Vec<&Received> = answers.iter().filter(|a| a.status == Some(429)).collect();
    assert_eq!(admitted + refused.len(), answers.len(), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    assert!(admitted >= 3, "of 60 calls {admitted} were admitted: the budget fits more than that");
    assert!(!refused.is_empty(), "the budget fits no 60 calls");
    for answer in refused {
        assert_eq!(answer.json()["error"]["code"], "insufficient_quota", "{}", answer.text());
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert!(answer.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok()));
    }
    // By the provider's own counts.
    let spent: i128 = cluster.provider.journal().calls().iter().map(billed).sum();
    assert!(spent <= 10_000_000_000, "P3: spent {spent} pico-dollars of 10,000,000,000");
    audit::await_settled(cluster.data(), 60, SETTLE);
    audit::nothing_lost_nothing_twice(cluster.data());
    let exceeded =
        audit::number(cluster.data(), "SELECT count(*) AS n FROM outcomes WHERE outcome = 'budget_exceeded'");
    assert_eq!(usize::try_from(exceeded).unwrap(), 60 - admitted);
}
