//! `weir simulator`: the simulated provider as a process of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use weir_simulator::{Options, Simulator};
use weir_telemetry::Drain;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let drain = Drain::new();
    drain.on_signals()?;
    let simulator = Simulator::start(args.listen, Options::default()).await?;
    writeln!(std::io::stdout().lock(), "simulated provider at http://{}/v1", simulator.addr())?;
    drain.triggered().await;
    simulator.stop().await;
    Ok(ExitCode::SUCCESS)
}
