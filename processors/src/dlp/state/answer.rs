//! One answer while it comes: its chunks in, what is found in its channels out.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use weir_detect::{Detector, Match, Stream};
use weir_policy::Guardrails;
use weir_providers::sse::{Event, Splitter};
use weir_schemas::Chunk;
use weir_schemas::event::Finding;

use super::super::channels;
use super::super::config::Limits;
use super::super::step::Told;

/// Bytes that tell an event stream from other text: the longest name of a field.
const TELLING: usize = 6;
/// What an answer and each of its channels weigh beside the text that they hold.
const ANSWER_BYTES: usize = 512;
const CHANNEL_BYTES: usize = 512;
/// The channel of an answer that is neither an event stream nor JSON, and of events that are no JSON.
const RAW: &str = "raw";

pub(super) struct Answer {
    limits: Limits,
    next_index: i64,
    form: Form,
    channels: BTreeMap<String, Stream>,
    told: Told,
}

enum Form {
    /// Too few bytes to tell.
    Open(Vec<u8>),
    Events(Splitter),
    Json(Vec<u8>),
    Raw,
}

impl Answer {
    pub(super) fn new(limits: Limits) -> Self {
        let form = Form::Open(Vec::new());
        Self { limits, next_index: 0, form, channels: BTreeMap::new(), told: Told::default() }
    }

    pub(super) fn next_index(&self) -> i64 {
        self.next_index
    }

    pub(super) fn held_bytes(&self) -> usize {
        let form = match &self.form {
            Form::Open(bytes) | Form::Json(bytes) => bytes.len(),
            Form::Events(events) => events.held_bytes(),
            Form::Raw => 0,
        };
        let channels = self.channels.iter().map(|(name, s)| CHANNEL_BYTES + name.len() + s.held_bytes());
        ANSWER_BYTES + form + channels.sum::<usize>()
    }

    /// Appends to `findings` what this chunk completes.
    pub(super) fn chunk(
        &mut self,
        chunk: &Chunk,
        detector: &Detector,
        guardrails: &Guardrails,
        findings: &mut Vec<Finding>,
    ) {
        self.next_index = chunk.index.saturating_add(1);
        self.told.add(&chunk.findings);
        let mut texts: Vec<(String, String)> = Vec::new();
        self.read(&chunk.body, chunk.last, &mut |channel, text| texts.push((channel.to_owned(), text.to_owned())));
        for (channel, text) in texts {
            for found in self.scan(&channel, &text, detector) {
                findings.extend(self.told.news(&found, &channel, guardrails));
            }
        }
        if chunk.last {
            for (channel, stream) in std::mem::take(&mut self.channels) {
                let rest = stream.finish().matches;
                findings.extend(rest.iter().filter_map(|found| self.told.news(found, &channel, guardrails)));
            }
        }
    }

    fn scan(&mut self, channel: &str, text: &str, detector: &Detector) -> Vec<Match> {
        if let Some(stream) = self.channels.get_mut(channel) {
            return stream.push(text).matches;
        }
        if self.channels.len() >= self.limits.channels {
            return detector.scan(text);
        }
        self.channels.entry(channel.to_owned()).or_insert_with(|| detector.stream()).push(text).matches
    }

    /// Takes bytes of the body, gives (channel, text) pieces.
    fn read(&mut self, body: &Bytes, last: bool, see: &mut dyn FnMut(&str, &str)) {
        let mut body = body.clone();
        if let Form::Open(begun) = &mut self.form {
            begun.extend_from_slice(&body);
            let trimmed = begun.trim_ascii_start();
            if trimmed.len() < TELLING && !last {
                return;
            }
            let form = form_of(trimmed, self.limits.remainder);
            body = Bytes::from(std::mem::take(begun));
            self.form = form;
        }
        let raw = |bytes: &[u8], see: &mut dyn FnMut(&str, &str)| {
            if !bytes.is_empty() {
                see(RAW, &String::from_utf8_lossy(bytes));
            }
        };
        match std::mem::replace(&mut self.form, Form::Raw) {
            Form::Events(mut splitter) => {
                let mut events = Vec::new();
                let whole = splitter.push(body.clone(), &mut events);
                events.iter().for_each(|event| of_event(event, see));
                match whole {
                    // From here on it is text: no event is so long.
                    Err(_) => raw(&body, see),
                    Ok(()) if last => {
                        let mut events = Vec::new();
                        let rest = splitter.finish(&mut events).ok().flatten();
                        events.iter().chain(&rest).for_each(|event| of_event(event, see));
                    }
                    Ok(()) => self.form = Form::Events(splitter),
                }
            }
            Form::Json(mut bytes) => {
                bytes.extend_from_slice(&body);
                match last.then(|| serde_json::from_slice::<Value>(&bytes)) {
                    Some(Ok(answer)) => channels::texts(&answer, see),
                    Some(Err(_)) => raw(&bytes, see),
                    None if bytes.len() > self.limits.remainder => raw(&bytes, see),
                    None => self.form = Form::Json(bytes),
                }
            }
            Form::Raw => raw(&body, see),
            // Told above, or not enough of it yet.
            Form::Open(begun) => self.form = Form::Open(begun),
        }
    }
}

fn form_of(beginning: &[u8], longest_event: usize) -> Form {
    let starts = |with: &[u8]| beginning.starts_with(with);
    if starts(b"{") || starts(b"[") {
        return Form::Json(Vec::new());
    }
    let is_stream =
        [&b"data:"[..], b"event:", b"id:", b"retry:", b":", "\u{feff}".as_bytes()].iter().any(|f| starts(f));
    if is_stream { Form::Events(Splitter::new(longest_event)) } else { Form::Raw }
}

fn of_event(event: &Event, see: &mut dyn FnMut(&str, &str)) {
    let Some(data) = &event.data else { return };
    match serde_json::from_slice::<Value>(data) {
        Ok(payload) => channels::texts(&payload, see),
        Err(_) if data.as_ref() == b"[DONE]" => {}
        Err(_) => see(RAW, &String::from_utf8_lossy(data)),
    }
}
