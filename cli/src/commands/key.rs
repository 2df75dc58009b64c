//! `weir key new`: a virtual key and the lines that allow it. Weir keeps only the hash.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;
use rand::RngCore;
use sha2::{Digest, Sha256};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a fresh key, once, and the configuration that allows it.
    New {
        /// Its public name, which stands in the audit.
        #[arg(long)]
        id: String,
        /// The team that it spends for.
        #[arg(long)]
        team: String,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::New { id, team } = args.command;
    let key = fresh();
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = std::io::stdout().lock();
    writeln!(out, "key (shown once; hand it to the client): {key}\n")?;
    writeln!(out, "[[keys]]\nid = {}\nteam = {}\nsha256 = \"{}\"", quoted(&id), quoted(&team), digest(&key))?;
    Ok(ExitCode::SUCCESS)
}

/// 256 random bits, with a prefix by which scanners know it.
pub(crate) fn fresh() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    format!("wk-{}", hex::encode(bytes))
}

/// What the configuration holds of a key.
pub(crate) fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}
