//! What stands in the files: folders, columns, values, statistics.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use deltalake_core::kernel::Action as DeltaAction;
use sha2::{Digest, Sha256};
use weir_schemas::event::*;
use weir_schemas::{
    BootEpoch, Chunk, Claim, Codec, Cost, Deny, FindingsFound, Grant, Intent, IntentId, LeaseId, Money, Offset,
    QuotaEntry, Request, Seq, Settle, Timestamp, Topic, Usage,
};
use weir_tables::Table;

use super::world::*;

async fn table_of<E: Event>(events: &[E]) -> (World, arrow::array::RecordBatch) {
    let mut log = Log::new(E::TOPIC, 1);
    for event in events {
        log.append_raw(0, Some(Codec::embedded().encode(event).unwrap().into()));
    }
    let world = World::new(E::TOPIC);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[1000]).await.unwrap();
    assert!(world.buried.0.lock().unwrap().is_empty());
    let mut rows = world.rows().await;
    assert_eq!(rows.len(), 1);
    let rows = rows.remove(0);
    assert_eq!(rows.schema().fields(), Table::of(E::TOPIC).file_schema().fields());
    (world, rows)
}

fn texts(rows: &arrow::array::RecordBatch, column: &str) -> Vec<Option<String>> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect()
}

fn money(rows: &arrow::array::RecordBatch, column: &str) -> Vec<Option<i128>> {
    rows.column_by_name(column).unwrap().as_primitive::<Decimal128Type>().iter().collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_stand_in_folders_of_their_day_and_tenant_and_the_log_describes_them() {
    let mut log = Log::new(Topic::Outcomes, 2);
    let tenants = ["acme", "a b/ü%#?=&..", "'quoted'"];
    for (seq, (tenant, day)) in tenants.iter().flat_map(|t| [(t, 0), (t, 1)]).enumerate() {
        let mut event = outcome("a", i64::try_from(seq).unwrap());
        event.header.tenant = (*tenant).into();
        event.header.event_time = Timestamp(NOON.0 + day * DAY);
        log.append(&event);
    }
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[1000]).await.unwrap();
    assert_eq!(world.events().await.len(), 6);

    let table = sink.ledger().handle();
    assert_eq!(table.version(), Some(1), "one commit");
    let commit = table.log_store().read_commit_entry(1).await.unwrap().unwrap();
    let actions = deltalake_core::logstore::get_actions(1, &commit).unwrap();
    let mut folders = BTreeMap::new();
    for action in &actions {
        let DeltaAction::Add(add) = action else { continue };
        let bytes = std::fs::read(world.folder().join(&add.path)).unwrap();
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let tags = add.tags.as_ref().unwrap();
        assert_eq!(tags["weir.sha256"], Some(sha256.clone()));
        assert_eq!(tags["weir.rows"], some("1"));
        assert!(add.path.ends_with(&format!("part-{sha256}.parquet")));
        assert_eq!(add.size, i64::try_from(bytes.len()).unwrap());
        let stats: serde_json::Value = serde_json::from_str(add.stats.as_ref().unwrap()).unwrap();
        assert_eq!(stats["numRecords"], 1);
        assert!(stats["minValues"]["kafka_offset"].is_i64() && stats["maxValues"]["request_id"].is_string());
        let day = add.partition_values["date"].clone().unwrap();
        assert!(stats["minValues"]["event_time"].as_str().unwrap().starts_with(&day), "{stats}");
        folders.insert((day, add.partition_values["tenant"].clone().unwrap()), add.path.clone());
    }
    assert_eq!(folders.len(), 6);
    for tenant in tenants {
        for day in ["2026-11-24", "2026-11-25"] {
            let path = &folders[&(day.to_owned(), tenant.to_owned())];
            assert!(path.starts_with(&format!("date={day}/tenant=")), "{path}");
        }
    }
    let info = actions.iter().find_map(|a| match a {
        DeltaAction::CommitInfo(info) => Some(info),
        _ => None,
    });
    let ours = &info.unwrap().info["weir"];
    assert_eq!(ours["topic"], "weir.outcomes");
    assert_eq!(ours["offsets"], serde_json::json!({"0": [0, 2], "1": [0, 2]}));
    assert_eq!(ours["sha256"].as_object().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_sorted_by_request_and_keeps_the_order_of_its_stream() {
    let events: Vec<_> = [(5, 0), (2, 1), (5, 2), (2, 3), (9, 4)]
        .into_iter()
        .map(|(request, seq)| {
            let mut event = outcome("a", seq);
            event.header.request_id.0 = uuid::Uuid::from_u128(request);
            event
        })
        .collect();
    let (_world, rows) = table_of(&events).await;
    let seqs = rows.column_by_name("seq").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(seqs, [1, 3, 0, 2, 4]);
}

fn request() -> Request {
    let finding = InlineFinding {
        recognizer: "email".into(),
        kind: "EMAIL_ADDRESS".into(),
        category: "pii".into(),
        field: "/messages/0/content".into(),
        start: 3,
        end: 20,
        score: 0.9,
        action: Action::Redact,
    };
    Request {
        header: header("a", 1, 0, Topic::Requests),
        team: "red".into(),
        project: None,
        user_id: Some("u".into()),
        key_id: "k".into(),
        app: None,
        app_version: None,
        endpoint: "/v1/chat/completions".into(),
        request_model: "m".into(),
        provider: Some("sim".into()),
        deployment: Some("sim/m".into()),
        stream: true,
        action: Action::Redact,
        body: bytes::Bytes::from_static(b"{}\xff"),
        original_hmac: "ab".into(),
        original_bytes: 2,
        findings: vec![finding.clone(), finding],
        reservations: vec![ReservationRef {
            budget_id: "b".into(),
            lease_id: LeaseId(uuid::Uuid::nil()),
            amount: Money(1_500_000),
        }],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_chunks_and_usage_become_rows() {
    let (_world, rows) = table_of(&[request()]).await;
    assert_eq!(texts(&rows, "project"), [None]);
    assert_eq!(texts(&rows, "user_id"), [some("u")]);
    assert_eq!(rows.column_by_name("body").unwrap().as_binary::<i32>().value(0), b"{}\xff");
    let reservations: serde_json::Value =
        serde_json::from_str(texts(&rows, "reservations")[0].as_ref().unwrap()).unwrap();
    assert_eq!(reservations[0]["amount_usd"], "0.0000015");

    let chunk = Chunk {
        header: header("a", 1, 0, Topic::Chunks),
        index: 4,
        body: bytes::Bytes::from_static(b"data: {}\n\n"),
        events: 1,
        last: true,
        findings: vec![],
    };
    let (_world, rows) = table_of(&[chunk]).await;
    assert_eq!(rows.column_by_name("chunk_index").unwrap().as_primitive::<Int64Type>().value(0), 4);
    assert!(rows.column_by_name("last").unwrap().as_boolean().value(0));

    let usage = Usage {
        header: header("a", 1, 0, Topic::Usage),
        team: "red".into(),
        project: None,
        user_id: None,
        key_id: "k".into(),
        provider: "sim".into(),
        deployment: "sim/m".into(),
        request_model: "m".into(),
        response_model: None,
        tier: None,
        source: UsageSource::Estimated,
        tokens: TokenCounts { input_tokens: 12, ..TokenCounts::default() },
        uncounted: Some(Uncounted { input: "secret".into(), input_bytes: 6, output: "x".into(), output_bytes: 1 }),
    };
    let (world, rows) = table_of(&[usage]).await;
    assert_eq!(rows.column_by_name("uncounted_input_bytes").unwrap().as_primitive::<Int64Type>().value(0), 6);
    for uri in world.open().await.get_file_uris().unwrap() {
        let file = std::fs::read(uri).unwrap();
        assert!(!file.windows(6).any(|w| w == b"secret"), "texts to count are not stored");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_finding_is_a_row_and_none_is_no_row() {
    let finding = |start| Finding {
        recognizer: "card".into(),
        kind: "CREDIT_CARD".into(),
        category: "pii".into(),
        field: "choices/0/content".into(),
        start,
        end: start + 16,
        score: 1.0,
        action: Action::Flag,
        seen_by: SeenBy::Log,
    };
    let found = |seq, source: &str, findings| FindingsFound {
        header: header("a", 1, seq, Topic::Findings),
        source: source.into(),
        direction: Direction::Completion,
        findings,
    };
    // The same place in both sources is two events; the same place again is none.
    let events = [
        found(0, "chunks", vec![finding(0), finding(40)]),
        found(0, "requests", vec![finding(7)]),
        found(0, "chunks", vec![finding(0), finding(40)]),
        found(1, "chunks", vec![]),
    ];
    let (_world, rows) = table_of(&events).await;
    let start = rows.column_by_name("start_byte").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(start, [0, 40, 7]);
    assert_eq!(texts(&rows, "source"), [some("chunks"), some("chunks"), some("requests")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_is_exact_and_null_where_there_is_no_price() {
    let cost = |seq, cost| Cost {
        header: header("a", 1, seq, Topic::Costs).derive("cost"),
        team: "red".into(),
        project: None,
        user_id: None,
        key_id: "k".into(),
        provider: "sim".into(),
        deployment: "sim/m".into(),
        request_model: "m".into(),
        response_model: Some("m-1".into()),
        source: UsageSource::Provider,
        tokens: TokenCounts::default(),
        cost,
        price_version: cost.map(|_| "2026-11".into()),
    };
    let all = [cost(0, Some(Money(1))), cost(1, None), cost(2, Some(Money::MAX)), cost(3, Some(Money(-5)))];
    let (_world, rows) = table_of(&all).await;
    assert_eq!(money(&rows, "cost_usd"), [Some(1), None, Some(i128::from(i64::MAX)), Some(-5)]);
    let shown = arrow::util::display::array_value_to_string(rows.column_by_name("cost_usd").unwrap(), 0).unwrap();
    assert_eq!(shown, "0.000000000001");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_ledger_and_its_intents_become_rows_of_the_system_tenant() {
    let intent_id = IntentId(uuid::Uuid::from_u128(5));
    let window = Window { start: Timestamp(0), end: None };
    let records = [
        QuotaRecord { claim: Some(Claim { nonce: "n".into() }), ..QuotaRecord::default() },
        QuotaRecord {
            grant: Some(Grant {
                intent_id,
                lease_id: LeaseId::of(intent_id),
                ingress_id: "i".into(),
                boot_epoch: BootEpoch(1),
                amount: Money(7),
                ttl_ms: 60_000,
                window,
            }),
            ..QuotaRecord::default()
        },
        QuotaRecord {
            deny: Some(Deny {
                intent_id,
                ingress_id: "i".into(),
                boot_epoch: BootEpoch(1),
                limit: Money(1),
                charged: Money(2),
                outstanding: Money(3),
                retry_after_ms: None,
                window,
            }),
            ..QuotaRecord::default()
        },
        QuotaRecord {
            settle: Some(Settle { lease_id: LeaseId::of(intent_id), spent: Money(3), window }),
            ..QuotaRecord::default()
        },
        QuotaRecord::default(),
    ];
    let entries: Vec<_> = (0..)
        .zip(records)
        .map(|(seq, record)| QuotaEntry {
            epoch: 2,
            seq: Seq(seq),
            owner: "q".into(),
            partition: 0,
            budget_id: (seq > 0).then(|| "b".into()),
            intent_offset: Offset(-1),
            event_time: NOON,
            record,
        })
        .collect();
    let (world, rows) = table_of(&entries).await;
    let entry: Vec<_> = texts(&rows, "entry").into_iter().flatten().collect();
    assert_eq!(entry, ["claim", "grant", "deny", "settle", "empty"]);
    let lease = some(&LeaseId::of(intent_id).to_string());
    assert_eq!(texts(&rows, "lease_id"), [None, lease.clone(), None, lease, None]);
    assert_eq!(money(&rows, "outstanding_usd"), [None, None, Some(3), None, None]);
    assert_eq!(rows.column_by_name("window_start").unwrap().null_count(), 2);
    assert!(world.folder().join("date=2026-11-24/tenant=_system").is_dir());

    let intent = |seq, ask, r#return| Intent {
        intent_id,
        budget_id: "b".into(),
        ingress_id: "i".into(),
        boot_epoch: BootEpoch(1),
        seq: Seq(seq),
        event_time: NOON,
        ask,
        r#return,
    };
    let asked = intent(0, Some(Ask { need: Money(1), want: Money(2), ttl_ms: 3 }), None);
    let returned = intent(1, None, Some(Return { lease_id: LeaseId::of(intent_id), spent: Money(4) }));
    let (_world, rows) = table_of(&[asked, returned]).await;
    assert_eq!(texts(&rows, "intent"), [some("ask"), some("return")]);
    assert_eq!(money(&rows, "want_usd"), [Some(2), None]);
    assert_eq!(money(&rows, "spent_usd"), [None, Some(4)]);
}
