//! Is an answer whole and right? Fed with the bytes as they arrive.

use std::time::Instant;

use memchr::memmem;
use serde::Deserialize;

/// What one request asked for, and so what its answer must be.
pub struct Expected {
    pub text: String,
    /// Content chunks, and words: the simulator sends a word a chunk.
    pub chunks: usize,
    pub prompt_tokens: u64,
    pub usage: Usage,
    /// A gateway may cut the text otherwise (a guardrail holds text back): only the whole counts.
    pub any_cut: bool,
}

/// Whether usage must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Required,
    Ignored,
}

/// What is wrong with an answer, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    Connect,
    Status,
    Broken,
    Malformed,
    Text,
    Chunks,
    Done,
    Usage,
    TimedOut,
}

impl Fault {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Status => "status",
            Self::Broken => "broken",
            Self::Malformed => "malformed",
            Self::Text => "text",
            Self::Chunks => "chunks",
            Self::Done => "done",
            Self::Usage => "usage",
            Self::TimedOut => "timed_out",
        }
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<Content>,
    #[serde(default)]
    delta: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

/// Checks a plain answer.
pub fn plain(body: &[u8], expected: &Expected) -> Result<(), Fault> {
    let object: Object = serde_json::from_slice(body).map_err(|_| Fault::Malformed)?;
    let text = object.choices.first().and_then(|c| c.message.as_ref()).and_then(|m| m.content.as_deref());
    if text != Some(&expected.text) {
        return Err(Fault::Text);
    }
    counts(object.usage.as_ref(), expected)
}

fn counts(usage: Option<&Counts>, expected: &Expected) -> Result<(), Fault> {
    if expected.usage == Usage::Ignored {
        return Ok(());
    }
    let right = usage.is_some_and(|u| {
        u.prompt_tokens == expected.prompt_tokens
            && u.completion_tokens == expected.chunks as u64
            && u.total_tokens == u.prompt_tokens + u.completion_tokens
    });
    if right { Ok(()) } else { Err(Fault::Usage) }
}

/// Reads a stream.
#[derive(Default)]
pub struct Stream {
    /// The beginning of an event whose end has not arrived.
    rest: Vec<u8>,
    text: String,
    chunks: usize,
    usage: Option<Counts>,
    done: bool,
    /// When the first content came.
    pub first: Option<Instant>,
    /// When the last content came, and the times between contents since the last [`take_gaps`](Self::take_gaps).
    last: Option<Instant>,
    gaps: Vec<std::time::Duration>,
}

/// More of an unfinished event than this is no event of ours.
const MAX_EVENT: usize = 1 << 20;

impl Stream {
    pub fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Fault> {
        // Most often the bytes are whole events: then nothing is copied.
        if self.rest.is_empty() {
            let read = self.read(bytes, now)?;
            self.rest.extend_from_slice(&bytes[read..]);
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(bytes);
            let read = self.read(&all, now)?;
            all.drain(..read);
            self.rest = all;
        }
        if self.rest.len() > MAX_EVENT { Err(Fault::Malformed) } else { Ok(()) }
    }

    /// Reads whole events; returns how many bytes they were.
    fn read(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Fault> {
        let mut at = 0;
        while let Some(length) = memmem::find(&bytes[at..], b"\n\n") {
            self.event(&bytes[at..at + length], now)?;
            at += length + 2;
        }
        Ok(at)
    }

    fn event(&mut self, event: &[u8], now: Instant) -> Result<(), Fault> {
        // A comment keeps a connection alive.
        if event.starts_with(b":") {
            return Ok(());
        }
        let data = event.strip_prefix(b"data: ").ok_or(Fault::Malformed)?;
        if self.done {
            return Err(Fault::Done);
        }
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let object: Object = serde_json::from_slice(data).map_err(|_| Fault::Malformed)?;
        let delta = object.choices.first().and_then(|c| c.delta.as_ref()).and_then(|d| d.content.as_deref());
        if let Some(content) = delta.filter(|c| !c.is_empty()) {
            self.text.push_str(content);
            self.chunks += 1;
            self.first.get_or_insert(now);
            if let Some(last) = self.last.replace(now) {
                self.gaps.push(now - last);
            }
        }
        if object.usage.is_some() {
            self.usage = object.usage;
        }
        Ok(())
    }

    pub fn take_gaps(&mut self) -> Vec<std::time::Duration> {
        std::mem::take(&mut self.gaps)
    }

    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// The end of the body.
    pub fn finish(&self, expected: &Expected) -> Result<(), Fault> {
        if !self.done || !self.rest.is_empty() {
            return Err(Fault::Done);
        }
        if self.text != expected.text {
            return Err(Fault::Text);
        }
        if self.chunks != expected.chunks && !expected.any_cut {
            return Err(Fault::Chunks);
        }
        counts(self.usage.as_ref(), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected { text: "ab cd".into(), chunks: 2, prompt_tokens: 3, usage: Usage::Required, any_cut: false }
    }

    const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

    fn delta(text: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"usage\":null}}")
    }

    fn stream(events: &[&str], cut: usize) -> Result<(), Fault> {
        let bytes: String = events.iter().map(|e| format!("{e}\n\n")).collect();
        let mut stream = Stream::default();
        for piece in bytes.as_bytes().chunks(cut) {
            stream.push(piece, Instant::now())?;
        }
        stream.finish(&expected())
    }

    #[test]
    fn a_right_stream_is_right_however_it_arrives() {
        let events = [&delta(""), &delta("ab"), ": alive", &delta(" cd"), USAGE, "data: [DONE]"];
        for cut in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(stream(&events, cut), Ok(()), "{cut}");
        }
    }

    #[test]
    fn each_fault_is_told_by_its_kind() {
        let (ab, cd, done) = (&delta("ab")[..], &delta(" cd")[..], "data: [DONE]");
        assert_eq!(stream(&[ab, cd, USAGE], 9), Err(Fault::Done));
        assert_eq!(stream(&[ab, cd, USAGE, done, ab], 9), Err(Fault::Done));
        assert_eq!(stream(&[ab, USAGE, done], 9), Err(Fault::Text));
        assert_eq!(stream(&[&delta("ab cd"), USAGE, done], 9), Err(Fault::Chunks));
        assert_eq!(stream(&[ab, cd, done], 9), Err(Fault::Usage));
        assert_eq!(stream(&[ab, "data: {", done], 9), Err(Fault::Malformed));
        assert_eq!(stream(&[ab, "<html>", done], 9), Err(Fault::Malformed));
        let mut loose = Stream::default();
        let bytes = format!("{}\n\n{USAGE}\n\ndata: [DONE]\n\n", delta("ab cd"));
        loose.push(bytes.as_bytes(), Instant::now()).unwrap();
        assert_eq!(loose.finish(&Expected { any_cut: true, ..expected() }), Ok(()));
    }

    #[test]
    fn a_plain_answer_is_checked_to_the_token() {
        let body = |text: &str, total: u64| {
            format!(
                r#"{{"choices":[{{"message":{{"content":"{text}"}}}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":{total}}}}}"#
            )
        };
        assert_eq!(plain(body("ab cd", 5).as_bytes(), &expected()), Ok(()));
        assert_eq!(plain(body("ab", 5).as_bytes(), &expected()), Err(Fault::Text));
        assert_eq!(plain(body("ab cd", 6).as_bytes(), &expected()), Err(Fault::Usage));
        assert_eq!(plain(b"{}", &expected()), Err(Fault::Text));
        assert_eq!(plain(b"oops", &expected()), Err(Fault::Malformed));
    }
}
