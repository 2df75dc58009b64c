//! The request of a chat completion: what the simulator reads of it. Unknown fields are ignored, as providers do.

use serde::Deserialize;

use crate::answer::{self, Answer, Ask};
use crate::directive::Directive;
use crate::model::Model;
use crate::refusal::Refusal;

/// Bound on `n`.
const MAX_CHOICES: u64 = 8;

#[derive(Deserialize)]
struct Body {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    n: Option<u64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message; only text counts.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

/// A request that is understood, and its answer.
pub(crate) struct Chat {
    pub(crate) model: Model,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) directive: Directive,
    pub(crate) answer: Answer,
}

/// What the journal keeps of a request that may not be understood.
#[derive(Default)]
pub(crate) struct Glance {
    pub(crate) model: String,
    pub(crate) stream: bool,
}

impl Chat {
    pub(crate) fn read(bytes: &[u8], glance: &mut Glance) -> Result<Self, Refusal> {
        let body: Body = serde_json::from_slice(bytes).map_err(|e| Refusal::not_json(&e))?;
        glance.stream = body.stream.unwrap_or(false);
        glance.model.clone_from(&body.model);
        let Some(model) = Model::named(&body.model) else { return Err(Refusal::no_model(&body.model)) };
        if body.messages.is_empty() {
            return Err(Refusal::invalid("messages", "`messages` must have at least one message"));
        }
        let stream = glance.stream;
        if body.stream_options.is_some() && !stream {
            return Err(Refusal::invalid("stream_options", "`stream_options` is only allowed with `stream`"));
        }
        let choices = body.n.unwrap_or(1);
        if !(1..=MAX_CHOICES).contains(&choices) {
            return Err(Refusal::invalid("n", "`n` must be 1 to 8"));
        }
        let max_tokens = [body.max_tokens, body.max_completion_tokens].into_iter().flatten().min();
        if max_tokens == Some(0) {
            return Err(Refusal::invalid("max_completion_tokens", "the bound on tokens must be at least 1"));
        }
        let messages: Vec<(String, String)> = body.messages.into_iter().map(Message::flatten).collect();
        let last = messages.iter().rev().find(|(role, _)| role == "user").map_or("", |(_, text)| text);
        let directive = Directive::find(last).map_err(|e| Refusal::invalid("messages", &e.to_string()))?;
        let directive = directive.unwrap_or_default();
        let ask =
            Ask { model, messages: &messages, directive: Some(&directive), max_tokens, choices: choices as usize };
        let answer = answer::answer(&ask);
        let include_usage = body.stream_options.and_then(|o| o.include_usage).unwrap_or(false);
        Ok(Self { model, stream, include_usage, directive, answer })
    }
}

impl Message {
    fn flatten(self) -> (String, String) {
        let text = match self.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let texts: Vec<String> = parts.into_iter().filter_map(|p| p.text).collect();
                texts.join("\n")
            }
        };
        (self.role, text)
    }
}
