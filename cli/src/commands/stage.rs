//! Each stage as a process of its own, on a Kafka.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::ValueEnum;
use weir_processors::Kind;

use crate::app::{self, App, Place};
use crate::stages::{self, Stages};

#[derive(clap::Args)]
pub(crate) struct Ingress {
    #[command(flatten)]
    place: Place,
    /// Where clients connect; wins over the configuration.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

#[derive(clap::Args)]
pub(crate) struct Processor {
    /// Which one.
    kind: ProcessorKind,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProcessorKind {
    /// Finds personal data and secrets in requests and answers.
    Dlp,
    /// Prices usage.
    Cost,
    /// Grants leases of budgets.
    Quota,
}

#[derive(clap::Args)]
pub(crate) struct Sink {
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn ingress(args: Ingress) -> anyhow::Result<ExitCode> {
    let mut app = open(args.place, "ingress").await?;
    if let Some(listen) = args.listen {
        app.config.ingress.listen = listen;
    }
    let mut stages = Stages::default();
    let addr = stages.add_ingress(&app).await?;
    say(&format!("ingress at http://{addr}/v1"))?;
    stages::run_until_drained(&app, stages).await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn processor(args: Processor) -> anyhow::Result<ExitCode> {
    let kind = match args.kind {
        ProcessorKind::Dlp => Kind::Dlp,
        ProcessorKind::Cost => Kind::Cost,
        ProcessorKind::Quota => Kind::Quota,
    };
    let app = open(args.place, &format!("processor {kind}")).await?;
    let mut stages = Stages::default();
    stages.add_processor(&app, kind)?;
    say(&format!("processor {kind} runs"))?;
    stages::run_until_drained(&app, stages).await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn sink(args: Sink) -> anyhow::Result<ExitCode> {
    let app = open(args.place, "sink").await?;
    let mut stages = Stages::default();
    stages.add_sink(&app).await?;
    say(&format!("sink writes to {}", app.place.audit_dir(&app.config).display()))?;
    stages::run_until_drained(&app, stages).await?;
    Ok(ExitCode::SUCCESS)
}

async fn open(place: Place, command: &str) -> anyhow::Result<App> {
    let config = place.load("")?;
    app::require_kafka(&config, command)?;
    App::open(place, config, command.split(' ').next_back().unwrap_or(command)).await
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}
