//! Answers as OpenAI's JSON: whole objects and the events of a stream.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};

use crate::answer::{Answer, Choice, Tokens};
use crate::model::Model;

/// What all objects of one answer have in common.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) created: u64,
    pub(crate) model: Model,
}

const FINGERPRINT: &str = "fp_simulator";
/// The last event of a stream that went well.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// `usage` as the model reports it.
pub(crate) fn usage(model: Model, tokens: &Tokens) -> Value {
    let mut usage = json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total(),
    });
    if model == Model::Large {
        usage["prompt_tokens_details"] = json!({"cached_tokens": tokens.cached, "audio_tokens": 0});
        usage["completion_tokens_details"] = json!({
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        });
    }
    usage
}

fn finish_reason(choice: &Choice) -> &'static str {
    if choice.cut { "length" } else { "stop" }
}

/// A whole `chat.completion`.
pub(crate) fn completion(head: &Head, answer: &Answer) -> Bytes {
    let choice = |(index, choice): (usize, &Choice)| {
        json!({
            "index": index,
            "message": {"role": "assistant", "content": choice.text, "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": finish_reason(choice),
        })
    };
    let choices: Vec<Value> = answer.choices.iter().enumerate().map(choice).collect();
    let mut object = json!({
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model.name(),
        "choices": choices,
        "system_fingerprint": FINGERPRINT,
    });
    if head.model != Model::NoUsage {
        object["usage"] = usage(head.model, &answer.tokens);
    }
    Bytes::from(object.to_string())
}

/// The list of models.
pub(crate) fn models() -> Bytes {
    let data: Vec<Value> = Model::ALL.into_iter().map(model_object).collect();
    Bytes::from(json!({"object": "list", "data": data}).to_string())
}

pub(crate) fn model(model: Model) -> Bytes {
    Bytes::from(model_object(model).to_string())
}

fn model_object(model: Model) -> Value {
    // The date is fixed: a list that never changes can be compared.
    json!({"id": model.name(), "object": "model", "created": 1_700_000_000, "owned_by": "simulator"})
}

/// The events of one stream, written one by one as they are due.
#[derive(Debug)]
pub(crate) struct Events {
    head: Head,
    answer: Answer,
    include_usage: bool,
    /// `data: {"id":…,"choices":[` as every event begins.
    start: Bytes,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Role(usize),
    /// Piece, then choice: choices take turns.
    Piece(usize, usize),
    Finish(usize),
    Usage,
    Done,
    Over,
}

impl Events {
    pub(crate) fn new(head: Head, answer: Answer, include_usage: bool) -> Self {
        let start = format!(
            r#"data: {{"id":"{}","object":"chat.completion.chunk","created":{},"model":"{}","system_fingerprint":"{}","choices":["#,
            head.id,
            head.created,
            head.model.name(),
            FINGERPRINT
        );
        // The only model that was asked for usage and never gives it.
        let include_usage = include_usage && head.model != Model::NoUsage;
        Self { head, answer, include_usage, start: Bytes::from(start), next: Next::Role(0) }
    }

    /// Content events over all choices.
    pub(crate) fn pieces(&self) -> usize {
        self.answer.choices.iter().map(|c| c.ends.len()).sum()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.next == Next::Over
    }

    /// Completion tokens of what has been written: words of the pieces so far, and reasoning once the answer began.
    pub(crate) fn tokens_so_far(&self) -> Tokens {
        let mut tokens = self.answer.tokens;
        let (whole, part) = match self.next {
            Next::Role(_) => return Tokens { completion: 0, reasoning: 0, ..tokens },
            Next::Piece(piece, choice) => (piece, choice),
            _ => return tokens,
        };
        tokens.completion = tokens.reasoning;
        for (i, choice) in self.answer.choices.iter().enumerate() {
            let pieces = (whole + usize::from(i < part)).min(choice.ends.len());
            let end = if pieces == 0 { 0 } else { choice.ends[pieces - 1] };
            tokens.completion += crate::answer::count(&choice.text[..end]);
        }
        tokens
    }

    /// The next event, or `None` after the last.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        let event = match self.next {
            Next::Role(i) => self.choice(i, r#"{"role":"assistant","content":"","refusal":null}"#, None),
            Next::Piece(piece, i) => {
                let content = Value::from(self.answer.choices[i].piece(piece)).to_string();
                self.choice(i, &format!(r#"{{"content":{content}}}"#), None)
            }
            Next::Finish(i) => self.choice(i, "{}", Some(finish_reason(&self.answer.choices[i]))),
            Next::Usage => {
                let usage = usage(self.head.model, &self.answer.tokens).to_string();
                self.event(&["],\"usage\":", &usage, "}\n\n"])
            }
            Next::Done => Bytes::from_static(DONE),
            Next::Over => return None,
        };
        self.next = self.after(self.next);
        Some(event)
    }

    fn after(&self, now: Next) -> Next {
        let choices = self.answer.choices.len();
        match now {
            Next::Role(i) if i + 1 < choices => Next::Role(i + 1),
            Next::Role(_) => self.piece_from(0, 0),
            Next::Piece(piece, i) => self.piece_from(piece, i + 1),
            Next::Finish(i) if i + 1 < choices => Next::Finish(i + 1),
            Next::Finish(_) if self.include_usage => Next::Usage,
            Next::Finish(_) | Next::Usage => Next::Done,
            Next::Done | Next::Over => Next::Over,
        }
    }

    /// The first piece there is from a place on; shorter choices drop out.
    fn piece_from(&self, mut piece: usize, mut choice: usize) -> Next {
        let longest = self.answer.choices.iter().map(|c| c.ends.len()).max().unwrap_or(0);
        while piece < longest {
            if choice == self.answer.choices.len() {
                (piece, choice) = (piece + 1, 0);
            } else if piece < self.answer.choices[choice].ends.len() {
                return Next::Piece(piece, choice);
            } else {
                choice += 1;
            }
        }
        Next::Finish(0)
    }

    fn choice(&self, index: usize, delta: &str, finish: Option<&str>) -> Bytes {
        let (index, quote) = (index.to_string(), if finish.is_some() { "\"" } else { "" });
        let usage = if self.include_usage { "}],\"usage\":null}\n\n" } else { "}]}\n\n" };
        self.event(&[
            "{\"index\":",
            &index,
            ",\"delta\":",
            delta,
            ",\"logprobs\":null,\"finish_reason\":",
            quote,
            finish.unwrap_or("null"),
            quote,
            usage,
        ])
    }

    fn event(&self, parts: &[&str]) -> Bytes {
        let mut out = BytesMut::with_capacity(self.start.len() + parts.iter().map(|p| p.len()).sum::<usize>());
        out.put_slice(&self.start);
        for part in parts {
            out.put_slice(part.as_bytes());
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(model: Model, texts: &[&str], include_usage: bool) -> Vec<String> {
        let choice = |text: &&str| {
            let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
            Choice { text: (*text).to_owned(), ends, cut: false }
        };
        let answer = Answer { choices: texts.iter().map(choice).collect(), tokens: Tokens::default() };
        let head = Head { id: "chatcmpl-1".into(), created: 1, model };
        let mut events = Events::new(head, answer, include_usage);
        let mut out = Vec::new();
        while let Some(event) = events.next() {
            out.push(String::from_utf8(event.to_vec()).unwrap());
        }
        assert!(events.is_over());
        out
    }

    fn json_of(event: &str) -> Value {
        let body = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn a_stream_is_role_content_finish_usage_done() {
        let events = stream(Model::Small, &["\"é"], true);
        assert_eq!(events.len(), 6);
        assert_eq!(json_of(&events[0])["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(json_of(&events[1])["choices"][0]["delta"]["content"], "\"");
        assert_eq!(json_of(&events[2])["choices"][0]["delta"]["content"], "é");
        assert_eq!(json_of(&events[3])["choices"][0]["finish_reason"], "stop");
        assert!(json_of(&events[3]).as_object().unwrap()["usage"].is_null());
        assert_eq!(json_of(&events[4])["choices"], json!([]));
        assert_eq!(json_of(&events[4])["usage"]["total_tokens"], 0);
        assert_eq!(events[5].as_bytes(), DONE);
    }

    #[test]
    fn usage_stands_only_where_it_was_asked_for_and_the_model_gives_it() {
        let plain = stream(Model::Small, &["a"], false);
        assert!(plain.iter().all(|e| !e.contains("\"usage\"")));
        let without = stream(Model::NoUsage, &["a"], true);
        assert!(without.iter().all(|e| !e.contains("\"usage\"")));
    }

    #[test]
    fn choices_take_turns_and_shorter_ones_drop_out() {
        let events = stream(Model::Small, &["ab", "", "cde"], false);
        let content = |e: &String| {
            let event = json_of(e);
            let choice = &event["choices"][0];
            choice["delta"]["content"].as_str().filter(|c| !c.is_empty()).map(|c| format!("{}{c}", choice["index"]))
        };
        let order: Vec<String> = events[..events.len() - 1].iter().filter_map(content).collect();
        assert_eq!(order, ["0a", "2c", "0b", "2d", "2e"]);
        assert_eq!(events.iter().filter(|e| e.contains("\"stop\"")).count(), 3);
    }
}
