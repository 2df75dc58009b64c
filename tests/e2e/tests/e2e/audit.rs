//! What the audit says, asked through the `weir sql` command, and held against what clients received.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Received;
use crate::cluster::weir;

/// Asks by the command; panics with its words when it refuses.
pub(crate) fn sql(data: &Path, statement: &str) -> Vec<Value> {
    try_sql(data, statement).unwrap_or_else(|error| panic!("{statement}\n{error}"))
}

pub(crate) fn try_sql(data: &Path, statement: &str) -> Result<Vec<Value>, String> {
    let output = Command::new(weir())
        .args(["sql", "--format", "jsonl", "--data"])
        .arg(data)
        .arg(statement)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).map_err(|e| e.to_string())?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))).collect()
}

/// One number.
pub(crate) fn number(data: &Path, statement: &str) -> i64 {
    let rows = sql(data, statement);
    let row = rows.first().and_then(Value::as_object).unwrap_or_else(|| panic!("no row: {statement}"));
    row.values().next().and_then(Value::as_i64).unwrap_or_else(|| panic!("no number: {statement}"))
}

/// What the tables hold, and whether it fits together: an outcome for each request, a price for each usage, every chunk.
fn standing(data: &Path) -> (i64, bool, Value) {
    let statement = "SELECT (SELECT count(*) FROM requests) AS requests, (SELECT count(*) FROM outcomes) AS outcomes, \
         (SELECT count(*) FROM usage) AS used, (SELECT count(*) FROM costs) AS priced, \
         (SELECT coalesce(sum(chunks), 0) FROM outcomes) AS told, (SELECT count(*) FROM chunks) AS chunks";
    let row = sql(data, statement).remove(0);
    let get = |name: &str| row[name].as_i64().unwrap_or_default();
    let fits = get("outcomes") == get("requests") && get("used") == get("priced") && get("told") == get("chunks");
    (get("requests"), fits, row)
}

/// Waits until the tables hold just so many requests, with all that belongs to them.
pub(crate) fn await_settled(data: &Path, requests: usize, patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        let (there, fits, row) = standing(data);
        if fits && usize::try_from(there) == Ok(requests) {
            return;
        }
        assert!(Instant::now() < deadline, "after {patience:?} of {requests} requests the audit holds {row}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Waits until at least so many requests are there with all that belongs to them, and nothing more comes.
pub(crate) fn await_quiet(data: &Path, at_least: usize, patience: Duration) {
    let deadline = Instant::now() + patience;
    let mut before = -1;
    loop {
        let (there, fits, row) = standing(data);
        if fits && there == before && usize::try_from(there).is_ok_and(|there| there >= at_least) {
            return;
        }
        before = there;
        assert!(Instant::now() < deadline, "after {patience:?} of {at_least} requests the audit holds {row}");
        std::thread::sleep(Duration::from_secs(4));
    }
}

/// P1 and P2 from outside: every byte that a client received stands in `chunks`, in order; and where an answer came
/// whole, `chunks` holds nothing else. Nothing is missing and nothing doubled by the numbers of the ingresses.
pub(crate) fn holds_what_clients_received(data: &Path, received: &[Received]) {
    let rows = sql(
        data,
        "SELECT request_id, chunk_index AS place, last, encode(body, 'hex') AS body FROM chunks ORDER BY request_id, place",
    );
    let mut chunks: BTreeMap<String, Vec<(i64, bool, Vec<u8>)>> = BTreeMap::new();
    for row in rows {
        let body = hex::decode(row["body"].as_str().unwrap_or_default()).unwrap();
        let entry = (row["place"].as_i64().unwrap(), row["last"].as_bool().unwrap(), body);
        chunks.entry(row["request_id"].as_str().unwrap().to_owned()).or_default().push(entry);
    }
    for (id, pieces) in &chunks {
        for (n, (place, last, _)) in pieces.iter().enumerate() {
            assert_eq!(*place, i64::try_from(n).unwrap(), "chunk places of {id}");
            assert!(!last || n + 1 == pieces.len(), "a chunk after the last of {id}");
        }
    }
    for answer in received {
        let Some(id) = &answer.request_id else { continue };
        let logged: Vec<u8> = chunks.get(id).into_iter().flatten().flat_map(|(_, _, body)| body.clone()).collect();
        if answer.whole {
            assert_eq!(
                String::from_utf8_lossy(&logged),
                String::from_utf8_lossy(&answer.body),
                "the bytes of {id} in the log and at the client"
            );
        } else {
            assert!(logged.starts_with(&answer.body), "P1: bytes that the client of {id} received are not in the log");
        }
    }
    let requests: BTreeSet<String> = ids(data, "SELECT request_id AS id FROM requests");
    for answer in received {
        if let Some(id) = &answer.request_id {
            assert!(requests.contains(id), "the request {id} that a client knows of is not in the audit");
        }
    }
    nothing_lost_nothing_twice(data);
}

/// One outcome for each request, no gap and no repeat in any ingress's numbers, one row an event.
pub(crate) fn nothing_lost_nothing_twice(data: &Path) {
    assert_eq!(sql(data, "SELECT * FROM gaps"), Vec::<Value>::new(), "gaps");
    assert_eq!(sql(data, "SELECT * FROM duplicates"), Vec::<Value>::new(), "duplicates");
    let lonely = "SELECT r.request_id, count(o.request_id) AS outcomes FROM requests r LEFT JOIN outcomes o \
         ON r.request_id = o.request_id GROUP BY r.request_id HAVING count(o.request_id) <> 1";
    assert_eq!(sql(data, lonely), Vec::<Value>::new(), "requests without exactly one outcome");
    for table in ["requests", "chunks", "usage", "outcomes", "costs"] {
        let twice = format!("SELECT event_id, count(*) AS n FROM {table} GROUP BY event_id HAVING count(*) > 1");
        assert_eq!(sql(data, &twice), Vec::<Value>::new(), "events twice in {table}");
    }
    let priced =
        "SELECT u.request_id FROM usage u LEFT JOIN costs c ON u.request_id = c.request_id WHERE c.request_id IS NULL";
    assert_eq!(sql(data, priced), Vec::<Value>::new(), "usage without a cost");
}

fn ids(data: &Path, statement: &str) -> BTreeSet<String> {
    sql(data, statement).into_iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}
