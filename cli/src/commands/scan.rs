//! `weir scan`: personal data, secrets and prompt attacks in JSON lines.

use std::borrow::Cow;
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use weir_detect::{Detector, Match, injection_score, redact};
use weir_policy::{Config, Guardrails};
use weir_schemas::event::Action;

use super::jsonl::{Unusable, answer_lines, unusable};

/// Reads `{"id","text"}` lines, answers `{"id","findings","injection_score"}` lines. Offsets are UTF-8 bytes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// JSON lines in and out, the only form there is.
    #[arg(long, required = true)]
    jsonl: bool,
    /// Act by the guardrails of this configuration, instead of redacting everything at score 0.5 and above.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer also with the text as it would be sent.
    #[arg(long)]
    redact: bool,
    /// Feed the text so many bytes at a time through the streaming path.
    #[arg(long, value_name = "BYTES")]
    stream: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Filters `input` to `output`, one line at a time.
pub(crate) fn run(args: Args, input: impl BufRead, output: impl Write) -> anyhow::Result<()> {
    let Args { jsonl: _, config, redact, stream } = args;
    let guardrails = config.as_deref().map_or_else(|| Ok(Guardrails::default()), guardrails)?;
    let detector = Detector::builtin();
    answer_lines(input, output, |text| {
        let line: Line<'_> = serde_json::from_str(text).map_err(|e| unusable(&e))?;
        answer(&detector, &guardrails, &line.text, redact, stream)
    })
}

fn answer(
    detector: &Detector,
    guardrails: &Guardrails,
    text: &str,
    wants_redacted: bool,
    stream: Option<NonZeroUsize>,
) -> Result<Map<String, Value>, Unusable> {
    let mut fields = Map::new();
    let findings = match stream {
        Some(piece) => {
            let streamed = in_pieces(detector, guardrails, text, piece);
            fields.insert("redacted".into(), streamed.released.into());
            fields.insert("max_held_bytes".into(), streamed.most_held.into());
            streamed.findings
        }
        None => {
            let findings = detector.scan(text);
            if wants_redacted {
                let replaced: Vec<Match> =
                    findings.iter().filter(|found| leaves_not(guardrails, found)).cloned().collect();
                fields.insert("redacted".into(), redact(text, &replaced).into());
            }
            findings
        }
    };
    fields.insert("findings".into(), findings.iter().map(finding).collect());
    fields.insert("injection_score".into(), injection_score(text).into());
    Ok(fields)
}

/// Whether the guardrails keep the value from leaving: by a placeholder, or with the whole request.
fn leaves_not(guardrails: &Guardrails, found: &Match) -> bool {
    matches!(guardrails.action(found.category.as_str(), found.kind, found.score), Action::Redact | Action::Block)
}

fn finding(found: &Match) -> Value {
    json!({
        "type": found.kind,
        "category": found.category.as_str(),
        "start": found.start,
        "end": found.end,
        "score": found.score,
        "recognizer": found.recognizer,
    })
}

struct Streamed {
    findings: Vec<Match>,
    released: String,
    most_held: usize,
}

fn in_pieces(detector: &Detector, guardrails: &Guardrails, text: &str, piece: NonZeroUsize) -> Streamed {
    let guardrails = guardrails.clone();
    let mut stream = detector.stream().acting_on(move |found| leaves_not(&guardrails, found));
    let mut streamed = Streamed { findings: Vec::new(), released: String::new(), most_held: 0 };
    for bytes in text.as_bytes().chunks(piece.get()) {
        let released = stream.push_bytes(bytes);
        streamed.released.push_str(&released.text);
        streamed.findings.extend(released.matches);
        streamed.most_held = streamed.most_held.max(stream.held_bytes());
    }
    let released = stream.finish();
    streamed.released.push_str(&released.text);
    streamed.findings.extend(released.matches);
    streamed
}

/// The guardrails of a configuration. Its secrets are not needed here, so that they may be missing.
fn guardrails(path: &Path) -> anyhow::Result<Guardrails> {
    const STAND_IN: &str = "not-needed-to-scan";
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let env = |name: &str| Some(std::env::var(name).unwrap_or_else(|_| STAND_IN.into()));
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).or_else(|_| Ok(STAND_IN.into()));
    let config =
        Config::parse(&text, &env, &read).map_err(|mistakes| anyhow::anyhow!("{}:\n{mistakes}", path.display()))?;
    Ok(config.policy.guardrails.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(line: &Value, redact: bool, stream: Option<usize>) -> Value {
        let args = Args { jsonl: true, config: None, redact, stream: stream.and_then(NonZeroUsize::new) };
        let mut output = Vec::new();
        run(args, format!("{line}\n").as_bytes(), &mut output).unwrap();
        serde_json::from_slice(&output).unwrap()
    }

    #[test]
    fn findings_have_the_stable_form_and_byte_offsets() {
        let answer = scan(&json!({"id": "1", "text": "é jane@example.com", "more": 1}), false, None);
        assert_eq!(answer["id"], "1");
        assert_eq!(answer["findings"].as_array().unwrap().len(), 1);
        let found = &answer["findings"][0];
        assert_eq!((&found["type"], &found["category"]), (&json!("EMAIL_ADDRESS"), &json!("pii")));
        assert_eq!((&found["start"], &found["end"]), (&json!(3), &json!(19)));
        assert!(found["score"].as_f64().unwrap() >= 0.5 && found["recognizer"].is_string());
        assert_eq!(answer["injection_score"], json!(0.0));
        assert!(answer.get("redacted").is_none());
    }

    #[test]
    fn streamed_and_whole_answers_are_the_same() {
        let line = json!({"id": 1, "text": "karte 4111 1111 1111 1111, 漢字, AKIAIOSFODNN7EXAMPLE"});
        let whole = scan(&line, true, None);
        assert_eq!(whole["redacted"], "karte <CREDIT_CARD>, 漢字, <AWS_ACCESS_KEY_ID>");
        for piece in [1, 2, 3, 7, 1000] {
            let streamed = scan(&line, false, Some(piece));
            assert_eq!(streamed["findings"], whole["findings"]);
            assert_eq!(streamed["redacted"], whole["redacted"]);
            assert!(streamed["max_held_bytes"].as_u64().unwrap() <= 64);
        }
    }

    #[test]
    fn a_line_without_a_text_gets_an_error_and_its_id() {
        for line in [json!({"id": 5}), json!({"id": 5, "text": 3})] {
            let answer = scan(&line, false, None);
            assert_eq!(answer["id"], 5);
            assert!(answer["error"].is_string());
        }
    }
}
