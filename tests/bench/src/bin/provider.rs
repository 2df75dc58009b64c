//! The simulated provider as a process, on loopback. Prints one JSON line once it listens.
#![allow(clippy::print_stdout, reason = "its output is its answer")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use weir_bench::limits;
use weir_simulator::{Options, Simulator};

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// The key that callers must present.
    #[arg(long)]
    key: Option<String>,
    /// Appends each call that ended as a JSON line.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Calls kept in memory.
    #[arg(long, default_value_t = 100)]
    keep: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    limits::only_loopback(args.listen)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads.max(1)).enable_all().build()?;
    runtime.block_on(async {
        let options =
            Options { api_key: args.key, journal_file: args.journal, journal_calls: args.keep, ..Options::default() };
        let simulator = Simulator::start(args.listen, options).await?;
        println!("{}", serde_json::json!({"base_url": simulator.base_url(), "pid": std::process::id()}));
        tokio::select! {
            () = tokio::time::sleep(limits::MAX_LIFE) => {}
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
        simulator.stop().await;
        Ok(())
    })
}
