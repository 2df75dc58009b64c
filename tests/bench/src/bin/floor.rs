//! The bare proxy as a process, on loopback. Prints one JSON line once it listens.
#![allow(clippy::print_stdout, reason = "its output is its answer")]

use std::net::SocketAddr;

use clap::Parser;
use tokio::net::TcpListener;
use weir_bench::floor::Floor;
use weir_bench::limits;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "127.0.0.1:9101")]
    listen: SocketAddr,
    /// Base URL of the provider.
    #[arg(long, default_value = "http://127.0.0.1:9100/v1")]
    upstream: String,
    /// Also hashes keys and reads the JSON of requests and events.
    #[arg(long)]
    parse: bool,
    /// All cores where it is not given, as the gateway does.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    limits::only_loopback(args.listen)?;
    let (upstream, _) = limits::loopback(&args.upstream)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = args.threads {
        runtime.worker_threads(threads.max(1));
    }
    runtime.enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(args.listen).await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        println!("{}", serde_json::json!({"base_url": base_url, "pid": std::process::id()}));
        let floor = Floor::new(upstream, args.parse)?;
        tokio::select! {
            served = floor.serve(listener) => { served?; }
            () = tokio::time::sleep(limits::MAX_LIFE) => {}
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
        Ok(())
    })
}
