//! Loads one target and prints one JSON object. Exit code 1 where an answer was wrong.
#![allow(clippy::print_stdout, reason = "its output is its answer")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use weir_bench::load::{self, Job, Length, Target};
use weir_bench::verify::Usage;

#[derive(Parser)]
struct Args {
    /// Base URL of the target, on loopback.
    #[arg(long, default_value = "http://127.0.0.1:9100/v1")]
    url: String,
    #[arg(long)]
    key: Option<String>,
    #[arg(long, default_value = "sim-small")]
    model: String,
    /// Process whose processor time and memory is read, with its children.
    #[arg(long)]
    pid: Option<u32>,
    /// Requests at once.
    #[arg(short = 'c', default_value_t = 16)]
    connections: usize,
    /// Requests in all; else `--duration` counts.
    #[arg(short = 'n')]
    requests: Option<u64>,
    #[arg(long, default_value = "5s", value_parser = duration)]
    duration: Duration,
    #[arg(long)]
    stream: bool,
    /// Words of an answer: content chunks of a stream.
    #[arg(long, default_value_t = 20)]
    chunks: usize,
    /// Between the chunks of a stream.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    delay: Duration,
    /// Requests per second, whatever the answers take.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value = "500ms", value_parser = duration)]
    warmup: Duration,
    #[arg(long, default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// Afterwards, wait at most so long until the process is quiet, and count its work.
    #[arg(long, default_value = "0s", value_parser = duration)]
    settle: Duration,
    /// The target drops usage.
    #[arg(long)]
    no_usage: bool,
    /// The target may cut the text of a stream anew.
    #[arg(long)]
    any_cut: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().map_err(|_| "a duration is a number and its unit: 5s, 20ms")?;
    match &text[split..] {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err("the unit of a duration is s, ms or us".to_owned()),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let target = Target {
        url: args.url,
        key: args.key,
        model: args.model,
        pid: args.pid,
        usage: if args.no_usage { Usage::Ignored } else { Usage::Required },
        any_cut: args.any_cut,
    };
    let job = Job {
        connections: args.connections,
        length: args.requests.map_or(Length::For(args.duration), Length::Requests),
        stream: args.stream,
        chunks: args.chunks,
        delay: args.delay,
        rate: args.rate,
        warmup: args.warmup,
        timeout: args.timeout,
        settle: args.settle,
    };
    let report = load::run(&target, &job).await?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(if report.faults() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
