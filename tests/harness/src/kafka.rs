//! A real Apache Kafka (KRaft, one node) on 127.0.0.1. Needs Java 17 and, the first time, Maven.
//!
//! The broker runs under a small shell that waits on its standard input. When that closes, because the test ended,
//! panicked or was killed, the shell kills the broker and removes its data.

mod jars;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::wait_until;

const START_TIMEOUT: Duration = Duration::from_secs(120);
const READY: &str = "Kafka Server started";

/// Starts the broker given as arguments and does what standard input says; at its end, everything goes.
const KEEPER: &str = r#"
"$@" >>"$BROKER_LOG" 2>&1 &
broker=$!
read -r order
case $order in
    stop) kill -TERM $broker ;;
    *) kill -KILL $broker ;;
esac 2>/dev/null
wait $broker
case $order in
    stop | kill) ;;
    *) rm -rf "$BROKER_DIR" ;;
esac
"#;

/// Stopped, and its data removed, when it is dropped.
pub struct Kafka {
    dir: PathBuf,
    bootstrap: String,
    running: Mutex<Option<Running>>,
    /// The keeper removes it too; this one is for the time when no broker runs.
    _data: TempDir,
}

struct Running {
    keeper: Child,
    orders: ChildStdin,
}

impl Kafka {
    /// Whether a broker can run here; if not, why.
    pub fn available() -> Result<(), String> {
        jars::java()?;
        jars::jars().map(drop)
    }

    /// The broker that the tests of one binary share. `None`, and one line that says so, where none can run; where
    /// `CI` is set a test must not be skipped, and this panics instead.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(|| Self::is_here().then(|| Self::start().expect("a broker starts"))).as_ref()
    }

    /// A broker of one's own, to kill. `None` as for [`shared`](Self::shared).
    pub fn own() -> Option<Self> {
        Self::is_here().then(|| Self::start().expect("a broker starts"))
    }

    fn is_here() -> bool {
        static HERE: OnceLock<bool> = OnceLock::new();
        *HERE.get_or_init(|| match Self::available() {
            Ok(()) => true,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "real-broker half cannot run: {why}");
                // Past the capture of the test runner: it has to be seen.
                let _ = writeln!(std::io::stderr(), "SKIPPED: real-broker half: needs java 17 and mvn ({why})");
                false
            }
        })
    }

    /// Starts a broker with fresh data and waits until it serves.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more lines for `server.properties`.
    pub fn start_with(properties: &[(&str, &str)]) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("weir-kafka-").tempdir()?;
        let dir = data.path().to_owned();
        let [port, controller] = free_ports()?;
        let bootstrap = format!("127.0.0.1:{port}");
        fs::write(dir.join("server.properties"), settings(&dir, port, controller, properties))?;
        format_storage(&dir)?;
        let kafka = Self { dir, bootstrap, running: Mutex::new(None), _data: data };
        kafka.restart()?;
        Ok(kafka)
    }

    /// `HOST:PORT`; stays the same over restarts.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// SIGTERM: a clean stop.
    pub fn stop(&self) -> Result<()> {
        self.order("stop")
    }

    /// SIGKILL: a crash.
    pub fn kill9(&self) -> Result<()> {
        self.order("kill")
    }

    /// Starts it again on the same data and ports, and waits until it serves.
    pub fn restart(&self) -> Result<()> {
        let mut running = self.lock();
        ensure!(running.is_none(), "the broker runs already");
        let log = self.dir.join("broker.log");
        let _ = fs::remove_file(&log);
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "kafka-keeper"])
            .args(jvm()?)
            .arg("kafka.Kafka")
            .arg(self.dir.join("server.properties"))
            .env("BROKER_LOG", &log)
            .env("BROKER_DIR", &self.dir)
            // A Ctrl-C is for the test; the keeper sees the end of its input then.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start the broker")?;
        let orders = keeper.stdin.take().context("the keeper has an input")?;
        *running = Some(Running { keeper, orders });
        drop(running);
        wait_until("a broker that serves", START_TIMEOUT, || has_line(&log, READY))
            .with_context(|| format!("broker.log ends with:\n{}", tail(&log)))
    }

    fn order(&self, order: &str) -> Result<()> {
        let Some(Running { mut keeper, mut orders }) = self.lock().take() else { bail!("the broker does not run") };
        writeln!(orders, "{order}")?;
        drop(orders);
        keeper.wait()?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if let Some(Running { mut keeper, orders }) = self.lock().take() {
            drop(orders);
            let _ = keeper.wait();
        }
    }
}

fn jvm() -> Result<Vec<String>> {
    let jars = jars::jars().map_err(anyhow::Error::msg)?;
    let mut args: Vec<String> = ["java", "-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]
        .map(str::to_owned)
        .to_vec();
    args.push(format!("{}/*", jars.display()));
    Ok(args)
}

fn format_storage(dir: &Path) -> Result<()> {
    let args = jvm()?;
    let done = Command::new(&args[0])
        .args(&args[1..])
        .args(["kafka.tools.StorageTool", "format", "-t", "weirTestCluster0000000", "-c"])
        .arg(dir.join("server.properties"))
        .stdin(Stdio::null())
        .output()
        .context("run java")?;
    ensure!(done.status.success(), "storage format failed:\n{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn settings(dir: &Path, port: u16, controller: u16, more: &[(&str, &str)]) -> String {
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={dir}/data
",
        dir = dir.display()
    );
    let fixed = [
        ("auto.create.topics.enable", "false"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("share.coordinator.state.topic.num.partitions", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1000"),
        // Compaction that a test can wait for.
        ("log.roll.ms", "1000"),
        ("log.cleaner.backoff.ms", "200"),
        ("log.cleaner.min.cleanable.ratio", "0.01"),
        ("log.cleaner.dedupe.buffer.size", "8388608"),
    ];
    for (key, value) in fixed.iter().chain(more) {
        text.push_str(&format!("{key}={value}\n"));
    }
    text
}

/// Two free ports below the range that the kernel hands to outgoing connections, so that a restart finds them free.
fn free_ports() -> Result<[u16; 2]> {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = Vec::new();
    for _ in 0..2_000 {
        // Other test binaries run at the same time: begin at different places.
        let port = 15_000 + (std::process::id().wrapping_mul(97) as u16).wrapping_add(*next) % 15_000;
        *next = next.wrapping_add(1);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            found.push(port);
            if let [one, two] = found[..] {
                return Ok([one, two]);
            }
        }
    }
    bail!("no free ports")
}

fn has_line(path: &Path, text: &str) -> bool {
    let Ok(file) = fs::File::open(path) else { return false };
    BufReader::new(file).lines().map_while(Result::ok).any(|line| line.contains(text))
}

fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
