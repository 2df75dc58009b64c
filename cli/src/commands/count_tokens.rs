//! `weir count-tokens`: tokens of texts and of chat requests in JSON lines.

use std::borrow::Cow;
use std::io::{BufRead, Write};

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_pricing::{Encoding, count_chat_input, count_text};

use super::jsonl::{Unusable, answer_lines, unusable};

/// Reads `{"id","encoding","text"}` or `{"id","model","messages"[,"tools"]}` lines, answers `{"id","tokens"}` lines: what the
/// provider would bill as input.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// JSON lines in and out, the only form there is.
    #[arg(long, required = true)]
    jsonl: bool,
}

/// What of a request decides about its input tokens.
const REQUEST_FIELDS: &[&str] = &["messages", "tools", "functions", "tool_choice", "function_call", "system"];

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    encoding: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// Filters `input` to `output`, one line at a time.
pub(crate) fn run(_: Args, input: impl BufRead, output: impl Write) -> anyhow::Result<()> {
    answer_lines(input, output, |text| {
        let tokens = tokens(text)?;
        Ok(Map::from_iter([("tokens".to_owned(), tokens.into())]))
    })
}

fn tokens(line: &str) -> Result<i64, Unusable> {
    let Line { encoding, model, text } = serde_json::from_str(line).map_err(|e| unusable(&e))?;
    if let Some(text) = text {
        return match (encoding, model) {
            (Some(name), _) => Ok(Encoding::by_name(&name)
                .ok_or("`encoding` is none of o200k_base, cl100k_base, p50k_base, r50k_base")?
                .count(&text)),
            (None, Some(model)) => Ok(count_text(&model, &text)),
            (None, None) => Err("`encoding` or `model` is missing".into()),
        };
    }
    let model = model.ok_or("`text`, or `model` and `messages`, are missing")?;
    let mut request: Map<String, Value> = serde_json::from_str(line).map_err(|e| unusable(&e))?;
    if !request.get("messages").is_some_and(Value::is_array) {
        return Err("`messages` is not an array".into());
    }
    request.retain(|name, _| REQUEST_FIELDS.contains(&name.as_str()));
    Ok(count_chat_input(&model, &Value::Object(request)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn count(line: &Value) -> Value {
        let mut output = Vec::new();
        run(Args { jsonl: true }, format!("{line}\n").as_bytes(), &mut output).unwrap();
        serde_json::from_slice(&output).unwrap()
    }

    #[test]
    fn texts_and_requests_are_counted() {
        assert_eq!(
            count(&json!({"id": 1, "encoding": "cl100k_base", "text": "tiktoken is great!"})),
            json!({"id": 1, "tokens": 6})
        );
        let messages = json!([{"role": "user", "content": "hello"}]);
        assert_eq!(
            count(&json!({"id": "a", "model": "gpt-4o", "messages": messages})),
            json!({"id": "a", "tokens": 8})
        );
    }

    #[test]
    fn an_unusable_line_gets_an_error() {
        for line in [
            json!({"id": 1, "encoding": "morse", "text": "x"}),
            json!({"id": 1, "text": "x"}),
            json!({"id": 1, "model": "gpt-4o"}),
            json!({"id": 1, "model": "gpt-4o", "messages": "hello"}),
            json!({"id": 1, "encoding": "cl100k_base", "text": 3}),
        ] {
            assert!(count(&line)["error"].is_string(), "{line}");
        }
    }
}
