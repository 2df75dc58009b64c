//! The `weir` command: every stage as a process, all of them in one (`up`), and the tools beside them.

mod admin;
mod app;
mod commands;
mod connection;
mod registry_client;
mod simulated;
mod stages;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An AI gateway whose source of truth is an event log.
#[derive(Parser)]
#[command(name = "weir", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How much is logged: error, warn, info, debug, or a filter such as `weir_ingress=debug`.
    #[arg(long, global = true, env = "WEIR_LOG", default_value = "warn,kafka=error")]
    log: String,
    /// How it is logged.
    #[arg(long, global = true, env = "WEIR_LOG_FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
}

#[derive(Subcommand)]
enum Command {
    /// Everything in one process: the log, the gateway, the processors, the audit and SQL.
    Up(commands::up::Args),
    /// `up` with traffic: a few hundred requests, then tables of what happened.
    Demo(commands::demo::Args),
    /// The gateway alone, on a Kafka.
    Ingress(commands::stage::Ingress),
    /// One processor alone, on a Kafka.
    Processor(commands::stage::Processor),
    /// The audit's writer alone, on a Kafka.
    Sink(commands::stage::Sink),
    /// Asks the audit tables.
    Sql(commands::sql::Args),
    /// Runs a named report.
    Report(commands::report::Args),
    /// Creates or lists the topics of a Kafka.
    Topics(commands::topics::Args),
    /// Checks a configuration.
    Config(commands::config::Args),
    /// Makes virtual keys.
    Key(commands::key::Args),
    /// Finds personal data, secrets and prompt attacks in JSON lines.
    Scan(commands::scan::Args),
    /// Prices usage records in JSON lines.
    Price(commands::price::Args),
    /// Counts tokens in JSON lines.
    CountTokens(commands::count_tokens::Args),
    /// A simulated provider, to try a gateway against.
    Simulator(commands::simulator::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            commands::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // The commands on standard input need neither a runtime nor logs, and start in milliseconds.
    match cli.command {
        Command::Scan(args) => return commands::on_stdin(|input, output| commands::scan::run(args, input, output)),
        Command::Price(args) => return commands::on_stdin(|input, output| commands::price::run(args, input, output)),
        Command::CountTokens(args) => {
            return commands::on_stdin(|input, output| commands::count_tokens::run(args, input, output));
        }
        Command::Config(args) => return commands::config::run(args),
        Command::Key(args) => return commands::key::run(args),
        _ => {}
    }
    app::start_logs(&cli.log_format, &cli.log)?;
    app::install_crypto();
    app::runtime()?.block_on(async {
        match cli.command {
            Command::Up(args) => commands::up::run(args).await,
            Command::Demo(args) => commands::demo::run(args).await,
            Command::Ingress(args) => commands::stage::ingress(args).await,
            Command::Processor(args) => commands::stage::processor(args).await,
            Command::Sink(args) => commands::stage::sink(args).await,
            Command::Sql(args) => commands::sql::run(args).await,
            Command::Report(args) => commands::report::run(args).await,
            Command::Topics(args) => commands::topics::run(args).await,
            Command::Simulator(args) => commands::simulator::run(args).await,
            Command::Scan(_) | Command::Price(_) | Command::CountTokens(_) | Command::Config(_) | Command::Key(_) => {
                unreachable!("answered above, without a runtime")
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_commands_and_their_flags_fit_together() {
        super::Cli::command().debug_assert();
    }
}
