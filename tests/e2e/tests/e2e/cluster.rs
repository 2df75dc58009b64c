//! A Weir under test: `weir up` on the embedded log, or every stage a process of its own on a real Kafka. The
//! provider is simulated in the test's own process, so that its journal can be read.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use sha2::{Digest, Sha256};
use weir_harness::kafka::Kafka;
use weir_harness::process::Process;
use weir_simulator::{Options, Simulator};

use crate::client::Client;

/// Debug builds on a busy machine start slowly.
const START: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Embedded,
    Kafka,
}

/// The `weir` binary that `cargo build` put beside this test.
pub(crate) fn weir() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        if let Some(given) = std::env::var_os("WEIR_BIN") {
            return given.into();
        }
        let test = std::env::current_exe().unwrap();
        let path = test.parent().and_then(Path::parent).unwrap().join("weir");
        assert!(
            path.exists(),
            "{} is not there: `cargo build --workspace --bins` first (or `make e2e`)",
            path.display()
        );
        path
    });
    found.clone()
}

/// True where the proof can run on this log. Says so in one line where it cannot; in CI that is a failure.
pub(crate) fn can_run(log: Log) -> bool {
    if log == Log::Embedded {
        return true;
    }
    Kafka::shared().is_some()
}

pub(crate) struct Cluster {
    pub(crate) log: Log,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) provider: Simulator,
    processes: BTreeMap<String, Process>,
    commands: BTreeMap<String, Vec<String>>,
    bases: Vec<String>,
}

pub(crate) const KEY: &str = "wk-test-red";
pub(crate) const BUDGETED_KEY: &str = "wk-test-green";

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

impl Cluster {
    pub(crate) async fn start(log: Log) -> Self {
        Self::start_with(log, "").await
    }

    /// `log_lines` are more lines of the `[log]` section.
    pub(crate) async fn start_with(log: Log, log_lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let provider = Simulator::start(([127, 0, 0, 1], 0).into(), Options::default()).await.unwrap();
        let kafka = match log {
            Log::Kafka => Some(Kafka::shared().expect("the proof asked `can_run` before")),
            Log::Embedded => None,
        };
        // One broker serves all proofs: each has topics of its own.
        let prefix = format!("t{:016x}", rand::random::<u64>());
        std::fs::write(dir.path().join("weir.toml"), config(&provider, dir.path(), &prefix, log_lines)).unwrap();
        let mut cluster =
            Self { log, dir, provider, processes: BTreeMap::new(), commands: BTreeMap::new(), bases: Vec::new() };
        match kafka {
            None => cluster.add_serving("up", &["up"]),
            Some(kafka) => {
                let at = kafka.bootstrap().to_owned();
                let create = cluster.run(&["topics", "create", "--kafka", &at]);
                assert!(create.status.success(), "{}", String::from_utf8_lossy(&create.stderr));
                for n in 0..2 {
                    for kind in ["dlp", "cost", "quota"] {
                        cluster.add(&format!("{kind}-{n}"), &["processor", kind, "--kafka", &at]);
                    }
                }
                cluster.add("sink-0", &["sink", "--kafka", &at]);
                for n in 0..2 {
                    cluster.add_serving(&format!("ingress-{n}"), &["ingress", "--kafka", &at]);
                }
            }
        }
        cluster
    }

    /// Where `weir sql --data` finds the audit.
    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    /// The names of the running processes.
    pub(crate) fn names(&self) -> Vec<String> {
        self.commands.keys().cloned().collect()
    }

    pub(crate) fn clients(&self) -> Vec<Client> {
        self.bases.iter().map(|base| Client::new(base, KEY)).collect()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.bases[0], KEY)
    }

    /// Runs a command of `weir` with the cluster's configuration to its end.
    pub(crate) fn run(&self, args: &[&str]) -> std::process::Output {
        let config = self.dir.path().join("weir.toml");
        Command::new(weir()).args(args).env("WEIR_CONFIG", config).env("WEIR_DATA", self.dir.path()).output().unwrap()
    }

    fn add(&mut self, name: &str, args: &[&str]) {
        self.commands.insert(name.to_owned(), args.iter().map(ToString::to_string).collect());
        self.start_again(name);
    }

    fn add_serving(&mut self, name: &str, args: &[&str]) {
        let listen = free_address();
        let args: Vec<&str> = args.iter().copied().chain(["--listen", &listen]).collect();
        self.bases.push(format!("http://{listen}/v1"));
        self.add(name, &args);
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, name: &str) {
        self.processes.get_mut(name).unwrap().kill9().unwrap();
    }

    /// SIGTERM, and waits for the end in good order.
    pub(crate) fn stop(&mut self, name: &str) {
        let status = self.processes.get_mut(name).unwrap().terminate(Duration::from_secs(90)).unwrap();
        assert!(status.success(), "{name} did not stop in good order:\n{}", self.output(name));
    }

    pub(crate) fn stop_all(&mut self) {
        // The gateways first: what they ship last is then seen by the others.
        let mut names = self.names();
        names.sort_by_key(|name| !(name.starts_with("ingress") || name == "up"));
        for name in names {
            self.stop(&name);
        }
    }

    /// Starts `name` with the same data and address as before, and waits until it is ready.
    pub(crate) fn start_again(&mut self, name: &str) {
        let args = &self.commands[name];
        let data = if self.log == Log::Embedded { self.dir.path().to_owned() } else { self.dir.path().join(name) };
        let mut command = Command::new(weir());
        command.args(args).env("WEIR_CONFIG", self.dir.path().join("weir.toml")).env("WEIR_DATA", data);
        command.env("WEIR_LOG", std::env::var("WEIR_LOG").unwrap_or_else(|_| "info".into()));
        let output = self.dir.path().join(format!("{name}.out"));
        let mut process = Process::spawn(name, &mut command, &output).unwrap();
        if let Some(at) = args.iter().position(|arg| arg == "--listen") {
            let ready = format!("http://{}/readyz", args[at + 1]);
            process.wait_for_http(&ready, START).unwrap_or_else(|error| panic!("{name} is not ready: {error:#}"));
        }
        self.processes.insert(name.to_owned(), process);
    }

    pub(crate) fn output(&self, name: &str) -> String {
        self.processes[name].output()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, process) in &self.processes {
                let output = process.output();
                let tail: Vec<&str> = output.lines().rev().take(25).collect();
                eprintln!("--- {name}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}

fn config(provider: &Simulator, dir: &Path, prefix: &str, log_lines: &str) -> String {
    let mut text = format!(
        r#"
[log]
topic_prefix = "{prefix}"
partitions = 3
{log_lines}
[audit]
dir = "{audit}"
flush_interval = "300ms"

[[providers]]
name = "sim"
base_url = "http://{provider}/v1"

[[teams]]
name = "red"
tenant = "acme"

[[teams]]
name = "green"
tenant = "globex"

[[keys]]
id = "red-1"
team = "red"
app = "tests"
sha256 = "{red}"

[[keys]]
id = "green-1"
team = "green"
sha256 = "{green}"

[[budgets]]
id = "green-daily"
team = "green"
limit_usd = "0.01"
window = "day"

[guardrails.categories]
pii = "redact"
secret = "redact"

[guardrails.kinds]
private_key = "block"
"#,
        audit = dir.join("audit").display(),
        provider = provider.addr(),
        red = digest(KEY),
        green = digest(BUDGETED_KEY),
    );
    for model in
        ["sim-small", "sim-large", "sim-echo", "sim-nousage", "sim-slow", "sim-fail", "sim-broken", "sim-garbage"]
    {
        let free = if ["sim-small", "sim-large"].contains(&model) { "" } else { "free = true\n" };
        text += &format!("\n[[models]]\nname = \"{model}\"\nprovider = \"sim\"\n{free}");
    }
    text
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
