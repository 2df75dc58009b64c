//! Runs every case against every target in turn, round after round (A B C, A B C …), and prints a table of medians.
//!
//! Ratios are to the first target that is not `direct`; latencies are what a target adds to the `direct` one, or to the
//! first. Figures are printed and nothing is asserted of them; exit code 1 says that answers were wrong.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a table on standard output, progress beside it")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comfy_table::{Cell, CellAlignment, Table, presets};
use weir_bench::histogram::median;
use weir_bench::limits::MAX_RUN;
use weir_bench::load;
use weir_bench::plan::{Case, TargetEntry};
use weir_bench::report::Report;

#[derive(Parser)]
struct Args {
    /// JSON: `[{"name","url","key","model","pid","direct","usage","any_cut"}]`.
    #[arg(long)]
    targets: PathBuf,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Of one run.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// At most so long after a run, until the target is quiet.
    #[arg(long, default_value_t = 10.0)]
    settle: f64,
    /// Only cases whose name contains one of these.
    #[arg(long)]
    only: Vec<String>,
    /// Also print a JSON line for each run.
    #[arg(long)]
    json: bool,
}

/// Reports by case, target, round.
type Results = Vec<Vec<Vec<Report>>>;
type Figure = fn(&Report) -> Option<f64>;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let targets = TargetEntry::read(&args.targets)?;
    let cases = Case::chosen(&args.only);
    anyhow::ensure!(!cases.is_empty() && (1..=20).contains(&args.rounds), "at least one case; 1 to 20 rounds");
    anyhow::ensure!(args.seconds >= 0.1 && args.settle >= 0.0, "a run takes at least 0.1 s");
    let seconds = Duration::try_from_secs_f64(args.seconds)?.min(MAX_RUN);
    let settle = Duration::try_from_secs_f64(args.settle)?.min(MAX_RUN);

    let mut results: Results = vec![vec![Vec::new(); targets.len()]; cases.len()];
    let all = cases.len() * args.rounds * targets.len();
    let mut number = 0;
    for (case, of_case) in cases.iter().zip(&mut results) {
        for round in 1..=args.rounds {
            for (entry, of_target) in targets.iter().zip(of_case.iter_mut()) {
                number += 1;
                eprint!("[{number}/{all}] {} · round {round} · {} … ", case.name, entry.name);
                let report = load::run(&entry.target(), &case.job(seconds, settle)).await?;
                eprintln!("{} requests{}", report.ok, wrong(&report));
                if args.json {
                    println!("{}", serde_json::to_string(&report)?);
                }
                of_target.push(report);
            }
        }
    }
    println!("{}", table(&targets, &cases, &results));
    for (entry, reports) in targets.iter().enumerate().map(|(i, t)| (t, results.iter().map(move |r| &r[i]))) {
        let threads = reports.flatten().fold(std::collections::BTreeMap::new(), |mut all, report| {
            for (name, us) in &report.threads_us_per_req {
                *all.entry(name.as_str()).or_insert(0.0) += us * report.ok as f64;
            }
            all
        });
        let sum: f64 = threads.values().sum();
        if !entry.direct && sum > 0.0 {
            let shares: Vec<String> =
                threads.iter().map(|(name, us)| format!("{name} {:.0} %", us / sum * 100.0)).collect();
            println!("threads of {}: {}", entry.name, shares.join(", "));
        }
    }
    let faults: u64 = results.iter().flatten().flatten().map(Report::faults).sum();
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn wrong(report: &Report) -> String {
    match &report.first_error {
        None => String::new(),
        Some(first) => format!(", {} WRONG: {first}", report.faults()),
    }
}

fn table(targets: &[TargetEntry], cases: &[Case], results: &Results) -> Table {
    let figures: [(&str, Figure, bool); 8] = [
        ("CPU µs/request", |r| r.cpu_us_per_req.filter(|_| !r.stream), false),
        ("  … until quiet", |r| r.cpu_settled_us_per_req.filter(|_| !r.stream), false),
        ("CPU µs/chunk", |r| r.cpu_us_per_chunk, false),
        ("  … until quiet", |r| r.cpu_settled_us_per_chunk, false),
        ("p50 ms", |r| Some(r.latency.p50 / 1000.0), true),
        ("p99 ms", |r| Some(r.latency.p99 / 1000.0), true),
        ("requests/s", |r| Some(r.rps), false),
        ("peak MB", |r| r.rss_peak_mb, false),
    ];
    let direct = targets.iter().position(|t| t.direct);
    let baseline = targets.iter().position(|t| !t.direct).unwrap_or(0);
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    let header = ["case", "figure"].into_iter().map(str::to_owned).chain(targets.iter().map(|t| t.name.clone()));
    table.set_header(header);
    for (case, of_case) in cases.iter().zip(results) {
        let mut name = case.name.as_str();
        for (figure, of, added) in figures {
            let medians: Vec<Option<f64>> =
                of_case.iter().map(|rounds| median(&rounds.iter().filter_map(of).collect::<Vec<_>>())).collect();
            if medians.iter().all(Option::is_none) {
                continue;
            }
            let mut row = vec![Cell::new(std::mem::take(&mut name)), Cell::new(figure)];
            for (i, value) in medians.iter().enumerate() {
                let from = direct.filter(|d| *d != i).filter(|_| added);
                let text = match (value, from.and_then(|d| medians[d])) {
                    (None, _) => "–".to_owned(),
                    (Some(value), Some(direct)) => format!("{} ({})", number(*value), signed(value - direct)),
                    (Some(value), None) => {
                        let base =
                            medians[baseline].filter(|b| *b > 0.0 && i != baseline && !targets[i].direct && !added);
                        base.map_or_else(|| number(*value), |b| format!("{} ({:.2}×)", number(*value), value / b))
                    }
                };
                row.push(Cell::new(text).set_alignment(CellAlignment::Right));
            }
            table.add_row(row);
        }
    }
    table
}

fn signed(value: f64) -> String {
    format!("{}{}", if value < 0.0 { '−' } else { '+' }, number(value.abs()))
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
