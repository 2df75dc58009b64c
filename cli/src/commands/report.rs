//! `weir report`: named questions, so that nobody has to write the SQL.

use std::io::Write;
use std::process::ExitCode;

use comfy_table::{Table, presets};
use weir_sql::reports;

use super::sql::{self, Answer};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The report, or `list` for all of them.
    #[arg(value_name = "NAME", default_value = "list")]
    name: String,
    /// Prints the report's SQL in place of its answer.
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    answer: Answer,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.name == "list" {
        list(&mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = reports::by_name(&args.name)?;
    if args.sql {
        write!(std::io::stdout().lock(), "{}", report.sql)?;
        return Ok(ExitCode::SUCCESS);
    }
    sql::answer(&args.answer, report.sql).await
}

fn list(out: &mut impl Write) -> std::io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for report in reports::ALL {
        table.add_row([report.name, report.title()]);
    }
    writeln!(out, "{}", table.trim_fmt())
}
