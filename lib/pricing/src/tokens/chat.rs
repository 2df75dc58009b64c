//! Tokens of a whole request, by OpenAI's published recipe for chats and what is publicly known of tools.

use serde_json::Value;

use super::Encoding;
use super::tools::definitions;

/// Every message is framed by three tokens …
const PER_MESSAGE: i64 = 3;
/// … a name costs one more than its text …
const PER_NAME: i64 = 1;
/// … and the answer is primed with three.
const REPLY: i64 = 3;
/// A call of a function within a message, beside its name and arguments.
const PER_CALL: i64 = 3;
/// The frame around the definitions of functions; four of them are the system message's where there is one.
const DEFINITIONS: i64 = 9;
const SHARED_WITH_SYSTEM: i64 = 4;
/// The answer of a function is framed shorter.
const FUNCTION_RESULT: i64 = -2;
/// An image at low detail, and one of 1024 × 1024 at high detail: sizes are not looked at.
const IMAGE_LOW: i64 = 85;
const IMAGE_HIGH: i64 = 765;

/// Tokens of a chat request's body (messages, tools) as the provider would bill them as input.
///
/// Exact for text messages to OpenAI's chat models; close for tools; an estimate for images and for other makers.
/// Bodies of other kinds (`prompt`, `input`, `contents`) are counted by their texts.
pub fn count_chat_input(model: &str, body: &Value) -> i64 {
    let encoding = Encoding::for_model(model);
    let messages = body.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let functions = functions(body);
    let system = messages.iter().position(|message| role(message) == "system");

    let mut tokens = REPLY;
    for (index, message) in messages.iter().enumerate() {
        // The definitions follow the first system message on a new line.
        let padded = !functions.is_empty() && system == Some(index);
        tokens += message_tokens(encoding, message, padded);
    }
    if !functions.is_empty() {
        tokens += DEFINITIONS + encoding.count(&definitions(&functions));
        tokens -= if system.is_some() { SHARED_WITH_SYSTEM } else { 0 };
        tokens += choice_tokens(encoding, body);
    }
    for other in ["system", "prompt", "input", "instructions", "contents", "systemInstruction", "system_instruction"] {
        tokens += body.get(other).map_or(0, |value| text_tokens(encoding, value));
    }
    tokens
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn message_tokens(encoding: Encoding, message: &Value, padded: bool) -> i64 {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut tokens = PER_MESSAGE + encoding.count(role(message));
    tokens += match message.get("content") {
        Some(Value::String(content)) if padded => encoding.count(&format!("{content}\n")),
        Some(content) => content_tokens(encoding, content) + i64::from(padded),
        None => 0,
    };
    tokens += encoding.count(text("refusal"));
    if !text("name").is_empty() {
        tokens += PER_NAME + encoding.count(text("name"));
    }
    if role(message) == "function" {
        tokens += FUNCTION_RESULT;
    }
    let tool_calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls = tool_calls.filter_map(|call| call.get("function")).chain(message.get("function_call"));
    for call in calls.filter(|call| call.is_object()) {
        let part = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
        tokens += PER_CALL + encoding.count(part("name")) + encoding.count(part("arguments"));
    }
    tokens
}

/// A string, or a list of parts.
fn content_tokens(encoding: Encoding, content: &Value) -> i64 {
    match content {
        Value::String(text) => encoding.count(text),
        Value::Array(parts) => parts.iter().map(|part| part_tokens(encoding, part)).sum(),
        _ => 0,
    }
}

fn part_tokens(encoding: Encoding, part: &Value) -> i64 {
    match part.get("type").and_then(Value::as_str) {
        Some("image_url" | "input_image" | "image") => {
            let detail = part.pointer("/image_url/detail").or_else(|| part.get("detail")).and_then(Value::as_str);
            if detail == Some("low") { IMAGE_LOW } else { IMAGE_HIGH }
        }
        _ => text_tokens(encoding, part),
    }
}

/// Every string under keys that carry text.
fn text_tokens(encoding: Encoding, value: &Value) -> i64 {
    match value {
        Value::String(text) => encoding.count(text),
        Value::Array(values) => values.iter().map(|value| text_tokens(encoding, value)).sum(),
        Value::Object(fields) => ["text", "content", "parts", "refusal", "arguments", "output", "input"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .map(
                |value| {
                    if value.is_object() { encoding.count(&value.to_string()) } else { text_tokens(encoding, value) }
                },
            )
            .sum(),
        _ => 0,
    }
}

/// The functions of `tools`, or of the older `functions`.
fn functions(body: &Value) -> Vec<&Value> {
    let list = |name: &str| body.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let tools = list("tools").iter().map(|tool| tool.get("function").unwrap_or(tool));
    tools.chain(list("functions")).filter(|function| function.get("name").is_some_and(Value::is_string)).collect()
}

/// A function that must be called is named to the model.
fn choice_tokens(encoding: Encoding, body: &Value) -> i64 {
    match body.get("tool_choice").or_else(|| body.get("function_call")) {
        Some(Value::String(choice)) if choice == "none" => 1,
        Some(Value::Object(choice)) => {
            let function = choice.get("function").and_then(Value::as_object).unwrap_or(choice);
            4 + function.get("name").and_then(Value::as_str).map_or(0, |name| encoding.count(name))
        }
        _ => 0,
    }
}
