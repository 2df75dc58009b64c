//! `weir sql`: one question to the audit tables, answered on standard output.

mod table;

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use weir_sql::output::{Csv, Json, Jsonl, text};
use weir_sql::{Error, Limits, Query, Session, catalog, guard};
use weir_tables::{Table, layout};

use crate::connection::Connection;

/// Rows of a table for people: more than this scroll by unread, and their widths must be known before the first.
const TABLE_ROWS: u64 = 1_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The question; from standard input where it is left out.
    #[arg(value_name = "SQL")]
    sql: Option<String>,
    /// Lists tables and views, or the columns of one, in place of a question.
    #[arg(long, value_name = "TABLE", num_args = 0..=1, conflicts_with = "sql")]
    describe: Option<Option<String>>,
    #[command(flatten)]
    answer: Answer,
}

/// Where the tables are and how the answer looks.
#[derive(clap::Args)]
pub(crate) struct Answer {
    /// The folder that `weir up` keeps everything in, or an audit folder itself.
    #[arg(long, env = "WEIR_DATA", default_value = "weir-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Rows after which the answer is cut (table: 1000 where nothing is said; other formats: none).
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// Seconds after which to give up.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people, cut to the width of the terminal.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a row.
    Jsonl,
    /// One JSON array.
    Json,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let sql = match (args.describe, args.sql) {
        (Some(relation), _) => describe(relation.as_deref())?,
        (None, Some(sql)) => sql,
        (None, None) => read_stdin()?,
    };
    answer(&args.answer, &sql).await
}

/// Asks and writes the answer.
pub(crate) async fn answer(args: &Answer, sql: &str) -> anyhow::Result<ExitCode> {
    let session = Session::open(&audit_dir(&args.data)?)?;
    let rows = args.max_rows.or((args.format == Format::Table).then_some(TABLE_ROWS));
    let limits = Limits { timeout: Duration::from_secs(args.timeout), rows, ..Limits::default() };
    let query = session.query(sql, &limits).await?;
    let out = BufWriter::new(Screen::stdout());
    write(query, args.format, out).await?;
    Ok(ExitCode::SUCCESS)
}

/// Writes an answer as it comes.
async fn write(mut query: Query, format: Format, mut out: impl Write) -> anyhow::Result<()> {
    match format {
        Format::Table => {
            let mut table = table::Drawing::new(query.schema());
            while let Some(batch) = query.next().await {
                table.batch(&batch?);
            }
            table.finish(&mut out, query.truncated())?;
            return Ok(());
        }
        Format::Csv => {
            let mut csv = Csv::new(out, query.schema())?;
            while let Some(batch) = query.next().await {
                csv.batch(&batch?)?;
            }
            csv.finish()?;
        }
        Format::Jsonl => {
            let mut lines = Jsonl::new(out, query.schema());
            while let Some(batch) = query.next().await {
                lines.batch(&batch?)?;
            }
            lines.finish()?;
        }
        Format::Json => {
            let mut json = Json::new(out, query.schema());
            while let Some(batch) = query.next().await {
                json.batch(&batch?)?;
            }
            json.finish()?;
        }
    }
    if query.truncated() {
        writeln!(io::stderr().lock(), "weir: the answer is cut here; --max-rows allows more")?;
    }
    Ok(())
}

/// Asks and draws the answer as a table.
pub(crate) async fn print_table(session: &Session, sql: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let limits = Limits { rows: Some(TABLE_ROWS), ..Limits::default() };
    let query = session.query(sql, &limits).await?;
    write(query, Format::Table, out).await
}

/// The first row of an answer that has integers only.
pub(crate) async fn integers(session: &Session, sql: &str) -> anyhow::Result<Vec<i64>> {
    let query = session.query(sql, &Limits::default()).await?;
    let batches = query.collect().await?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0).context("the answer has no row")?;
    let cells = first.columns().iter().map(|column| text(column.as_ref(), 0).unwrap_or_default());
    cells.map(|cell| cell.parse().with_context(|| format!("`{cell}` is no integer"))).collect()
}

fn describe(relation: Option<&str>) -> Result<String, Error> {
    let Some(name) = relation else {
        return Ok("SELECT * FROM tables ORDER BY table_type DESC, table_name".to_owned());
    };
    let known = catalog::relation(name)?;
    Ok(format!(
        "SELECT column_name, data_type, description FROM columns WHERE table_name = '{}' ORDER BY ordinal_position",
        known.name
    ))
}

fn read_stdin() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        bail!("no question: weir sql \"SELECT …\", or pipe one in; weir sql --describe lists the tables");
    }
    let mut text = String::new();
    // One byte over the limit tells that there is more.
    let bound = guard::text::MAX_BYTES as u64 + 1;
    io::stdin().lock().take(bound).read_to_string(&mut text).context("read the question")?;
    Ok(text)
}

/// `DIR/audit`, or `DIR` where that holds the tables, or the folder that a running Weir wrote down.
fn audit_dir(data: &Path) -> anyhow::Result<PathBuf> {
    if !data.is_dir() {
        bail!("there is no folder {}: --data names the one that weir up keeps everything in", data.display());
    }
    let usual = data.join("audit");
    if usual.is_dir() {
        return Ok(usual);
    }
    if Table::all().iter().any(|table| layout::exists(data, table)) {
        return Ok(data.to_owned());
    }
    // A folder that is none of ours must not look like one without traffic.
    let written = Connection::read(data)?.audit_dir;
    written.with_context(|| format!("{} holds no audit: --data names the folder that weir up keeps", data.display()))
}

/// Standard output; where it is a terminal, nothing that is written can move its cursor.
struct Screen {
    out: io::Stdout,
    terminal: bool,
}

impl Screen {
    fn stdout() -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        Self { out, terminal }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.terminal {
            return self.out.write(bytes);
        }
        // Writers hand over whole lines, so no letter is cut in two here.
        self.out.write_all(table::harmless(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_folder_is_found_from_the_data_folder_or_itself() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path();
        assert!(audit_dir(&data.join("nowhere")).unwrap_err().to_string().contains("--data"));
        assert!(audit_dir(data).unwrap_err().to_string().contains("holds no audit"));
        std::fs::create_dir_all(data.join("requests/_delta_log")).unwrap();
        assert_eq!(audit_dir(data).unwrap(), data);
        std::fs::create_dir_all(data.join("audit")).unwrap();
        assert_eq!(audit_dir(data).unwrap(), data.join("audit"));
    }

    #[test]
    fn describe_knows_the_tables_and_hints_at_slips() {
        assert!(describe(None).unwrap().contains("FROM tables"));
        assert!(describe(Some("audit")).unwrap().contains("'audit'"));
        assert!(describe(Some("audt")).unwrap_err().to_string().contains("did you mean `audit`?"));
        assert!(describe(Some("x' OR 1=1 --")).is_err());
    }
}
