//! `weir config check`: reads a configuration as every process would, and says all that is wrong with it, or what it holds.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use weir_policy::{Config, FsyncSetting, Mistakes, Scope, Snapshot};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says every mistake with its line, or a summary where there is none. Exits with 1 on mistakes.
    Check {
        /// The configuration.
        #[arg(long, env = "WEIR_CONFIG", value_name = "FILE", default_value = "weir.toml")]
        config: PathBuf,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Check { config: path } = args.command;
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let base = path.parent().unwrap_or(Path::new(""));
    let read = |name: &str| fs::read_to_string(base.join(name));
    match Config::parse(&text, &|name| std::env::var(name).ok(), &read) {
        Ok(config) => {
            io::stdout().lock().write_all(summary(&path, &config).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(Mistakes(mistakes)) => {
            let mut err = io::stderr().lock();
            for mistake in &mistakes {
                writeln!(err, "{}:{mistake}", path.display())?;
            }
            let s = if mistakes.len() == 1 { "" } else { "s" };
            writeln!(err, "{}: {} mistake{s}; nothing of it takes effect", path.display(), mistakes.len())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// One screen, whatever the size of the configuration.
fn summary(path: &Path, config: &Config) -> String {
    let Config { ingress, log, outbox, audit, policy } = config;
    let log_is = match &log.kafka {
        Some(brokers) => format!("Kafka at {brokers}, {} partitions, {} copies", log.partitions, log.replication),
        None => format!("embedded, {} partitions", log.partitions),
    };
    let fsync = match outbox.fsync {
        FsyncSetting::Always => "fsync with every write".to_owned(),
        FsyncSetting::Interval(interval) => format!("fsync every {} ms", interval.as_millis()),
        FsyncSetting::Never => "no fsync: a power loss loses what the system had not yet written".to_owned(),
    };
    let dir = audit.dir.as_ref().map_or("in the data folder".to_owned(), |dir| format!("in {}", dir.display()));
    let guardrails = &policy.guardrails;
    let lines = [
        ("policy", policy.version.clone()),
        ("listen", ingress.listen.to_string()),
        ("log", log_is),
        ("outbox", format!("{} MiB at most, {fsync}", outbox.max_bytes >> 20)),
        ("audit", format!("{dir}, at most {} ms behind", audit.flush_interval.as_millis())),
        ("providers", listed(policy.providers.keys().map(String::as_str))),
        ("models", listed(policy.models.keys().map(String::as_str))),
        ("keys", keys(policy)),
        ("budgets", budgets(policy)),
        (
            "guardrails",
            format!(
                "{} from score {}; {} rules of their own",
                guardrails.default.as_str(),
                guardrails.min_score,
                guardrails.by_category.len() + guardrails.by_kind.len()
            ),
        ),
        ("prices", format!("table {}", policy.prices.version())),
    ];
    let mut text = format!("{}: no mistakes\n", path.display());
    for (what, is) in lines {
        text += &format!("  {what:<12}{is}\n");
    }
    text
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    /// More than fits a line is counted.
    const SHOWN: usize = 6;
    let count = names.len();
    let shown: Vec<&str> = names.take(SHOWN).collect();
    match count {
        0 => "0".to_owned(),
        _ if count > SHOWN => format!("{count}: {}, …", shown.join(", ")),
        _ => format!("{count}: {}", shown.join(", ")),
    }
}

fn keys(policy: &Snapshot) -> String {
    let teams: std::collections::BTreeSet<&str> = policy.keys.values().map(|key| key.team.as_str()).collect();
    format!("{} of {} teams", policy.keys.len(), teams.len())
}

fn budgets(policy: &Snapshot) -> String {
    let of_teams = policy.budgets.iter().filter(|budget| matches!(budget.scope, Scope::Team(_))).count();
    format!("{}: {of_teams} of teams, {} of keys", policy.budgets.len(), policy.budgets.len() - of_teams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_an_empty_configuration_fits_a_screen() {
        let text = summary(Path::new("weir.toml"), &Config::empty());
        assert!(text.starts_with("weir.toml: no mistakes\n"));
        assert!(text.lines().count() < 24);
        assert!(text.contains("  providers   0\n"));
    }

    #[test]
    fn long_lists_are_counted() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(listed(names.into_iter()), "7: a, b, c, d, e, f, …");
        assert_eq!(listed(names[..2].iter().copied()), "2: a, b");
    }
}
