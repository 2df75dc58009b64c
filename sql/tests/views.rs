//! Views and reports over a small lake, against figures computed by hand.

mod lake;

use lake::{TestLake, jsonl, rows};
use serde_json::json;
use weir_sql::{Limits, catalog, reports};

const DAY: &str = "2026-11-23";

async fn filled() -> TestLake {
    let mut lake = TestLake::new();
    let request = |id: &str, seq: i64, team: &str, action: &str| {
        json!({
            "event_id": format!("e{id}"), "ingress_id": "in-1", "boot_epoch": 1, "seq": seq, "request_id": id,
            "event_time": format!("2026-11-23T10:00:0{seq}.123456Z"), "policy_version": "p1", "team": team, "key_id": "k1",
            "user_id": "ann", "endpoint": "/v1/chat/completions", "request_model": "sim-large", "provider": "sim",
            "stream": true, "action": action, "body": "{\"q\":\"é\"}", "kafka_offset": seq,
        })
    };
    lake.add(
        "requests",
        DAY,
        "acme",
        &[
            request("r0", 0, "red", "flag"),
            request("r1", 1, "red", "allow"),
            request("r2", 2, "blue", "block"),
            request("r3", 4, "blue", "redact"),
        ],
    )
    .await;
    let outcome = |id: &str, seq: i64, outcome: &str, status: i64, action: &str, latency: i64| {
        json!({
            "ingress_id": "in-1", "boot_epoch": 1, "seq": seq, "request_id": id, "outcome": outcome, "status": status,
            "action": action, "latency_us": latency, "ttft_us": latency / 2,
            "error_origin": if status >= 400 { json!("weir") } else { json!(null) },
            "error_code": if status >= 400 { json!("guardrail_blocked") } else { json!(null) },
            "retry_safe": if status >= 400 { json!(false) } else { json!(null) },
        })
    };
    lake.add(
        "outcomes",
        DAY,
        "acme",
        &[
            outcome("r0", 0, "completed", 200, "flag", 1_234_567),
            outcome("r1", 1, "completed", 200, "redact", 2_000),
            outcome("r2", 2, "blocked", 403, "block", 1_000),
        ],
    )
    .await;
    let usage = |id: &str, seq: i64, source: &str, input: i64, output: i64| {
        json!({
            "ingress_id": "in-1", "boot_epoch": 1, "seq": seq, "request_id": id, "team": "red", "key_id": "k1",
            "provider": "sim", "deployment": "sim-1", "request_model": "sim-large", "source": source,
            "input_tokens": input, "output_tokens": output, "cache_read_input_tokens": 3, "reasoning_tokens": 2,
        })
    };
    lake.add(
        "usage",
        DAY,
        "acme",
        &[usage("r0", 0, "provider", 100, 20), usage("r1", 1, "estimated", 0, 0), usage("r3", 1, "provider", 7, 1)],
    )
    .await;
    let cost = |id: &str, source: &str, input: i64, output: i64, usd: Option<&str>| {
        json!({
            "request_id": id, "team": "red", "key_id": "k1", "provider": "sim", "deployment": "sim-1",
            "request_model": "sim-large", "source": source, "input_tokens": input, "output_tokens": output,
            "cache_read_input_tokens": 3, "reasoning_tokens": 2, "cost_usd": usd, "price_version": "v1",
        })
    };
    // Two calls of r0 (a fallback): they add up, and the request stays one row.
    lake.add(
        "costs",
        DAY,
        "acme",
        &[
            cost("r0", "provider", 60, 12, Some("0.000150000001")),
            cost("r0", "provider", 40, 8, Some("0.1")),
            cost("r1", "estimated", 11, 5, None),
        ],
    )
    .await;
    let finding = |id: &str, at: i64, kind: &str, action: &str| {
        json!({
            "request_id": id, "seq": 0, "source": "requests", "direction": "prompt", "finding_index": at,
            "recognizer": "email", "kind": kind, "category": "pii", "field": "/messages/0/content", "score": 1.0,
            "action": action, "seen_by": "inline", "event_time": format!("2026-11-23T10:00:0{at}Z"),
        })
    };
    lake.add(
        "findings",
        DAY,
        "acme",
        &[
            finding("r1", 0, "EMAIL_ADDRESS", "redact"),
            finding("r1", 1, "EMAIL_ADDRESS", "redact"),
            finding("r1", 2, "PHONE_NUMBER", "flag"),
        ],
    )
    .await;
    let grant =
        |offset: i64, entry: &str, epoch: i64, lease: Option<&str>, amount: Option<&str>, spent: Option<&str>| {
            json!({
                "entry": entry, "epoch": epoch, "seq": offset, "owner": "q", "budget_id": "team:red", "lease_id": lease,
                "amount_usd": amount, "spent_usd": spent, "window_start": "2026-11-01T00:00:00Z",
                "limit_usd": if entry == "deny" { json!("10") } else { json!(null) }, "kafka_offset": offset,
            })
        };
    lake.add(
        "grants",
        DAY,
        "_system",
        &[
            grant(0, "claim", 1, None, None, None),
            grant(1, "grant", 1, Some("l1"), Some("5"), None),
            grant(2, "grant", 1, Some("l2"), Some("1.5"), None),
            grant(3, "settle", 1, Some("l1"), None, Some("4.25")),
            grant(4, "claim", 2, None, None, None),
            // Void: written under a claim that is over.
            grant(5, "grant", 1, Some("l3"), Some("100"), None),
            grant(6, "deny", 2, None, None, None),
        ],
    )
    .await;
    lake
}

#[tokio::test]
async fn the_audit_view_has_one_row_a_request_with_exact_figures() {
    let lake = filled().await;
    let session = lake.session();
    let text = jsonl(&session, "SELECT * FROM audit WHERE tenant = 'acme' ORDER BY ts").await.unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[0],
        concat!(
            r#"{"ts":"2026-11-23T10:00:00.123456Z","request_id":"r0","tenant":"acme","team":"red","project":null,"#,
            r#""user_id":"ann","key_id":"k1","app":null,"app_version":null,"provider":"sim","model":"sim-large","#,
            r#""endpoint":"/v1/chat/completions","stream":true,"status":200,"outcome":"completed","action":"allow","#,
            r#""policy":"p1","prompt_tokens":100,"cached_tokens":6,"completion_tokens":20,"reasoning_tokens":4,"#,
            r#""cost_usd":"0.100150000","latency_ms":1234.567,"ttft_ms":617.283}"#,
        )
    );
    let short =
        "SELECT request_id, status, outcome, action, prompt_tokens, completion_tokens, cost_usd FROM audit ORDER BY 1";
    assert_eq!(
        rows(&session, short).await[1..],
        [
            // Weir counted; the model has no price.
            json!({"request_id": "r1", "status": 200, "outcome": "completed", "action": "redact", "prompt_tokens": 11,
               "completion_tokens": 5, "cost_usd": null}),
            json!({"request_id": "r2", "status": 403, "outcome": "blocked", "action": "block", "prompt_tokens": null,
               "completion_tokens": null, "cost_usd": null}),
            // Open still: no outcome, and what the provider counted before the cost comes.
            json!({"request_id": "r3", "status": null, "outcome": null, "action": "redact", "prompt_tokens": 7,
               "completion_tokens": 1, "cost_usd": null}),
        ]
    );
}

#[tokio::test]
async fn the_findings_view_counts_and_the_details_stay() {
    let lake = filled().await;
    let session = lake.session();
    assert_eq!(
        rows(&session, "SELECT * FROM findings ORDER BY type").await,
        [
            json!({"ts": "2026-11-23T10:00:00.000000Z", "request_id": "r1", "direction": "prompt", "category": "pii",
               "type": "EMAIL_ADDRESS", "count": 2, "action": "redact"}),
            json!({"ts": "2026-11-23T10:00:02.000000Z", "request_id": "r1", "direction": "prompt", "category": "pii",
               "type": "PHONE_NUMBER", "count": 1, "action": "allow"}),
        ]
    );
    assert_eq!(rows(&session, "SELECT sum(count) AS n FROM findings").await, [json!({"n": 3})]);
    assert_eq!(rows(&session, "SELECT count(*) AS n FROM finding_details").await, [json!({"n": 3})]);
}

#[tokio::test]
async fn missing_and_double_numbers_are_listed() {
    let lake = filled().await;
    let session = lake.session();
    assert_eq!(
        rows(&session, "SELECT * FROM gaps").await,
        [json!({
            "topic": "requests", "ingress_id": "in-1", "boot_epoch": 1, "first_missing": 3, "last_missing": 3, "missing": 1
        })]
    );
    assert_eq!(
        rows(&session, "SELECT * FROM duplicates").await,
        [json!({
            "topic": "usage", "ingress_id": "in-1", "boot_epoch": 1, "seq": 1, "copies": 2
        })]
    );
}

#[tokio::test]
async fn the_first_number_of_a_stream_is_zero() {
    let mut lake = TestLake::new();
    lake.add("chunks", DAY, "acme", &[json!({"ingress_id": "in-2", "boot_epoch": 7, "seq": 2})]).await;
    let gaps = rows(&lake.session(), "SELECT first_missing, last_missing, missing FROM gaps").await;
    assert_eq!(gaps, [json!({"first_missing": 0, "last_missing": 1, "missing": 2})]);
}

#[tokio::test]
async fn budgets_leave_out_void_entries() {
    let lake = filled().await;
    let report = reports::by_name("budgets").unwrap();
    assert_eq!(
        rows(&lake.session(), report.sql).await,
        [json!({
            "budget_id": "team:red", "window_start": "2026-11-01T00:00:00.000000Z", "window_end": null,
            "charged_usd": "4.250000000000", "outstanding_usd": "1.500000000000", "leases": 2, "denials": 1,
            "limit_when_denied_usd": "10.000000000000"
        })]
    );
}

#[tokio::test]
async fn spend_sums_exactly_and_says_what_has_no_price() {
    let lake = filled().await;
    let report = reports::by_name("spend_by_team").unwrap();
    assert_eq!(
        rows(&lake.session(), report.sql).await,
        [json!({
            "tenant": "acme", "team": "red", "project": null, "requests": 2, "input_tokens": 111, "output_tokens": 25,
            "cost_usd": "0.100150000001", "unpriced": 1, "estimated": 1
        })]
    );
}

#[tokio::test]
async fn every_report_runs_on_an_empty_and_on_a_filled_lake() {
    let (empty, full) = (TestLake::new(), filled().await);
    for lake in [&empty, &full] {
        let session = lake.session();
        for report in reports::ALL {
            let answer = jsonl(&session, report.sql).await.unwrap_or_else(|e| panic!("{}: {e}", report.name));
            assert!(lake.audit.exists() || answer.is_empty(), "{}: {answer}", report.name);
        }
    }
}

#[tokio::test]
async fn every_relation_answers_with_the_columns_that_its_reference_names() {
    for lake in [TestLake::new(), filled().await] {
        let session = lake.session();
        for relation in catalog::relations() {
            let query = session.query(&format!("SELECT * FROM {}", relation.name), &Limits::default()).await.unwrap();
            let found: Vec<_> =
                query.schema().fields().iter().map(|f| (f.name().clone(), catalog::sql_type(f.data_type()))).collect();
            let told: Vec<_> = relation.columns.iter().map(|c| (c.name.to_owned(), c.data_type.to_owned())).collect();
            assert_eq!(found, told, "{}", relation.name);
        }
        assert!(rows(&session, "SELECT * FROM columns WHERE table_name = 'audit'").await.len() == 24);
        assert!(!rows(&session, "DESCRIBE audit").await.is_empty());
        assert!(!rows(&session, "SHOW TABLES").await.is_empty());
    }
}
