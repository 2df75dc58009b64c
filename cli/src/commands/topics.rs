//! `weir topics`: creates an installation's topics on a Kafka, or lists what is there.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;
use comfy_table::{CellAlignment, Table, presets};
use weir_bus::TopicPartition;
use weir_schemas::Partition;

use crate::app::{self, Place};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates what is missing; an existing topic is left as it is.
    Create {
        #[command(flatten)]
        place: Place,
    },
    /// Lists topics, partitions and how many records are there.
    List {
        #[command(flatten)]
        place: Place,
    },
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (Command::Create { ref place } | Command::List { ref place }) = args.command;
    let config = place.load("")?;
    app::require_kafka(&config, "topics")?;
    let bus = app::open_bus(place, &config).await?;
    let wanted = app::topics(&config);
    if let Command::Create { .. } = args.command {
        bus.create_topics(&wanted).await?;
    }
    let there = bus.topics().await?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["topic", "partitions", "records"]);
    for spec in &wanted {
        let Some((_, partitions)) = there.iter().find(|(name, _)| *name == spec.name) else {
            table.add_row([spec.name.as_str(), "missing", ""]);
            continue;
        };
        let mut records = 0;
        for partition in 0..*partitions {
            let at = TopicPartition { topic: spec.name.clone(), partition: Partition(partition) };
            let (start, end) = bus.offsets(&at).await?;
            records += end.0 - start.0;
        }
        table.add_row([spec.name.to_string(), partitions.to_string(), records.to_string()]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(std::io::stdout().lock(), "{table}")?;
    Ok(ExitCode::SUCCESS)
}
