//! The channels of an answer: which texts of a JSON payload continue which.
//!
//! A streamed answer spells a text over many payloads; a channel names the text: `choices/0/content`,
//! `choices/0/reasoning`, `choices/0/refusal`, `choices/0/tool_calls/1/arguments`, `choices/0/logprobs` (the tokens,
//! which repeat the text). A plain answer has the same channels, each in one piece. Other strings have their place as the
//! channel: `error/message`; so dialects that are not known here are seen too.

use serde_json::{Map, Value};

/// Names that the dialects give to themselves, not to generated text.
const METADATA: &[&str] = &[
    "id",
    "object",
    "type",
    "role",
    "model",
    "finish_reason",
    "native_finish_reason",
    "system_fingerprint",
    "service_tier",
    "call_id",
    "item_id",
];

/// Calls `see` with (channel, text) for each string of a payload that is somebody's text.
pub(super) fn texts(payload: &Value, see: &mut dyn FnMut(&str, &str)) {
    let mut path = String::new();
    let Value::Object(members) = payload else { return walk(payload, &mut path, see) };
    for (name, member) in members {
        match (name.as_str(), member) {
            ("choices", Value::Array(choices)) => {
                for (position, choice) in choices.iter().enumerate() {
                    path.push_str("choices/");
                    path.push_str(&place(choice, position));
                    choice_texts(choice, &mut path, see);
                    path.clear();
                }
            }
            _ => member_texts(name, member, &mut path, see),
        }
    }
}

fn choice_texts(choice: &Value, path: &mut String, see: &mut dyn FnMut(&str, &str)) {
    let Value::Object(members) = choice else { return walk(choice, path, see) };
    for (name, member) in members {
        match (name.as_str(), member) {
            // What is streamed as `delta` is told as `message` in a plain answer.
            ("delta" | "message", _) => walk(member, path, see),
            ("logprobs", Value::Object(kinds)) => logprob_texts(kinds, path, see),
            _ => member_texts(name, member, path, see),
        }
    }
}

fn logprob_texts(kinds: &Map<String, Value>, path: &mut String, see: &mut dyn FnMut(&str, &str)) {
    let here = path.len();
    for (kind, tokens) in kinds {
        let Value::Array(tokens) = tokens else { continue };
        let text: String = tokens.iter().filter_map(|t| t.get("token").and_then(Value::as_str)).collect();
        if !text.is_empty() {
            path.push_str(if kind == "refusal" { "/logprobs/refusal" } else { "/logprobs" });
            see(path, &text);
            path.truncate(here);
        }
    }
}

fn member_texts(name: &str, member: &Value, path: &mut String, see: &mut dyn FnMut(&str, &str)) {
    if METADATA.contains(&name) {
        return;
    }
    let here = path.len();
    // `function` only wraps a tool call's name and arguments.
    if name != "function" || !member.is_object() {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(segment(name));
    }
    walk(member, path, see);
    path.truncate(here);
}

fn walk(value: &Value, path: &mut String, see: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) if !text.is_empty() => see(path, text),
        Value::Array(items) => {
            let here = path.len();
            for (position, item) in items.iter().enumerate() {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(&place(item, position));
                walk(item, path, see);
                path.truncate(here);
            }
        }
        Value::Object(members) => members.iter().for_each(|(name, member)| member_texts(name, member, path, see)),
        _ => {}
    }
}

/// Streamed lists say at which place an item goes on; in others it is where it stands.
fn place(item: &Value, position: usize) -> String {
    let said = item.get("index").and_then(Value::as_u64);
    said.map_or_else(|| position.to_string(), |index| index.to_string())
}

/// A name as it may stand in a channel: only what looks like one of a dialect, since findings hold no text of users.
fn segment(name: &str) -> &str {
    let is_plain = !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match name {
        "reasoning_content" => "reasoning",
        _ if is_plain => name,
        _ => "*",
    }
}
