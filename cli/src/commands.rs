//! One file a command.

pub(crate) mod config;
pub(crate) mod count_tokens;
pub(crate) mod demo;
mod jsonl;
pub(crate) mod key;
pub(crate) mod price;
pub(crate) mod report;
pub(crate) mod scan;
pub(crate) mod simulator;
pub(crate) mod sql;
pub(crate) mod stage;
pub(crate) mod topics;
pub(crate) mod up;

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

/// Runs a filter from standard input to standard output.
pub(crate) fn on_stdin(
    filter: impl FnOnce(&mut dyn BufRead, &mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut output = BufWriter::new(io::stdout().lock());
    filter(&mut io::stdin().lock(), &mut output)?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever read our output has seen enough: `weir sql … | head`.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Says on standard error what went wrong, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nothing is left to do where standard error is gone too.
    let _ = writeln!(io::stderr().lock(), "weir: {error:#}");
}
