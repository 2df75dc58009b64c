//! What must not be answered, and what must end.

mod lake;

use std::time::{Duration, Instant};

use lake::{TestLake, error, rows};
use serde_json::json;
use weir_sql::{Error, Limits};

/// Statements that do something else than read our tables. None may pass, none may touch a file.
const HOSTILE: &[&str] = &[
    "COPY (SELECT 1) TO '/tmp/weir-guard-test.csv'",
    "COPY requests TO '/tmp/weir-guard-test.parquet' STORED AS PARQUET",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE EXTERNAL TABLE t (x TEXT) STORED AS CSV LOCATION 'file:///etc/passwd'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TABLE t (x INT)",
    "CREATE VIEW v AS SELECT * FROM requests",
    "CREATE OR REPLACE VIEW audit AS SELECT 1",
    "CREATE SCHEMA s",
    "CREATE DATABASE d",
    "CREATE FUNCTION f(int) RETURNS int RETURN $1",
    "CREATE INDEX i ON requests (request_id)",
    "DROP TABLE requests",
    "DROP VIEW audit",
    "DROP SCHEMA public CASCADE",
    "INSERT INTO requests SELECT * FROM requests",
    "INSERT INTO tables VALUES ('x', 'y', 'z')",
    "UPDATE requests SET team = 'x'",
    "DELETE FROM requests",
    "TRUNCATE TABLE requests",
    "MERGE INTO requests USING costs ON true WHEN MATCHED THEN DELETE",
    "ALTER TABLE requests ADD COLUMN x INT",
    "SET datafusion.execution.parquet.pushdown_filters = false",
    "SET datafusion.catalog.information_schema = true",
    "RESET datafusion.execution.batch_size",
    "SHOW ALL",
    "SHOW datafusion.execution.batch_size",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "USE other",
    "ANALYZE TABLE requests",
    "VACUUM",
    "GRANT ALL ON requests TO public",
    "KILL 1",
    "LOAD DATA INPATH '/etc/passwd' INTO TABLE requests",
    "EXPLAIN COPY (SELECT 1) TO '/tmp/weir-guard-test.csv'",
    "EXPLAIN ANALYZE INSERT INTO requests SELECT * FROM requests",
    "EXPLAIN EXPLAIN DROP TABLE requests",
    "WITH x AS (INSERT INTO requests SELECT * FROM requests RETURNING *) SELECT * FROM x",
    "SELECT * INTO t FROM requests",
    "SELECT 1; DROP TABLE requests",
    "SELECT 1; SELECT 2",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'file:///etc/passwd'",
    "SELECT * FROM \"/etc/passwd.csv\"",
    "SELECT * FROM 's3://bucket/file.parquet'",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM delta_scan('/tmp')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.df_settings",
    "SELECT * FROM other.public.requests",
    "SELECT read_file('/etc/passwd')",
    "SELECT repeat('x', 2000000000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT array_repeat('x', 2000000000)",
    "SELECT range(0, 100000000000)",
    "SELECT generate_series(0, 100000000000)",
    "",
    ";",
    "-- nothing",
    "SELEC 1",
    "SELECT 'never closed",
    "/* never closed",
];

#[tokio::test]
async fn nothing_but_reading_passes() {
    let lake = TestLake::new();
    let session = lake.session();
    for sql in HOSTILE {
        let text = error(&session, sql).await;
        assert!(!text.contains("internal error"), "{sql}: {text}");
    }
    assert!(!std::path::Path::new("/tmp/weir-guard-test.csv").exists());
    assert!(!std::path::Path::new("/tmp/weir-guard-test.parquet").exists());
    assert!(!lake.audit.exists(), "a reader makes no folders");
    // And the session is none the worse for it.
    assert_eq!(rows(&session, "SELECT count(*) AS n FROM requests").await, [json!({"n": 0})]);
}

#[tokio::test]
async fn a_refusal_says_what_is_allowed_and_repeats_no_payload() {
    let session = TestLake::new().session();
    let text = error(&session, "INSERT INTO requests VALUES ('sk-secret')").await;
    assert!(text.starts_with("refused: INSERT INTO is not allowed; only SELECT"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let text = error(&session, "SELECT 1; SELECT 2").await;
    assert_eq!(text, "refused: 2 statements; one is allowed");
}

#[tokio::test]
async fn slips_of_the_pen_get_a_hint() {
    let session = TestLake::new().session();
    assert_eq!(error(&session, "SELECT * FROM audti").await, "there is no table `audti`; did you mean `audit`?");
    let text = error(&session, "SELECT tema FROM audit").await;
    assert!(text.contains("tema") && text.contains("team"), "{text}");
    let text = error(&session, "SELECT no_such_function(1)").await;
    assert!(text.contains("no_such_function"), "{text}");
}

fn bombs() -> Vec<(&'static str, String)> {
    let chain = |head: &str, link: &str, n: usize| format!("{head}{}", link.repeat(n));
    vec![
        ("brackets", format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000))),
        ("brackets within the bound of bytes only", format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60))),
        ("lists", format!("SELECT {}1{}", "[".repeat(3_000), "]".repeat(3_000))),
        ("not", format!("SELECT {} true", "NOT ".repeat(8_000))),
        ("minus", format!("SELECT {}1", "- ".repeat(8_000))),
        ("case", format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(500), " END".repeat(500))),
        ("unions", chain("SELECT 1", " UNION ALL SELECT 1", 3_000)),
        ("joins", chain("SELECT 1 FROM requests a0", " CROSS JOIN requests", 2_000)),
        ("commas", chain("SELECT 1 FROM requests a0", ", requests", 4_000)),
        ("subqueries", format!("SELECT * FROM {}requests{}", "(SELECT * FROM ".repeat(200), ")".repeat(200))),
        ("operators", chain("SELECT 1", "+1", 30_000)),
        ("tokens", chain("SELECT 1 IN (1", ",1", 30_000)),
        ("bytes", format!("SELECT '{}'", "x".repeat(70_000))),
        ("types", format!("SELECT CAST(NULL AS {}INT{})", "ARRAY<".repeat(2_000), ">".repeat(2_000))),
        ("comments", format!("SELECT 1 {}", "/*".repeat(30_000))),
    ]
}

#[tokio::test]
async fn bombs_are_refused_at_once() {
    let session = TestLake::new().session();
    for (name, sql) in bombs() {
        let start = Instant::now();
        let text = error(&session, &sql).await;
        assert!(!text.contains("internal error") && text.len() < 2_000, "{name}: {text}");
        assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_deepest_legal_questions_do_not_overflow_a_stack() {
    let session = TestLake::new().session();
    let sum = format!("SELECT 1{} AS n", "+1".repeat(1_000));
    assert_eq!(rows(&session, &sum).await, [json!({"n": 1_001})]);
    let or = format!("SELECT count(*) AS n FROM requests WHERE seq = 0{}", " OR seq = 1".repeat(500));
    assert_eq!(rows(&session, &or).await, [json!({"n": 0})]);
    let ids = (0..4_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let list = format!("SELECT count(*) AS n FROM range(0, 5000) WHERE value IN ({ids})");
    assert_eq!(rows(&session, &list).await, [json!({"n": 4_000})]);
    let unions = format!("SELECT count(*) AS n FROM (SELECT 1{})", " UNION ALL SELECT 1".repeat(40));
    assert_eq!(rows(&session, &unions).await, [json!({"n": 41})]);
    let brackets = format!("SELECT {}1{} AS n", "(".repeat(40), ")".repeat(40));
    assert_eq!(rows(&session, &brackets).await, [json!({"n": 1})]);
}

#[tokio::test]
async fn a_question_without_end_is_cut_at_its_time() {
    let session = TestLake::new().session();
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let endless = [
        "SELECT count(*) FROM range(0, 10000000) a, range(0, 10000000) b WHERE a.value + b.value = 7",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    ];
    for sql in endless {
        let start = Instant::now();
        let ended = match session.query(sql, &limits).await {
            Ok(query) => query.collect().await.err(),
            Err(error) => Some(error),
        };
        assert!(matches!(ended, Some(Error::Timeout(_))), "{sql}: {ended:?}");
        assert!(start.elapsed() < Duration::from_secs(20), "{sql} took {:?}", start.elapsed());
    }
    assert_eq!(rows(&session, "SELECT 1 AS one").await, [json!({"one": 1})]);
}

#[tokio::test]
async fn a_question_over_its_memory_is_an_error_and_spills_nothing() {
    let session = TestLake::new().session();
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    let sql = "SELECT value % 1000003 AS k, count(*) FROM range(0, 3000000) GROUP BY 1 ORDER BY 2, 1";
    let ended = match session.query(sql, &limits).await {
        Ok(query) => query.collect().await.err(),
        Err(error) => Some(error),
    };
    assert!(matches!(ended, Some(Error::OutOfMemory(_))), "{ended:?}");
}

#[tokio::test]
async fn a_function_within_itself_cannot_take_all_memory() {
    let session = TestLake::new().session();
    // Cheap up to the last step, which would make a gigabyte and more.
    let long = "a".repeat(30_000);
    let twice = |call: &dyn Fn(String) -> String| format!("SELECT length({}) AS n", call(call("'a'".to_owned())));
    let concat = (0..3).fold("SELECT 'aaaaaaaaaa' AS s".to_owned(), |inner, _| {
        format!("SELECT concat(s{}) AS s FROM ({inner})", ", s".repeat(599))
    });
    let few = "SELECT length(replace(concat('a', 'b', 'a'), 'a', 'xyz')) AS n";
    assert_eq!(rows(&session, few).await, [json!({"n": 7})]);
    for sql in [
        twice(&|text| format!("replace({text}, 'a', '{long}')")),
        twice(&|text| format!("regexp_replace({text}, 'a', '{long}', 'g')")),
        format!("SELECT length(s) AS n FROM ({concat})"),
    ] {
        let ended = match session.query(&sql, &Limits::default()).await {
            Ok(query) => query.collect().await.err(),
            Err(error) => Some(error),
        };
        assert!(matches!(ended, Some(Error::OutOfMemory(_))), "{}: {ended:?}", &sql[..40]);
    }
}

#[tokio::test]
async fn a_subquery_that_reads_like_its_own_is_not_taken_for_it() {
    let session = TestLake::new().session();
    let plus = "SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT 1 AS x)))";
    assert_eq!(rows(&session, plus).await, [json!({"x": 4})]);
    let named = "SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT 1 AS x) t) t) t";
    assert_eq!(rows(&session, named).await, [json!({"x": 4})]);
    let with = "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT x + 1 AS x FROM b";
    assert_eq!(rows(&session, with).await, [json!({"x": 3})]);
    let explained = rows(&session, &format!("EXPLAIN {plus}")).await;
    assert!(!explained.is_empty());
}

#[tokio::test]
async fn rows_are_cut_at_the_limit_and_the_answer_says_so() {
    let session = TestLake::new().session();
    for (wanted, rows, truncated) in [(10, 10, false), (3, 3, true), (0, 0, true)] {
        let limits = Limits { rows: Some(wanted), ..Limits::default() };
        let mut query = session.query("SELECT value FROM range(0, 10)", &limits).await.unwrap();
        let mut seen = 0;
        while let Some(batch) = query.next().await {
            seen += batch.unwrap().num_rows();
        }
        assert_eq!((seen, query.truncated()), (rows, truncated), "limit {wanted}");
    }
}

#[tokio::test]
async fn reading_in_every_form_is_allowed() {
    let session = TestLake::new().session();
    for sql in [
        "SELECT * FROM audit;",
        "WITH x AS (SELECT team FROM requests) SELECT * FROM x UNION ALL SELECT 'a'",
        "SELECT team, count(*) OVER (PARTITION BY team) FROM requests",
        "SELECT DISTINCT team FROM requests ORDER BY 1 LIMIT 3",
        "SELECT * FROM requests r WHERE EXISTS (SELECT 1 FROM costs c WHERE c.request_id = r.request_id)",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT unnest([1, 2, 3])",
        "SELECT * FROM range(0, 3)",
        "EXPLAIN SELECT * FROM audit",
        "EXPLAIN ANALYZE SELECT * FROM audit",
        "DESCRIBE requests",
        "DESCRIBE findings",
        "SHOW TABLES",
        "SELECT * FROM public.requests",
        "SELECT * FROM weir.public.requests",
        "SELECT utf8(body), sha256(body), round(1.5), now(), date_trunc('hour', event_time) FROM requests",
    ] {
        let query = session.query(sql, &Limits::default()).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        query.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}
