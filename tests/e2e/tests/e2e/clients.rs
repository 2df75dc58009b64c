//! Other people's programs: the official OpenAI SDKs against the gateway, Python's Delta Lake and DuckDB on the tables.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::audit;
use crate::cluster::{Cluster, KEY, Log};
use crate::pipeline::{SETTLE, load};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folder with the virtual environment and the node modules; filled once, from the registries by package name.
fn installed() -> Option<&'static Path> {
    static DONE: OnceLock<Option<PathBuf>> = OnceLock::new();
    DONE.get_or_init(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
        let folder = cache.join("weir/clients");
        let output = Command::new(root().join("tests/clients/setup.sh")).arg(&folder).output().unwrap();
        if output.status.success() {
            return Some(folder);
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(std::env::var_os("CI").is_none(), "CI skips nothing: {why}");
        eprintln!("SKIPPED: Python and Node clients: {}", why.lines().last().unwrap_or_default());
        None
    })
    .as_deref()
}

fn must_succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_work_by_changing_base_url_and_key() {
    let Some(installed) = installed() else { return };
    let cluster = Cluster::start(Log::Embedded).await;
    let base = cluster.client().base;
    let clients = root().join("tests/clients");
    let mut python = Command::new(installed.join("venv/bin/python"));
    python.arg(clients.join("python/openai_sdk.py")).args([&base, KEY]);
    must_succeed(python);
    let mut node = Command::new("node");
    node.arg(installed.join("node/openai_sdk.mjs")).args([&base, KEY]);
    must_succeed(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_the_tables_as_they_are() {
    let Some(installed) = installed() else { return };
    let cluster = Cluster::start(Log::Embedded).await;
    let received = load(&cluster.clients(), 20, "py", 0).await;
    audit::await_settled(cluster.data(), received.len(), SETTLE);
    let mut python = Command::new(installed.join("venv/bin/python"));
    python.arg(root().join("tests/clients/python/read_tables.py")).arg(cluster.data().join("audit"));
    let told: serde_json::Value = serde_json::from_str(&must_succeed(python)).unwrap();
    for table in ["requests", "chunks", "usage", "outcomes", "costs"] {
        let ours = audit::number(cluster.data(), &format!("SELECT count(*) AS n FROM {table}"));
        for reader in ["deltalake", "duckdb"] {
            assert_eq!(told["tables"][table][reader]["rows"], ours, "rows of {table} by {reader}: {told}");
        }
    }
}
