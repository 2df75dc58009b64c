//! Whatever comes in: a clear error, an outcome in the audit, and a gateway that goes on.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::json;

use crate::audit;
use crate::client::{Client, Received};
use crate::cluster::{Cluster, Log};
use crate::pipeline::SETTLE;

fn is_an_error(answer: &Received, status: u16, origin: &str) {
    assert_eq!(answer.status, Some(status), "{}", answer.text());
    let error = &answer.json()["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{}", answer.text());
    assert_eq!(answer.header("x-weir-error-origin"), Some(origin), "{}", answer.text());
    assert!(answer.header("x-should-retry").is_some(), "says nothing of a retry: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_error_and_an_outcome() {
    let mut cluster = Cluster::start(Log::Embedded).await;
    let client = cluster.client();
    let chat = "/chat/completions";
    let ask = |model: &str, stream: bool| {
        json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": "hi" }] }).to_string()
    };

    // Nobody, or nobody known: refused, and no event.
    let stranger = Client::new(&client.base, "wk-wrong");
    is_an_error(&stranger.post(chat, ask("sim-small", false)).await, 401, "weir");
    let nameless = Request::post(format!("{}{chat}", client.base)).body(Full::default()).unwrap();
    is_an_error(&client.call(nameless).await, 401, "weir");
    is_an_error(&client.post("/nothing/here", "{}").await, 404, "weir");

    // The caller's mistakes: each has an outcome.
    let mut audited = 0;
    for (body, status) in [
        ("{\"model\":", 400),
        ("", 400),
        ("[1]", 400),
        ("{\"model\":\"sim-small\",\"model\":\"sim-large\",\"messages\":[]}", 400),
        ("{\"model\":7,\"messages\":[]}", 400),
    ] {
        is_an_error(&client.post(chat, body).await, status, "weir");
        audited += 1;
    }
    let broken_utf8: Vec<u8> =
        [&b"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\""[..], &[0xff, 0xfe], b"\"}]}"]
            .concat();
    is_an_error(&client.post(chat, broken_utf8).await, 400, "weir");
    let deep = format!("{{\"model\":\"sim-small\",\"messages\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    is_an_error(&client.post(chat, deep).await, 400, "weir");
    is_an_error(&client.post(chat, ask("no-such-model", false)).await, 404, "weir");
    audited += 3;
    let large = client.post(chat, vec![b'x'; 20 << 20]).await;
    // A client that is still sending may see the connection close in place of the answer.
    if large.status.is_some() {
        is_an_error(&large, 413, "weir");
    }
    audited += 1;

    // The provider's.
    is_an_error(&client.post(chat, ask("sim-fail", false)).await, 500, "provider");
    let broken = client.post(chat, ask("sim-broken", true)).await;
    assert_eq!(broken.status, Some(200));
    assert!(!broken.text().contains("[DONE]") && broken.text().contains("\"error\""), "{}", broken.text());
    let garbage = client.post(chat, ask("sim-garbage", true)).await;
    assert!(!garbage.text().contains("[DONE]") || garbage.status != Some(200), "{}", garbage.text());
    audited += 3;

    // And it goes on.
    let fine = client.chat("sim-small", "fine", true, 3, 0).await;
    assert!(fine.whole && fine.text().contains("[DONE]"));
    audited += 1;
    audit::await_settled(cluster.data(), audited, SETTLE);
    audit::holds_what_clients_received(cluster.data(), &[broken, garbage, fine]);
    let rows =
        audit::sql(cluster.data(), "SELECT outcome, count(*) AS n FROM outcomes GROUP BY outcome ORDER BY outcome");
    let found: Vec<(&str, i64)> =
        rows.iter().map(|r| (r["outcome"].as_str().unwrap(), r["n"].as_i64().unwrap())).collect();
    assert_eq!(found, [("completed", 1), ("invalid_request", 9), ("upstream_error", 3)]);
    cluster.stop_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_cancels_the_provider_and_has_an_outcome() {
    let cluster = Cluster::start(Log::Embedded).await;
    let client = cluster.client();
    let leaving =
        tokio::time::timeout(Duration::from_millis(900), client.chat("sim-small", "gone", true, 500, 50)).await;
    assert!(leaving.is_err(), "the answer should have taken longer");
    let cancelled =
        cluster.provider.journal().until(Duration::from_secs(10), |calls| calls.iter().any(|c| c.cancelled())).await;
    assert!(cancelled, "the provider was not cancelled");
    audit::await_settled(cluster.data(), 1, SETTLE);
    let row = audit::sql(cluster.data(), "SELECT outcome, cost_usd FROM audit").remove(0);
    assert_eq!(row["outcome"], "client_cancelled");
    assert!(!row["cost_usd"].is_null(), "what was delivered is charged: {row}");
    let source = audit::sql(cluster.data(), "SELECT source FROM costs").remove(0);
    assert_eq!(source["source"], "estimated");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_written_files_are_no_harm() {
    let mut cluster = Cluster::start(Log::Embedded).await;
    let before = crate::pipeline::load(&cluster.clients(), 10, "h", 0).await;
    audit::await_settled(cluster.data(), 10, SETTLE);
    cluster.kill("up");
    // A torn tail in every journal, and a Parquet file that no commit names.
    let mut folders = vec![cluster.data().to_path_buf()];
    let mut torn = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "seg" || e == "log") {
                use std::io::Write;
                std::fs::OpenOptions::new()
                    .append(true)
                    .open(&entry)
                    .unwrap()
                    .write_all(&[0, 0, 1, 0, 7, 7, 7])
                    .unwrap();
                torn += 1;
            }
        }
    }
    assert!(torn > 0, "no journal segment was found to tear");
    std::fs::write(cluster.data().join("audit/chunks/half.parquet"), b"PAR1 and then nothing").unwrap();
    cluster.start_again("up");
    let mut all = crate::pipeline::load(&cluster.clients(), 10, "i", 0).await;
    all.extend(before);
    audit::await_settled(cluster.data(), 20, SETTLE);
    audit::holds_what_clients_received(cluster.data(), &all);
}
