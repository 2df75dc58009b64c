//! The small stable commands that people run on their own data, in their documented form.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cluster::weir;

/// Feeds lines, and returns the answers by id.
fn answers(args: &[&str], lines: &[Value]) -> Vec<Value> {
    let mut child = Command::new(weir())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    writeln!(input, "this is no JSON").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), lines.len() + 1, "a line each: {text}");
    let bad = all.iter().position(|a| a["error"].is_string() && a["id"].is_null()).expect("the bad line is answered");
    all.remove(bad);
    all
}

#[test]
fn scan_finds_spans_in_bytes_and_redacts_the_same_when_streamed() {
    let lines = [
        json!({ "id": "a", "text": "é: write to jo@example.com", "extra": 1 }),
        json!({ "id": "b", "text": "nothing here" }),
    ];
    let whole = answers(&["scan", "--jsonl", "--redact"], &lines);
    let finding = &whole.iter().find(|a| a["id"] == "a").unwrap()["findings"][0];
    assert_eq!((&finding["type"], &finding["category"]), (&json!("EMAIL_ADDRESS"), &json!("pii")));
    assert_eq!((finding["start"].as_i64(), finding["end"].as_i64()), (Some(13), Some(27)));
    assert!(finding["score"].as_f64().unwrap() >= 0.5 && finding["recognizer"].is_string());
    let streamed = answers(&["scan", "--jsonl", "--stream", "1"], &lines);
    for answer in &whole {
        let other = streamed.iter().find(|a| a["id"] == answer["id"]).unwrap();
        assert_eq!((&answer["findings"], &answer["redacted"]), (&other["findings"], &other["redacted"]));
        assert!(other["max_held_bytes"].is_u64());
        assert!(answer["injection_score"].as_f64().is_some_and(|s| (0.0..=1.0).contains(&s)));
    }
}

#[test]
fn count_tokens_counts_special_tokens_as_text() {
    let lines = [
        json!({ "id": 1, "encoding": "o200k_base", "text": "hello world" }),
        json!({ "id": 2, "encoding": "o200k_base", "text": "<|endoftext|>" }),
        json!({ "id": 3, "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "hello world" }] }),
    ];
    let all = answers(&["count-tokens", "--jsonl"], &lines);
    let tokens = |id: i64| all.iter().find(|a| a["id"] == id).unwrap()["tokens"].as_i64().unwrap();
    assert_eq!(tokens(1), 2);
    assert!(tokens(2) > 1);
    // Three for the message, one for its role, two for the text, three that prime the answer.
    assert_eq!(tokens(3), 9);
}

#[test]
fn price_is_exact_and_null_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let prices = dir.path().join("prices.json");
    let table = json!({ "m": { "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07 } });
    std::fs::write(&prices, table.to_string()).unwrap();
    let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 7, "total_tokens": 1007 });
    let lines = [
        json!({ "id": "x", "model": "m", "tier": "standard", "usage_format": "openai", "usage": usage }),
        json!({ "id": "y", "model": "unknown", "tier": "standard", "usage_format": "openai", "usage": usage }),
    ];
    let all = answers(&["price", "--prices", prices.to_str().unwrap(), "--jsonl"], &lines);
    let cost = |id: &str| all.iter().find(|a| a["id"] == id).unwrap()["cost_usd"].clone();
    assert_eq!(cost("x"), "0.0001542");
    assert_eq!(cost("y"), Value::Null);
}

#[test]
fn config_check_names_all_mistakes_with_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weir.toml");
    std::fs::write(
        &path,
        "[ingress]\nlisten = \"nowhere\"\nlisen = 1\n\n[[models]]\nname = \"m\"\nprovider = \"gone\"\n",
    )
    .unwrap();
    let check =
        |path: &std::path::Path| Command::new(weir()).args(["config", "check", "--config"]).arg(path).output().unwrap();
    let output = check(&path);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    for line in [":2:", ":3:", ":7:"] {
        assert!(said.contains(line), "nothing about line {line}: {said}");
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/weir.example.toml");
    let output = check(example.as_ref());
    let said = String::from_utf8_lossy(&output.stderr);
    // The example names its secrets by environment variables, which are not set here.
    assert!(
        output.status.success()
            || said.lines().all(|l| l.contains("environment") || l.contains("nothing of it takes effect")),
        "{said}"
    );
}

#[test]
fn a_stage_alone_says_that_it_needs_a_kafka() {
    for args in [&["ingress"][..], &["processor", "dlp"], &["sink"], &["topics", "create"]] {
        let output = Command::new(weir()).args(args).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("--kafka"), "{said}");
    }
}
