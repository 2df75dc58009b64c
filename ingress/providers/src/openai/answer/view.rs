//! What Weir reads of one JSON document of an answer: a chunk of a stream, or a plain answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Facts;
use crate::openai::usage::UsageReport;

/// The fast way for what looks as the dialect says, the slow one for what is JSON all the same.
pub(super) enum View<'a> {
    Typed(Document<'a>),
    Loose(Value),
}

#[derive(Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<UsageReport>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Message<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow, default)]
    function_call: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

/// Borrowed where no escape is in the way; an `Option<Cow>` would not be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> View<'a> {
    /// `None` where it is not JSON.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        match serde_json::from_slice(json) {
            Ok(document) => Some(Self::Typed(document)),
            Err(_) => serde_json::from_slice(json).ok().map(Self::Loose),
        }
    }

    pub(super) fn is_error(&self) -> bool {
        match self {
            Self::Typed(document) => document.error.is_some(),
            Self::Loose(value) => value.get("error").is_some_and(|error| !error.is_null()),
        }
    }

    /// A chunk that only tells the usage: sent because Weir asked for it.
    pub(super) fn is_usage_only(&self) -> bool {
        match self {
            Self::Typed(document) => document.usage.is_some() && document.choices.as_ref().is_none_or(Vec::is_empty),
            Self::Loose(value) => {
                let no_choices = value.get("choices").and_then(Value::as_array).is_none_or(Vec::is_empty);
                no_choices && value.get("usage").is_some_and(Value::is_object)
            }
        }
    }

    pub(super) fn tell(self, facts: &mut Facts, keep_bytes: usize) {
        match self {
            Self::Typed(document) => document.tell(facts, keep_bytes),
            Self::Loose(value) => tell_loose(&value, facts, keep_bytes),
        }
    }
}

impl Document<'_> {
    fn tell(self, facts: &mut Facts, keep_bytes: usize) {
        set_once(&mut facts.model, self.model.as_ref().map(|text| &*text.0));
        set_last(&mut facts.tier, self.service_tier.as_ref().map(|text| &*text.0));
        if let Some(tokens) = self.usage.as_ref().and_then(UsageReport::tokens) {
            facts.usage = Some(tokens);
        }
        for choice in self.choices.into_iter().flatten() {
            set_last(&mut facts.finish_reason, choice.finish_reason.as_ref().map(|text| &*text.0));
            for message in [choice.delta, choice.message].into_iter().flatten() {
                message.for_each_text(&mut |text| facts.add_output(text, keep_bytes));
            }
        }
    }
}

impl Message<'_> {
    fn for_each_text(&self, take: &mut dyn FnMut(&str)) {
        let texts = [&self.reasoning_content, &self.reasoning, &self.content, &self.refusal];
        texts.into_iter().flatten().for_each(|text| take(&text.0));
        let calls = self.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        for function in calls.chain(&self.function_call) {
            [&function.name, &function.arguments].into_iter().flatten().for_each(|text| take(&text.0));
        }
    }
}

impl Facts {
    fn add_output(&mut self, text: &str, keep_bytes: usize) {
        self.output_bytes += text.len();
        let room = keep_bytes.saturating_sub(self.output.len());
        self.output.push_str(&text[..text.floor_char_boundary(room)]);
    }
}

fn set_once(field: &mut Option<String>, value: Option<&str>) {
    if field.is_none() {
        *field = value.map(str::to_owned);
    }
}

fn set_last(field: &mut Option<String>, value: Option<&str>) {
    if let Some(value) = value.filter(|value| field.as_deref() != Some(value)) {
        *field = Some(value.to_owned());
    }
}

fn tell_loose(value: &Value, facts: &mut Facts, keep_bytes: usize) {
    set_once(&mut facts.model, value.get("model").and_then(Value::as_str));
    set_last(&mut facts.tier, value.get("service_tier").and_then(Value::as_str));
    let usage = value.get("usage").and_then(|usage| UsageReport::deserialize(usage).ok());
    if let Some(tokens) = usage.as_ref().and_then(UsageReport::tokens) {
        facts.usage = Some(tokens);
    }
    for choice in value.get("choices").and_then(Value::as_array).into_iter().flatten() {
        set_last(&mut facts.finish_reason, choice.get("finish_reason").and_then(Value::as_str));
        for message in [choice.get("delta"), choice.get("message")].into_iter().flatten() {
            add_strings(message, facts, keep_bytes);
        }
    }
}

/// All strings but the role: more than was generated rather than less.
fn add_strings(value: &Value, facts: &mut Facts, keep_bytes: usize) {
    match value {
        Value::String(text) => facts.add_output(text, keep_bytes),
        Value::Array(items) => items.iter().for_each(|item| add_strings(item, facts, keep_bytes)),
        Value::Object(fields) => {
            let generated = fields.iter().filter(|(key, _)| *key != "role");
            generated.for_each(|(_, value)| add_strings(value, facts, keep_bytes));
        }
        _ => {}
    }
}
