//! What happens at the limits: a full outbox, a spent budget, too many calls, the end of the process.

mod support;

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::grantor::Grantor;
use support::{BUDGETED, KEY, Setup, World, create_topics, until};
use weir_policy::{FsyncSetting, OutboxConfig};
use weir_schemas::Money;
use weir_schemas::event::OutcomeKind;

const TEAM_BUDGET: &str = "[[budgets]]\nid = \"red-total\"\nteam = \"red\"\nlimit_usd = \"1\"\nwindow = \"total\"\n";

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "@sim n=abc c=5; hello"}]})
}

#[tokio::test]
async fn a_full_outbox_refuses_new_calls_and_goes_on_when_it_is_shipped() {
    let outbox = OutboxConfig { fsync: FsyncSetting::Never, max_bytes: 512 * 1024 };
    // Without topics nothing is shipped.
    let world = World::with(Setup { outbox, topics: false, ..Setup::default() }).await;
    let body = json!({"model": "sim-small", "messages": [{"role": "user", "content": "word ".repeat(8_000)}]});
    let mut refused = None;
    for _ in 0..40 {
        let got = world.chat(KEY, body.clone()).await;
        if got.status != 200 {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("the outbox is bounded");
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "audit_unavailable"));
    assert_eq!((refused.header("retry-after"), refused.header("x-should-retry")), (Some("5"), Some("true")));
    assert_eq!(world.get("/readyz").await.status, 503);
    create_topics(&world.bus).await;
    until("shipped", async || world.get("/readyz").await.status == 200).await;
    assert_eq!(world.chat(KEY, body).await.status, 200);
    let (log, _) = world.finish().await;
    assert!(log.requests.iter().all(|request| request.header.request_id != refused.id()));
}

#[tokio::test]
async fn an_open_stream_ends_in_the_log_when_the_outbox_is_full() {
    let outbox = OutboxConfig { fsync: FsyncSetting::Never, max_bytes: 256 * 1024 };
    let world = World::with(Setup { outbox, topics: false, ..Setup::default() }).await;
    let body =
        json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim c=100000;"}]});
    let response = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    let id = response.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    let mut stream = response.into_body();
    let mut read = Vec::new();
    // The stream is cut: by a last typed event where there is room for it, else by the connection.
    while let Some(Ok(frame)) = stream.frame().await {
        read.extend_from_slice(&frame.into_data().unwrap());
    }
    let text = String::from_utf8(read.clone()).unwrap();
    assert!(!text.contains("[DONE]"));
    create_topics(&world.bus).await;
    let (log, _) = world.finish().await;
    let call = log.call(id);
    assert_eq!(
        (call.outcome.outcome, call.outcome.error_code.as_deref()),
        (OutcomeKind::Internal, Some("audit_unavailable"))
    );
    assert!(text.contains("audit_unavailable"), "room is kept for the end");
    assert_eq!(call.body(), read, "every byte that the client got is in the log");
}

#[tokio::test]
async fn a_budget_is_reserved_capped_and_settled_until_it_is_spent_and_never_overshot() {
    let limit = Money::parse_usd("0.02").unwrap();
    let policy = TEAM_BUDGET.replace("\"1\"", "\"0.02\"");
    let world = World::with(Setup { policy, ..Setup::default() }).await;
    let _grantor = Grantor::start(&world.bus, "red-total", limit).await;
    let prices = world.policy.load().prices.clone();
    let mut told = Vec::new();
    let spent = loop {
        // Several at once: no two of them may spend the same money.
        let asked = (0..8).map(|_| world.chat(BUDGETED, hello("sim-small")));
        let got = futures_util::future::join_all(asked).await;
        let (paid, refused): (Vec<_>, Vec<_>) = got.into_iter().partition(|got| got.status == 200);
        told.extend(paid);
        if let Some(refused) = refused.into_iter().next() {
            break refused;
        }
        assert!(told.len() < 5_000, "the budget is never spent");
    };
    assert_eq!((spent.status.as_u16(), spent.code().as_str()), (429, "insufficient_quota"), "{}", spent.text());
    assert_eq!(spent.header("x-should-retry"), Some("false"));
    let (log, after) = world.finish().await;
    assert_eq!(log.call(spent.id()).outcome.outcome, OutcomeKind::BudgetExceeded);
    let cost = |usage: &weir_schemas::Usage| {
        prices.cost("sim-small", usage.tier.as_deref(), &usage.tokens, usage.header.event_time).unwrap().unwrap()
    };
    let total = log.usage.iter().map(cost).fold(Money::ZERO, Money::saturating_add);
    assert!(total > Money::ZERO && total <= limit, "{total} of {limit}");
    let sent: Value = serde_json::from_slice(&after.simulator.journal().calls()[0].request).unwrap();
    assert_eq!(sent["max_tokens"], 4096, "the provider enforces what was set aside");
    for got in told {
        let call = log.call(got.id());
        assert_eq!(call.request.reservations[0].budget_id.as_str(), "red-total");
        let reserved: i64 = call.request.reservations.iter().map(|part| part.amount.0).sum();
        assert!(cost(&call.usage.unwrap()).0 <= reserved);
    }
}

#[tokio::test]
async fn what_was_set_aside_for_an_answer_that_broke_off_is_spent() {
    let world = World::with(Setup { policy: TEAM_BUDGET.into(), ..Setup::default() }).await;
    let _grantor = Grantor::start(&world.bus, "red-total", Money::parse_usd("1").unwrap()).await;
    let body = json!({"model": "sim-small", "stream": true, "max_tokens": 2000,
        "messages": [{"role": "user", "content": "@sim c=1000 d=20ms;"}]});
    let open = world.send(Method::POST, "/v1/chat/completions", Some(BUDGETED), body.to_string().into()).await;
    assert_eq!(open.status(), 200);
    let mut stream = open.into_body();
    stream.frame().await.unwrap().unwrap();
    // The provider may have made more than what came, and bills it.
    drop(stream);
    assert!(world.simulator.journal().until(support::PATIENCE, |calls| calls[0].cancelled()).await);
    until("the end of the call", async || world.get("/metrics").await.text().contains("weir_ingress_in_flight 0"))
        .await;
    let (log, after) = world.finish().await;
    let reserved = log.requests[0].reservations.iter().fold(Money::ZERO, |sum, part| sum.saturating_add(part.amount));
    assert!(reserved > Money::ZERO);
    assert_eq!(support::spent_of_leases(&after.bus).await, reserved);
}

#[tokio::test]
async fn without_a_grantor_a_budgeted_call_is_refused_and_not_let_through() {
    let mut setup = Setup { policy: TEAM_BUDGET.into(), ..Setup::default() };
    setup.config.lease_wait = Duration::from_millis(200);
    let world = World::with(setup).await;
    let got = world.chat(BUDGETED, hello("sim-small")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "budget_unavailable"));
    assert_eq!(got.header("x-should-retry"), Some("true"));
    assert_eq!(world.chat(KEY, hello("sim-small")).await.status, 200, "keys without a budget do not wait");
    let (log, after) = world.finish().await;
    assert_eq!(log.call(got.id()).outcome.outcome, OutcomeKind::BudgetExceeded);
    assert_eq!(after.simulator.journal().received(), 1);
}

/// P3: it may be a claim that makes what follows void.
#[tokio::test]
async fn after_a_ledger_entry_that_cannot_be_read_no_grant_of_its_partition_is_believed() {
    let mut setup = Setup { policy: TEAM_BUDGET.into(), ..Setup::default() };
    setup.config.lease_wait = Duration::from_millis(500);
    let world = World::with(setup).await;
    let topic = weir_schemas::Topic::QuotaGrants.name(support::PREFIX);
    let producer = world.bus.producer().unwrap();
    for partition in 0..world.bus.partitions(&topic).await.unwrap() {
        let record = weir_bus::Record {
            topic: topic.clone(),
            partition: Some(weir_schemas::Partition(partition)),
            key: "k".into(),
            value: Some("from another release".into()),
            headers: Vec::new(),
        };
        producer.send(record).unwrap().await.unwrap();
    }
    let _grantor = Grantor::start(&world.bus, "red-total", Money::parse_usd("1").unwrap()).await;
    let got = world.chat(BUDGETED, hello("sim-small")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "budget_unavailable"));
}

#[tokio::test]
async fn what_has_no_bound_is_refused_under_a_budget() {
    let world = World::with(Setup { policy: TEAM_BUDGET.into(), ..Setup::default() }).await;
    let mut body = hello("sim-small");
    body["web_search_options"] = json!({});
    let got = world.chat(BUDGETED, body).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "cost_unbounded"));
}

#[tokio::test]
async fn over_the_limit_of_calls_in_flight_the_next_is_refused() {
    let mut setup = Setup::default();
    setup.config.max_in_flight = 1;
    let world = World::with(setup).await;
    let body =
        json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim c=1000 d=20ms;"}]});
    let open = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    let got = world.chat(KEY, hello("sim-small")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "overloaded"));
    drop(open);
    until("a free place", async || world.chat(KEY, hello("sim-small")).await.status == 200).await;
    let (log, _) = world.finish().await;
    assert_eq!(log.call(got.id()).outcome.outcome, OutcomeKind::RateLimited);
}

#[tokio::test]
async fn draining_lets_an_open_stream_end() {
    let world = World::start().await;
    let body =
        json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim c=30 d=20ms;"}]});
    let open = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    let reading = tokio::spawn(async move { open.into_body().collect().await.unwrap().to_bytes() });
    let (log, _) = world.finish().await;
    assert!(reading.await.unwrap().ends_with(b"data: [DONE]\n\n"));
    assert_eq!(log.outcomes[0].outcome, OutcomeKind::Completed);
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_is_cut_and_says_whose_fault_it_was() {
    let mut setup = Setup::default();
    setup.config.drain_timeout = Duration::from_millis(100);
    let world = World::with(setup).await;
    let body = json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim c=100000 d=20ms;"}]});
    let open = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    let reading = tokio::spawn(async move { open.into_body().collect().await.is_err() });
    let drained = tokio::time::timeout(support::PATIENCE, world.ingress.drain()).await;
    drained.unwrap().unwrap();
    assert!(reading.await.unwrap(), "the client sees that it is not the end");
    let log = support::Log::read(&world.bus).await;
    assert_eq!(log.outcomes[0].outcome, OutcomeKind::Internal);
    assert_eq!(log.outcomes[0].error_code.as_deref(), Some("shutting_down"));
}

#[tokio::test]
async fn a_new_start_is_a_new_epoch_and_ships_what_was_left() {
    let world = World::with(Setup { topics: false, ..Setup::default() }).await;
    let first = world.chat(KEY, hello("sim-small")).await;
    // There is nowhere to ship to until the drain has given up: the next start does.
    let world = tokio::time::timeout(Duration::from_secs(60), world.restart()).await.unwrap();
    create_topics(&world.bus).await;
    let second = world.chat(KEY, hello("sim-small")).await;
    let (log, _) = world.finish().await;
    let (a, b) = (log.call(first.id()), log.call(second.id()));
    assert!(a.request.header.boot_epoch < b.request.header.boot_epoch);
    assert_eq!((a.request.header.seq.0, b.request.header.seq.0), (0, 0));
    assert_eq!(a.request.header.ingress_id, b.request.header.ingress_id);
    assert_ne!(a.request.header.event_id, b.request.header.event_id);
}
