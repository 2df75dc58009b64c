//! The demo's teams and what they send: deterministic, so that two runs tell the same story.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Pool, Error};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::commands::key;

/// A team with its key.
pub(crate) struct Caller {
    team: &'static str,
    key: String,
}

impl Caller {
    pub(crate) fn new(team: &'static str, key: String) -> Self {
        Self { team, key }
    }
}

/// What green may spend: some of its calls, not all.
const GREEN_LIMIT_USD: &str = "0.004";

/// The teams, their keys, green's budget, and keys that are refused rather than redacted.
pub(crate) fn config(callers: &[Arc<Caller>]) -> String {
    let mut text = String::new();
    for Caller { team, key: plain } in callers.iter().map(Arc::as_ref) {
        let tenant = if *team == "green" { "globex" } else { "acme" };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n[[teams]]\nname = \"{team}\"\ntenant = \"{tenant}\"\n\
             \n[[keys]]\nid = \"demo-{team}\"\nteam = \"{team}\"\napp = \"demo\"\nsha256 = \"{}\"\n",
            key::digest(plain)
        );
    }
    let _ = write!(
        text,
        "\n[[budgets]]\nid = \"green-daily\"\nteam = \"green\"\nlimit_usd = \"{GREEN_LIMIT_USD}\"\nwindow = \"day\"\n\
         \n[guardrails.categories]\npii = \"redact\"\nsecret = \"redact\"\n\
         \n[guardrails.kinds]\nprivate_key = \"block\"\n"
    );
    text
}

pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    uri: Uri,
}

impl Client {
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let uri = format!("{base}/chat/completions").parse().context("the gateway's URL")?;
        Ok(Self { pool: Pool::builder(TokioExecutor::new()).build_http(), uri })
    }
}

/// How one call ended, as its client sees it.
pub(crate) enum Answer {
    Ok { streamed: bool },
    Refused { status: StatusCode, code: String },
    Cut,
}

/// Counts of answers.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) answered: u64,
    plain: u64,
    streamed: u64,
    cut: u64,
    refused: BTreeMap<String, u64>,
}

impl Seen {
    pub(crate) fn add(&mut self, answer: Answer) {
        self.answered += 1;
        match answer {
            Answer::Ok { streamed: true } => self.streamed += 1,
            Answer::Ok { streamed: false } => self.plain += 1,
            Answer::Cut => self.cut += 1,
            Answer::Refused { status, code } => {
                *self.refused.entry(format!("{} {code}", status.as_u16())).or_default() += 1
            }
        }
    }

    pub(crate) fn short(&self) -> String {
        format!("{} answered, {} refused", self.plain + self.streamed, self.refused.values().sum::<u64>())
    }

    pub(crate) fn summary(&self) -> String {
        let refused: Vec<String> = self.refused.iter().map(|(what, n)| format!("{n} × {what}")).collect();
        format!(
            "clients saw {} plain answers, {} streams, {} streams that broke off, and refusals: {}",
            self.plain,
            self.streamed,
            self.cut,
            if refused.is_empty() { "none".to_owned() } else { refused.join(", ") }
        )
    }
}

/// The `n`-th call of the demo: whose, to which model, with what in it.
fn call(n: u32) -> (usize, Value, bool) {
    let caller = match n % 10 {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    let model = match (caller, n % 25) {
        (2, _) => "sim-large",
        (_, 7) => "sim-fail",
        (_, 11) => "sim-nousage",
        (_, 17) => "sim-broken",
        (_, 20) => "sim-overloaded",
        (_, 1 | 6 | 13) => "sim-large",
        _ => "sim-small",
    };
    let prompt = match n % 20 {
        // Values that are reserved for examples, in the shapes that leak.
        3 => format!("Write to maria.lindgren{n}@example.com that order {n} has shipped."),
        8 => "The customer pays with 4111 1111 1111 1111, expiry 12/29. Summarise the ticket.".to_owned(),
        12 => "Why does this fail? aws_access_key_id = AKIAIOSFODNN7EXAMPLE".to_owned(),
        15 => "Call back at +1 202 555 0143 from 203.0.113.7 about SSN 536-22-1845.".to_owned(),
        16 => "-----BEGIN RSA PRIVATE KEY-----\nMIIEexampleexampleexampleexample\n-----END RSA PRIVATE KEY-----"
            .to_owned(),
        _ => format!("Explain in a few words why rivers have weirs, variation {n}."),
    };
    let streamed = !n.is_multiple_of(3) || model == "sim-broken";
    let body = json!({
        "model": model,
        "stream": streamed,
        "max_tokens": 100,
        "user": format!("user-{}", n % 7),
        "messages": [{ "role": "user", "content": prompt }],
    });
    (caller, body, streamed)
}

pub(crate) async fn send(client: &Client, callers: &[Arc<Caller>], n: u32) -> anyhow::Result<Answer> {
    let (caller, body, streamed) = call(n);
    let request = Request::post(client.uri.clone())
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", callers[caller].key))
        .body(Full::new(Bytes::from(body.to_string())))?;
    let answer =
        client.pool.request(request).await.map_err(|e: Error| anyhow::anyhow!(e).context("call the gateway"))?;
    let status = answer.status();
    let Ok(body) = answer.into_body().collect().await else { return Ok(Answer::Cut) };
    let body = body.to_bytes();
    if !status.is_success() {
        let error: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = error["error"]["code"].as_str().or(error["error"]["type"].as_str()).unwrap_or("?").to_owned();
        return Ok(Answer::Refused { status, code });
    }
    if streamed && !body.ends_with(b"data: [DONE]\n\n") {
        return Ok(Answer::Cut);
    }
    Ok(Answer::Ok { streamed })
}
