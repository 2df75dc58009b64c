//! A scan of text that arrives in pieces. What is released, all in all, is the redacted whole.

use std::sync::Arc;

use crate::compiled::{Compiled, Mask};
use crate::engine::{Engine, View};
use crate::finding::{ACT_SCORE, Match};
use crate::recognizer::BEFORE;
use crate::redact::placeholder;

/// What a push lets go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Released {
    /// Text that no present or future match covers, with placeholders for what matched.
    pub text: String,
    /// Matches completed by this push; offsets count from the stream's start, in the raw text.
    pub matches: Vec<Match>,
}

/// Says which matches are replaced; the others are only reported.
type Acts = Box<dyn Fn(&Match) -> bool + Send + Sync>;

pub struct Stream {
    compiled: Arc<Compiled>,
    engine: Engine,
    /// Raw text from `base` on: what is held, and before it the window that checks look at.
    kept: Vec<u8>,
    base: usize,
    /// Raw offset up to which everything was released or replaced.
    released: usize,
    /// The beginning of a character whose rest has not come.
    partial: Vec<u8>,
    acts: Acts,
}

impl Stream {
    pub(crate) fn new(compiled: Arc<Compiled>, active: Mask) -> Self {
        Self {
            compiled,
            engine: Engine::new(active),
            kept: Vec::new(),
            base: 0,
            released: 0,
            partial: Vec::new(),
            acts: Box::new(|found| found.score >= ACT_SCORE),
        }
    }

    /// Replaces only the matches for which `acts` holds, instead of those at [`ACT_SCORE`] and above.
    #[must_use]
    pub fn acting_on(mut self, acts: impl Fn(&Match) -> bool + Send + Sync + 'static) -> Self {
        self.acts = Box::new(acts);
        self
    }

    /// Takes the next piece. A character left unfinished by [`Stream::push_bytes`] is replaced by U+FFFD first.
    pub fn push(&mut self, piece: &str) -> Released {
        if !self.partial.is_empty() {
            self.partial.clear();
            self.kept.extend_from_slice("\u{FFFD}".as_bytes());
        }
        self.kept.extend_from_slice(piece.as_bytes());
        self.advance()
    }

    /// Takes bytes; characters may be split between pieces. What is no UTF-8 becomes U+FFFD, and offsets count the text
    /// with those in it.
    pub fn push_bytes(&mut self, piece: &[u8]) -> Released {
        let mut rest = std::mem::take(&mut self.partial);
        rest.extend_from_slice(piece);
        let mut rest = rest.as_slice();
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.kept.extend_from_slice(text.as_bytes());
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.kept.extend_from_slice(good);
                    let Some(length) = error.error_len() else {
                        self.partial = bad.to_vec();
                        break;
                    };
                    self.kept.extend_from_slice("\u{FFFD}".as_bytes());
                    rest = &bad[length..];
                }
            }
        }
        self.advance()
    }

    /// The end of the text: nothing is held back any more.
    pub fn finish(mut self) -> Released {
        let mut released = self.push("");
        self.engine.end(&self.compiled, View { bytes: &self.kept, base: self.base });
        let frontier = self.engine.settle();
        let last = self.release(frontier);
        released.text.push_str(&last.text);
        released.matches.extend(last.matches);
        released
    }

    /// Raw bytes that came in and are neither released nor swallowed by a certain match.
    pub fn held_bytes(&self) -> usize {
        let position = self.engine.position();
        self.partial.len() + if self.swallows_all() { 0 } else { position - self.released }
    }

    /// Whether everything past what was released belongs to a certain match that will be replaced.
    fn swallows_all(&self) -> bool {
        self.engine.swallowed(&self.compiled).is_some_and(|m| m.start == self.released && (self.acts)(&m))
    }

    fn advance(&mut self) -> Released {
        self.engine.run(&self.compiled, View { bytes: &self.kept, base: self.base });
        let frontier = self.engine.settle();
        let released = self.release(frontier);
        let needed = if self.swallows_all() { self.engine.position() } else { frontier };
        let keep_from = needed.saturating_sub(BEFORE).max(self.base);
        self.kept.drain(..keep_from - self.base);
        self.base = keep_from;
        released
    }

    /// Lets go what lies before the frontier.
    fn release(&mut self, frontier: usize) -> Released {
        let mut text = Vec::new();
        let matches = self.engine.take_decided();
        for found in matches.iter().filter(|found| (self.acts)(found)) {
            text.extend_from_slice(self.raw(self.released, found.start));
            text.extend_from_slice(placeholder(found.kind).as_bytes());
            self.released = found.end;
        }
        text.extend_from_slice(self.raw(self.released, frontier));
        self.released = frontier;
        let text = String::from_utf8(text).expect("matches and frontiers lie between characters: patterns are ASCII");
        Released { text, matches }
    }

    fn raw(&self, from: usize, to: usize) -> &[u8] {
        if from >= to { &[] } else { &self.kept[from - self.base..to - self.base] }
    }
}
