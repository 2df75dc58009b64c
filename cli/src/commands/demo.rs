//! `weir demo`: `up` with the traffic of three teams, then tables of what the audit says about it.

mod traffic;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use weir_schemas::Timestamp;
use weir_sql::Session;

use self::traffic::{Caller, Seen};
use super::{key, sql, up};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    up: up::Args,
    /// How many requests are sent.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// How many of them at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    concurrency: u32,
    /// Keeps everything up afterwards, until ctrl-c.
    #[arg(long)]
    stay: bool,
}

/// How long the audit may take to hold the last of it.
const AUDIT_PATIENCE: Duration = Duration::from_secs(60);

/// What is shown at the end: heading and statement. `since` bounds it to this run.
fn tables(since: &str) -> [(&'static str, String); 5] {
    [
        (
            "Spend by team and model",
            format!(
                "SELECT team, model, count(*) AS requests, sum(prompt_tokens) AS prompt_tokens, \
                 sum(completion_tokens) AS completion_tokens, sum(cost_usd) AS cost_usd \
                 FROM audit WHERE ts >= {since} GROUP BY team, model ORDER BY cost_usd DESC NULLS LAST, team, model"
            ),
        ),
        (
            "Outcomes",
            format!(
                "SELECT outcome, status, count(*) AS requests, round(avg(latency_ms), 1) AS avg_ms \
                 FROM audit WHERE ts >= {since} GROUP BY outcome, status ORDER BY requests DESC, outcome"
            ),
        ),
        (
            "Findings",
            format!(
                "SELECT direction, category, type, action, sum(count) AS findings \
                 FROM findings WHERE ts >= {since} GROUP BY direction, category, type, action ORDER BY findings DESC, type"
            ),
        ),
        (
            "What the provider saw of the red team's last request with an e-mail address in it",
            format!(
                "SELECT r.team, r.request_model AS model, utf8(r.body) AS body FROM requests r \
                 WHERE r.event_time >= {since} AND r.team = 'red' AND utf8(r.body) LIKE '%<EMAIL_ADDRESS>%' ORDER BY r.event_time DESC LIMIT 1"
            ),
        ),
        (
            "Lost or doubled events, by the gapless numbers of every ingress (none is as it should be)",
            "SELECT 'gaps' AS what, count(*) AS found FROM gaps UNION ALL \
             SELECT 'duplicates', count(*) FROM duplicates ORDER BY what"
                .to_owned(),
        ),
    ]
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.up.place.config.is_some() {
        bail!("the demo brings its own teams, keys and provider: use `weir up --config` for yours");
    }
    let mut out = std::io::stdout();
    let callers: Vec<Arc<Caller>> =
        ["red", "blue", "green"].map(|team| Arc::new(Caller::new(team, key::fresh()))).into();
    let since = Timestamp::now();
    writeln!(out, "starting Weir with a simulated provider and three teams …")?;
    let mut up = up::start(args.up, &traffic::config(&callers)).await?;
    let base = up.connection.base_url.clone().context("up has an address")?;
    writeln!(out, "gateway {base}, data {}", up.app.place.data.display())?;

    let traffic = send(&base, &callers, args.requests, args.concurrency);
    let seen = tokio::select! {
        seen = traffic => seen?,
        () = up.app.drain.triggered() => {
            up.run().await?;
            return Ok(ExitCode::FAILURE);
        }
        error = up.stages.failed() => return Err(error),
    };
    writeln!(out, "{}", seen.summary())?;

    let session = Session::open(up.connection.audit_dir.as_deref().context("up has an audit folder")?)?;
    let since = format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", since.0);
    await_audit(&session, &since, seen.answered).await?;
    for (heading, statement) in tables(&since) {
        writeln!(out, "\n{heading}")?;
        sql::print_table(&session, &statement, &mut out).await?;
    }
    let data = up.app.place.data.display().to_string();
    writeln!(out, "\nAsk more: weir sql --data {data} \"SELECT * FROM audit LIMIT 5\"   or: weir report list")?;
    if args.stay {
        writeln!(out, "staying up at {base}; ctrl-c stops it")?;
    } else {
        up.app.drain.trigger();
    }
    up.run().await?;
    Ok(ExitCode::SUCCESS)
}

async fn send(base: &str, callers: &[Arc<Caller>], requests: u32, concurrency: u32) -> anyhow::Result<Seen> {
    let bar = ProgressBar::new(requests.into());
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} requests  {per_sec}  {msg}")?);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let client = traffic::Client::new(base)?;
    let mut answers = futures_util::stream::iter(0..requests)
        .map(|n| {
            let (client, callers) = (&client, callers);
            async move { traffic::send(client, callers, n).await }
        })
        .buffer_unordered(concurrency as usize);
    let mut seen = Seen::default();
    while let Some(answer) = answers.next().await {
        seen.add(answer?);
        bar.inc(1);
        bar.set_message(seen.short());
    }
    bar.finish_and_clear();
    Ok(seen)
}

/// Waits until every answered request is in the tables, with its outcome and its price.
async fn await_audit(session: &Session, since: &str, answered: u64) -> anyhow::Result<()> {
    let spinner = ProgressBar::new(answered);
    spinner.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} in the audit")?);
    if !std::io::stderr().is_terminal() {
        spinner.set_draw_target(ProgressDrawTarget::hidden());
    }
    let statement = format!(
        "SELECT (SELECT count(*) FROM outcomes WHERE event_time >= {since}) AS outcomes, \
         (SELECT count(*) FROM usage WHERE event_time >= {since}) AS used, \
         (SELECT count(*) FROM costs WHERE event_time >= {since}) AS priced"
    );
    let deadline = Instant::now() + AUDIT_PATIENCE;
    loop {
        let counts = sql::integers(session, &statement).await?;
        let [outcomes, used, priced] = counts[..] else { bail!("the audit answered {} columns", counts.len()) };
        spinner.set_position(outcomes.unsigned_abs());
        if outcomes.unsigned_abs() >= answered && priced >= used {
            break;
        }
        if Instant::now() > deadline {
            bail!("after {AUDIT_PATIENCE:?} the audit holds {outcomes} of {answered} requests");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    spinner.finish_and_clear();
    // Findings follow their requests through the log within the next flush.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}
