//! The tables as a reader meets them: fresh, partitioned, damaged, and written out exactly.

mod lake;

use lake::{TestLake, error, jsonl, rows};
use serde_json::{Value, json};

fn request(id: &str, time: &str) -> Value {
    json!({"request_id": id, "event_time": time, "team": "red", "body": "h\u{e9}llo"})
}

#[tokio::test]
async fn a_folder_that_is_not_there_yet_is_an_empty_lake() {
    let mut lake = TestLake::new();
    let session = lake.session();
    assert_eq!(rows(&session, "SELECT count(*) AS n FROM audit").await, [json!({"n": 0})]);
    assert_eq!(jsonl(&session, "SELECT * FROM chunks").await.unwrap(), "");
    // It comes into being under the open session.
    lake.add("requests", "2026-11-23", "acme", &[request("r1", "2026-11-23T10:00:00Z")]).await;
    assert_eq!(rows(&session, "SELECT count(*) AS n FROM audit").await, [json!({"n": 1})]);
}

#[tokio::test]
async fn a_log_folder_without_a_commit_is_an_empty_table() {
    let lake = TestLake::new();
    std::fs::create_dir_all(lake.audit.join("requests/_delta_log")).unwrap();
    assert_eq!(rows(&lake.session(), "SELECT count(*) AS n FROM requests").await, [json!({"n": 0})]);
}

#[tokio::test]
async fn each_query_sees_the_newest_snapshot() {
    let mut lake = TestLake::new();
    let session = lake.session();
    for n in 1..=5 {
        lake.add("requests", "2026-11-23", "acme", &[request(&format!("r{n}"), "2026-11-23T10:00:00Z")]).await;
        assert_eq!(rows(&session, "SELECT count(*) AS n FROM requests").await, [json!({"n": n})]);
    }
}

#[tokio::test]
async fn files_of_other_days_and_tenants_are_not_opened() {
    let mut lake = TestLake::new();
    lake.add("requests", "2026-11-23", "acme", &[request("r1", "2026-11-23T10:00:00Z")]).await;
    let other_day = lake.add("requests", "2026-11-22", "acme", &[request("r0", "2026-11-22T10:00:00Z")]).await;
    let other_tenant = lake.add("requests", "2026-11-23", "umbrella", &[request("r2", "2026-11-23T10:00:00Z")]).await;
    std::fs::remove_file(&other_day).unwrap();
    std::fs::remove_file(&other_tenant).unwrap();
    let session = lake.session();
    let r1 = [json!({"request_id": "r1", "date": "2026-11-23", "tenant": "acme"})];
    for filter in [
        "date = '2026-11-23' AND tenant = 'acme'",
        "date >= DATE '2026-11-23' AND tenant IN ('acme', 'nobody')",
        "date BETWEEN '2026-11-23' AND '2026-12-01' AND tenant <> 'umbrella'",
    ] {
        let sql = format!("SELECT request_id, date, tenant FROM requests WHERE {filter}");
        assert_eq!(rows(&session, &sql).await, r1, "{filter}");
    }
    let sql = "SELECT count(*) AS n FROM requests WHERE tenant = 'nobody'";
    assert_eq!(rows(&session, sql).await, [json!({"n": 0})]);
    // Without the filter the missing file is named.
    let text = error(&session, "SELECT request_id FROM requests WHERE tenant = 'acme'").await;
    assert!(text.contains("requests/date=2026-11-22/tenant=acme/part-2.parquet"), "{text}");
}

#[tokio::test]
async fn files_whose_statistics_exclude_them_are_not_opened() {
    let mut lake = TestLake::new();
    let stats = |low: &str, high: &str, first: i64, last: i64| {
        json!({
            "numRecords": 1,
            "minValues": {"event_time": low, "kafka_offset": first, "request_id": "a"},
            "maxValues": {"event_time": high, "kafka_offset": last, "request_id": "f"},
            "nullCount": {"event_time": 0, "kafka_offset": 0, "request_id": 0},
        })
    };
    let day = "2026-11-23";
    let mut late = request("b", "2026-11-23T11:00:00.000999Z");
    late["kafka_offset"] = json!(20);
    lake.add_with(
        "requests",
        day,
        "acme",
        &[late],
        Some(stats("2026-11-23T11:00:00.000Z", "2026-11-23T11:00:00.000Z", 20, 20)),
    )
    .await;
    let early = stats("2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.000Z", 10, 10);
    let gone = lake.add_with("requests", day, "acme", &[request("a", "2026-11-23T10:00:00Z")], Some(early)).await;
    std::fs::remove_file(gone).unwrap();
    let session = lake.session();
    for filter in [
        "event_time > '2026-11-23T10:30:00Z'",
        // The log has cut the time to a millisecond; the row is found all the same.
        "event_time > '2026-11-23T11:00:00.000500Z'",
        "kafka_offset BETWEEN 15 AND 30",
        "kafka_offset = 20",
    ] {
        let sql = format!("SELECT request_id FROM requests WHERE {filter}");
        assert_eq!(rows(&session, &sql).await, [json!({"request_id": "b"})], "{filter}");
    }
    assert_eq!(rows(&session, "SELECT count(*) AS n FROM requests WHERE request_id > 'g'").await, [json!({"n": 0})]);
}

#[tokio::test]
async fn row_counts_come_from_the_files_not_from_the_log() {
    let mut lake = TestLake::new();
    let lie = json!({"numRecords": 31, "minValues": {}, "maxValues": {}, "nullCount": {}});
    lake.add_with("requests", "2026-11-23", "acme", &[request("r1", "2026-11-23T10:00:00Z")], Some(lie)).await;
    assert_eq!(rows(&lake.session(), "SELECT count(*) AS n FROM requests").await, [json!({"n": 1})]);
}

#[tokio::test]
async fn tenants_with_odd_names_are_found() {
    let mut lake = TestLake::new();
    lake.add("requests", "2026-11-23", "big corp", &[request("r1", "2026-11-23T10:00:00Z")]).await;
    let session = lake.session();
    let sql = "SELECT request_id, tenant FROM requests WHERE tenant = 'big corp'";
    assert_eq!(rows(&session, sql).await, [json!({"request_id": "r1", "tenant": "big corp"})]);
}

#[tokio::test]
async fn filters_reach_the_parquet_reader() {
    let mut lake = TestLake::new();
    let many: Vec<_> = (0..100).map(|n| request(&format!("r{n:03}"), "2026-11-23T10:00:00Z")).collect();
    lake.add("requests", "2026-11-23", "acme", &many).await;
    let session = lake.session();
    let plan = jsonl(&session, "EXPLAIN SELECT team FROM requests WHERE request_id = 'r042'").await.unwrap();
    assert!(plan.contains("predicate=request_id"), "{plan}");
    assert!(!plan.contains("FilterExec"), "{plan}");
    let sql = "SELECT request_id FROM requests WHERE request_id = 'r042' AND utf8(body) = 'h\u{e9}llo'";
    assert_eq!(rows(&session, sql).await, [json!({"request_id": "r042"})]);
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let row = [request("r1", "2026-11-23T10:00:00Z")];
    type Damage = fn(&mut Vec<u8>);
    let damage: [(&str, Damage); 4] = [
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", Vec::clear),
        ("no Parquet", |bytes| bytes.fill(b'x')),
        ("flipped footer", |bytes| {
            let at = bytes.len() - 40;
            bytes[at..at + 16].fill(0xff);
        }),
    ];
    for (name, damage) in damage {
        let mut lake = TestLake::new();
        lake.add("requests", "2026-11-23", "acme", &row).await;
        let file = lake.add("requests", "2026-11-23", "acme", &row).await;
        let mut bytes = std::fs::read(&file).unwrap();
        damage(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        let text = error(&lake.session(), "SELECT request_id, utf8(body) FROM requests").await;
        let wanted = "requests/date=2026-11-23/tenant=acme/part-2.parquet";
        assert!(text.starts_with("damaged audit file") && text.contains(wanted), "{name}: {text}");
    }
}

#[tokio::test]
async fn damaged_pages_are_an_error_that_names_the_file() {
    let mut lake = TestLake::new();
    let many: Vec<_> = (0..2_000).map(|n| request(&format!("r{n:08}"), "2026-11-23T10:00:00Z")).collect();
    let file = lake.add("requests", "2026-11-23", "acme", &many).await;
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4..400].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let text = error(&lake.session(), "SELECT * FROM requests").await;
    assert!(text.contains("part-1.parquet"), "{text}");
}

#[tokio::test]
async fn a_damaged_log_names_the_table() {
    let mut lake = TestLake::new();
    lake.add("costs", "2026-11-23", "acme", &[json!({"request_id": "r1"})]).await;
    std::fs::write(lake.audit.join("costs/_delta_log/00000000000000000001.json"), "{\"add\": {\"pa").unwrap();
    let text = error(&lake.session(), "SELECT * FROM costs").await;
    assert!(text.contains("table `costs` does not open"), "{text}");
    // Other tables are none the worse for it.
    assert_eq!(rows(&lake.session(), "SELECT count(*) AS n FROM requests").await, [json!({"n": 0})]);
}

#[tokio::test]
async fn json_lines_are_exact() {
    let session = TestLake::new().session();
    let sql = "SELECT CAST('12345678901234567890.123456789012' AS DECIMAL(38,12)) AS z, \
               CAST('0.000000001' AS DECIMAL(18,9)) AS a, \
               TIMESTAMP '2026-11-23 10:00:00.123456' AS t, \
               arrow_cast('2026-11-23T10:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))') AS u, \
               DATE '2026-11-23' AS d, 9223372036854775807 AS big, 0.1 + 0.2 AS sum, \
               CAST('NaN' AS DOUBLE) AS nan, CAST('inf' AS DOUBLE) AS inf, CAST(0.1 AS DOUBLE) AS tenth, \
               x'00ff' AS bytes, 'a\"\u{7}\u{e9}\n' AS text, NULL AS nothing, true AS yes, [1, 2] AS list, \
               named_struct('k', 'v') AS object";
    let line = jsonl(&session, sql).await.unwrap();
    let wanted = concat!(
        r#"{"z":"12345678901234567890.123456789012","a":"0.000000001","t":"2026-11-23T10:00:00.123456000Z","#,
        r#""u":"2026-11-23T10:00:00.000000Z","d":"2026-11-23","big":9223372036854775807,"sum":"0.3","nan":null,"#,
        r#""inf":null,"tenth":0.1,"bytes":"AP8=","text":"a\"\u0007"#,
        "\u{e9}",
        r#"\n","nothing":null,"yes":true,"list":[1,2],"object":{"k":"v"}}"#,
    );
    assert_eq!(line.trim_end(), wanted);
}

#[tokio::test]
async fn columns_of_one_name_keep_all_their_values() {
    let session = TestLake::new().session();
    let sql = "SELECT * FROM (VALUES (1)) a(id) JOIN (VALUES (1)) b(id) ON a.id = b.id";
    assert_eq!(jsonl(&session, sql).await.unwrap().trim_end(), r#"{"id":1,"id_2":1}"#);
}

#[tokio::test]
async fn the_other_formats_say_the_same() {
    use weir_sql::output::{Csv, Json};
    let session = TestLake::new().session();
    let sql = "SELECT 'a,\"b\"' AS text, '' AS empty, NULL AS nothing, CAST('1.50' AS DECIMAL(4,2)) AS usd";
    let query = session.query(sql, &weir_sql::Limits::default()).await.unwrap();
    let schema = query.schema().clone();
    let batches = query.collect().await.unwrap();
    let (mut csv_text, mut json_text) = (Vec::new(), Vec::new());
    let mut csv = Csv::new(&mut csv_text, &schema).unwrap();
    let mut json = Json::new(&mut json_text, &schema);
    for batch in &batches {
        csv.batch(batch).unwrap();
        json.batch(batch).unwrap();
    }
    csv.finish().unwrap();
    json.finish().unwrap();
    assert_eq!(String::from_utf8(csv_text).unwrap(), "text,empty,nothing,usd\r\n\"a,\"\"b\"\"\",\"\",,1.50\r\n");
    let json: Value = serde_json::from_slice(&json_text).unwrap();
    assert_eq!(json, json!([{"text": "a,\"b\"", "empty": "", "nothing": null, "usd": "1.50"}]));
}
