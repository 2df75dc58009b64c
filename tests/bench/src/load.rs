//! Loads one target and tells what that cost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use weir_simulator::answer;

use crate::histogram::Histogram;
use crate::limits::{self, MAX_CONNECTIONS, MAX_RUN};
use crate::nonce::Nonces;
use crate::process::{self, Cpu};
use crate::report::Report;
use crate::verify::{self, Expected, Fault, Stream, Usage};

/// How often memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(200);
/// A process that used less than this share of a core over a look is quiet.
const QUIET: f64 = 0.05;
const QUIET_LOOK: Duration = Duration::from_millis(500);
/// Answers of plain requests are small; more is not ours.
const MAX_BODY: usize = 16 << 20;

/// Whom to load.
#[derive(Clone, Debug)]
pub struct Target {
    /// Base URL, such as `http://127.0.0.1:9100/v1`.
    pub url: String,
    pub key: Option<String>,
    pub model: String,
    /// Whose processor time and memory is read.
    pub pid: Option<u32>,
    /// Usage is not checked where a gateway drops it.
    pub usage: Usage,
    pub any_cut: bool,
}

/// How to load it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Requests under way at once, each on a connection of its own.
    pub connections: usize,
    pub length: Length,
    pub stream: bool,
    pub chunks: usize,
    /// Between the chunks of a stream.
    pub delay: Duration,
    /// Requests per second (open loop: latency counts from when a request was due). `None`: as fast as answers come.
    pub rate: Option<f64>,
    /// Before the measured phase, with the same load.
    pub warmup: Duration,
    /// For one request.
    pub timeout: Duration,
    /// How long to wait after the load for the process to become quiet, whose work then is counted too.
    pub settle: Duration,
}

/// How long a measured phase is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    For(Duration),
    Requests(u64),
}

impl Job {
    fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=MAX_CONNECTIONS).contains(&self.connections), "connections: 1 to {MAX_CONNECTIONS}");
        ensure!(self.chunks >= 1, "chunks: at least 1");
        ensure!(self.rate.is_none_or(|r| r.is_finite() && r > 0.0), "rate: more than 0");
        let length = if let Length::For(length) = self.length { length } else { Duration::ZERO };
        let all = self.warmup + length + self.timeout + self.settle;
        ensure!(all <= MAX_RUN, "a run may take {MAX_RUN:?} in all, this one {all:?}");
        Ok(())
    }
}

/// Runs a job: warm-up, measured phase, time to settle.
pub async fn run(target: &Target, job: &Job) -> anyhow::Result<Report> {
    job.check()?;
    let (addr, path) = limits::loopback(&target.url)?;
    let shared = Arc::new(Shared {
        target: target.clone(),
        job: job.clone(),
        addr,
        uri: format!("{path}/chat/completions"),
        nonces: Nonces::default(),
    });
    let mut workers: Vec<Worker> = (0..job.connections).map(|_| Worker::new(shared.clone())).collect();
    if !job.warmup.is_zero() {
        let warm = Phase::new(Length::For(job.warmup), job);
        workers = warm.run(workers).await?;
        workers.iter_mut().for_each(|worker| worker.seen = Seen::default());
    }

    let memory = target.pid.map(Memory::watch);
    let mine = std::process::id();
    let (before, load_before) = (cpu(target.pid)?, Cpu::of(mine)?);
    let began = Instant::now();
    let workers = Phase::new(job.length, job).run(workers).await?;
    let took = began.elapsed();
    let (after, load_after) = (cpu(target.pid)?, Cpu::of(mine)?);
    let settled = match target.pid {
        Some(pid) if !job.settle.is_zero() => Some(quiet(pid, job.settle).await?),
        _ => None,
    };
    let peak = memory.map(Memory::peak);

    let mut seen = Seen::default();
    for worker in workers {
        seen.merge(worker.seen);
    }
    let used = after.zip(before.clone()).map(|(after, before)| after.since(&before));
    let used_settled = settled.zip(before).map(|(after, before)| after.since(&before).total);
    Ok(Report::new(target, job, seen, took, used, used_settled, peak, load_after.since(&load_before).total))
}

fn cpu(pid: Option<u32>) -> anyhow::Result<Option<Cpu>> {
    pid.map(Cpu::of).transpose()
}

/// Waits until a process does next to nothing, or the time is over.
async fn quiet(pid: u32, at_most: Duration) -> anyhow::Result<Cpu> {
    let end = Instant::now() + at_most;
    let mut last = Cpu::of(pid)?;
    while Instant::now() < end {
        tokio::time::sleep(QUIET_LOOK).await;
        let now = Cpu::of(pid)?;
        if now.since(&last).total.as_secs_f64() <= QUIET * QUIET_LOOK.as_secs_f64() {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}

/// Looks at the memory of a process while it lives.
struct Memory {
    peak: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Memory {
    fn watch(pid: u32) -> Self {
        let peak = Arc::new(AtomicU64::new(process::resident(pid).unwrap_or(0)));
        let task = tokio::spawn({
            let peak = peak.clone();
            async move {
                while let Ok(bytes) = process::resident(pid) {
                    peak.fetch_max(bytes, Ordering::Relaxed);
                    tokio::time::sleep(MEMORY_EVERY).await;
                }
            }
        });
        Self { peak, task }
    }

    fn peak(self) -> u64 {
        self.task.abort();
        self.peak.load(Ordering::Relaxed)
    }
}

struct Shared {
    target: Target,
    job: Job,
    addr: SocketAddr,
    uri: String,
    nonces: Nonces,
}

/// What was seen of the answers.
#[derive(Default)]
pub struct Seen {
    pub ok: u64,
    pub chunks: u64,
    pub latency: Histogram,
    /// To the first content chunk.
    pub first: Histogram,
    pub gap: Histogram,
    pub faults: BTreeMap<&'static str, u64>,
    pub first_fault: Option<String>,
}

impl Seen {
    fn merge(&mut self, other: Self) {
        self.ok += other.ok;
        self.chunks += other.chunks;
        self.latency.merge(&other.latency);
        self.first.merge(&other.first);
        self.gap.merge(&other.gap);
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        if self.first_fault.is_none() {
            self.first_fault = other.first_fault;
        }
    }
}

/// A stretch of load that all workers share.
struct Phase {
    length: Length,
    rate: Option<f64>,
    taken: AtomicU64,
    /// Said when something is wrong that no request will change.
    failed: Mutex<Option<String>>,
}

impl Phase {
    fn new(length: Length, job: &Job) -> Arc<Self> {
        Arc::new(Self { length, rate: job.rate, taken: AtomicU64::new(0), failed: Mutex::default() })
    }

    async fn run(self: Arc<Self>, workers: Vec<Worker>) -> anyhow::Result<Vec<Worker>> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for mut worker in workers {
            let phase = self.clone();
            running.spawn(async move {
                while let Some(due) = phase.next(began).await {
                    worker.one(due).await;
                    if worker.hopeless() {
                        let what = worker.seen.first_fault.clone().unwrap_or_default();
                        *phase.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
                        break;
                    }
                }
                worker
            });
        }
        let workers = running.join_all().await;
        if let Some(what) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bail!("the target does not answer as it should: {what}");
        }
        Ok(workers)
    }

    /// When the next request is due, once it is; `None` at the end.
    async fn next(&self, began: Instant) -> Option<Instant> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let end = match self.length {
            Length::For(length) => length,
            Length::Requests(requests) if number >= requests => return None,
            Length::Requests(_) => MAX_RUN,
        };
        let Some(rate) = self.rate else {
            return (began.elapsed() < end).then(Instant::now);
        };
        let after = Duration::from_secs_f64(number as f64 / rate);
        if after >= end {
            return None;
        }
        let due = began + after;
        tokio::time::sleep_until(due.into()).await;
        Some(due)
    }
}

/// Faults in a row, without one good answer, after which a worker gives up.
const HOPELESS: u32 = 20;

struct Worker {
    shared: Arc<Shared>,
    connection: Option<SendRequest<Full<Bytes>>>,
    seen: Seen,
    faults_in_a_row: u32,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, connection: None, seen: Seen::default(), faults_in_a_row: 0 }
    }

    fn hopeless(&self) -> bool {
        self.seen.ok == 0 && self.faults_in_a_row >= HOPELESS
    }

    async fn one(&mut self, due: Instant) {
        let timeout = self.shared.job.timeout;
        let result = match tokio::time::timeout(timeout, self.exchange(due)).await {
            Ok(result) => result,
            Err(_) => Err((Fault::TimedOut, format!("no whole answer within {timeout:?}"))),
        };
        match result {
            Ok(()) => {
                self.seen.ok += 1;
                self.seen.latency.add(due.elapsed());
                self.faults_in_a_row = 0;
            }
            Err((fault, text)) => {
                *self.seen.faults.entry(fault.as_str()).or_default() += 1;
                self.seen.first_fault.get_or_insert(text);
                self.connection = None;
                self.faults_in_a_row += 1;
            }
        }
    }

    async fn exchange(&mut self, due: Instant) -> Result<(), (Fault, String)> {
        let failed = |fault: Fault| move |error: hyper::Error| (fault, error.to_string());
        let shared = self.shared.clone();
        let (body, expected) = question(&shared);
        let request = request(&shared, body).map_err(|e| (Fault::Connect, e.to_string()))?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(shared.addr).await.map_err(|e| (Fault::Connect, format!("{e:#}")))?,
        };
        connection.ready().await.map_err(failed(Fault::Connect))?;
        let answer = connection.send_request(request).await.map_err(failed(Fault::Broken))?;
        let status = answer.status();
        let mut body = answer.into_body();
        if status != 200 || !shared.job.stream {
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(failed(Fault::Broken))?;
                bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |d| d));
                if bytes.len() > MAX_BODY {
                    return Err((Fault::Malformed, "the body does not end".to_owned()));
                }
            }
            if status != 200 {
                let text: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
                return Err((Fault::Status, format!("{status}: {text}")));
            }
            verify::plain(&bytes, &expected).map_err(|fault| (fault, told(fault)))?;
            self.seen.chunks += 1;
        } else {
            let mut stream = Stream::default();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(failed(Fault::Broken))?;
                let Some(data) = frame.data_ref() else { continue };
                stream.push(data, Instant::now()).map_err(|fault| (fault, told(fault)))?;
            }
            stream.finish(&expected).map_err(|fault| (fault, told(fault)))?;
            self.seen.chunks += stream.chunks() as u64;
            if let Some(first) = stream.first {
                self.seen.first.add(first - due);
            }
            stream.take_gaps().into_iter().for_each(|gap| self.seen.gap.add(gap));
        }
        self.connection = Some(connection);
        Ok(())
    }
}

fn told(fault: Fault) -> String {
    format!("an answer was wrong: {}", fault.as_str())
}

async fn connect(addr: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(addr).await.with_context(|| format!("connect to {addr}"))?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // It ends when its sender is dropped; an error shows in the exchange.
    tokio::spawn(connection);
    Ok(sender)
}

fn question(shared: &Shared) -> (Bytes, Expected) {
    let (job, nonce) = (&shared.job, shared.nonces.next());
    let pace = if job.stream { format!(" d={}us", job.delay.as_micros()) } else { String::new() };
    let prompt = format!("Tell of the river, please. @sim n={nonce} c={}{pace};", job.chunks);
    let expected = Expected {
        text: answer::expected(&nonce, job.chunks),
        chunks: job.chunks,
        prompt_tokens: answer::count(&prompt),
        usage: shared.target.usage,
        any_cut: shared.target.any_cut,
    };
    let mut body = json!({"model": shared.target.model, "messages": [{"role": "user", "content": prompt}]});
    if job.stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    (Bytes::from(body.to_string()), expected)
}

fn request(shared: &Shared, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::post(&shared.uri)
        .header(header::HOST, shared.addr.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = &shared.target.key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    request.body(Full::new(body))
}
