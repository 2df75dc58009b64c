//! The one pass over a text: attempts begin, live, end, and their matches are decided.
//!
//! Everything here is a function of the bytes seen so far. How they were cut into pieces shows nowhere: state changes
//! only in [`Engine::byte`] and [`Engine::end`]; [`Engine::settle`] merely reports what those have decided.

use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;

use crate::compiled::{Compiled, CompiledRecognizer, Mask};
use crate::finding::Match;
use crate::recognizer::{BEFORE, Candidate, Hit, Recognizer};
use crate::resolve::resolve;
use crate::tail::{Step, TailState};

/// The most bytes that are held back while something is undecided.
pub const HOLD_LIMIT: usize = 4_096;

/// Other recognizers' scores stay below that of a certain tail, so that nothing displaces what is being swallowed.
const TOP_SCORE: f64 = 1.0;
const BELOW_TOP: f64 = 0.99;

/// One recognizer's attempt from one start.
struct Attempt {
    recognizer: usize,
    start: usize,
    at: At,
    /// Where it accepted and the next byte allowed an end.
    ends: Vec<usize>,
}

enum At {
    Pattern(StateID),
    Tail(TailState),
}

/// An attempt that is over; its check still waits for the bytes after it.
struct Waiting {
    recognizer: usize,
    start: usize,
    ends: Vec<usize>,
    ready_at: usize,
}

/// A certain match whose end is not reached.
struct Swallow {
    recognizer: usize,
    start: usize,
    tail: TailState,
}

/// The bytes of the text that are still there: from `base` on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) base: usize,
}

impl View<'_> {
    fn slice(&self, start: usize, end: usize) -> &[u8] {
        &self.bytes[start - self.base..end - self.base]
    }
    fn end(&self) -> usize {
        self.base + self.bytes.len()
    }
}

#[derive(Default)]
pub(crate) struct Engine {
    active: Mask,
    position: usize,
    previous: Option<u8>,
    attempts: Vec<Attempt>,
    waiting: Vec<Waiting>,
    swallow: Option<Swallow>,
    /// Matches that a better one may still displace.
    candidates: Vec<Match>,
    /// Final, by start.
    decided: Vec<Match>,
    /// A bound below everything that is held, as of some earlier moment.
    floor: usize,
}

impl Engine {
    pub(crate) fn new(active: Mask) -> Self {
        Self { active, ..Self::default() }
    }

    /// Bytes consumed so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }
    /// The certain match that is being swallowed, as far as it goes.
    pub(crate) fn swallowed(&self, compiled: &Compiled) -> Option<Match> {
        let swallow = self.swallow.as_ref()?;
        Some(found(compiled.recognizers[swallow.recognizer].source, swallow.start, self.position, TOP_SCORE))
    }

    /// Consumes what `view` has beyond the position. It must reach back [`BEFORE`] bytes before the frontier.
    pub(crate) fn run(&mut self, compiled: &Compiled, view: View<'_>) {
        for index in self.position - view.base..view.bytes.len() {
            self.byte(compiled, view, view.bytes[index]);
        }
    }

    fn byte(&mut self, compiled: &Compiled, view: View<'_>, byte: u8) {
        let at = self.position;
        self.position += 1;
        if self.step_swallow(compiled, at, byte) {
            self.previous = Some(byte);
            return;
        }
        self.step_attempts(compiled, view, at, byte);
        self.begin_attempts(compiled, byte);
        self.previous = Some(byte);
        self.judge_waiting(compiled, view);
        if self.position - self.floor > HOLD_LIMIT {
            self.keep_the_limit();
        }
    }

    /// True where the byte belongs to a certain match.
    fn step_swallow(&mut self, compiled: &Compiled, at: usize, byte: u8) -> bool {
        let Some(swallow) = &mut self.swallow else { return false };
        let (end, taken) = match swallow.tail.step(byte) {
            Step::Undecided | Step::Certain => return true,
            Step::EndWith => (at + 1, true),
            Step::EndBefore | Step::Dead => (at, false),
        };
        self.end_swallow(compiled, end);
        taken
    }

    fn end_swallow(&mut self, compiled: &Compiled, end: usize) {
        if let Some(Swallow { recognizer, start, .. }) = self.swallow.take() {
            self.candidates.push(found(compiled.recognizers[recognizer].source, start, end, TOP_SCORE));
        }
    }

    fn step_attempts(&mut self, compiled: &Compiled, view: View<'_>, at: usize, byte: u8) {
        let mut index = 0;
        while index < self.attempts.len() {
            let attempt = &mut self.attempts[index];
            let CompiledRecognizer { source, dfa, .. } = &compiled.recognizers[attempt.recognizer];
            let alive = match &mut attempt.at {
                At::Pattern(state) => {
                    *state = dfa.next_state(*state, byte);
                    // A match shows one byte late: it ended before this one.
                    if dfa.is_match_state(*state) {
                        match source.tail {
                            None if source.not_before.contains(byte) => {}
                            None => attempt.ends.push(at),
                            Some(tail) if judge(source, view, attempt.start, at).is_some() => {
                                attempt.at = At::Tail(tail.begin());
                            }
                            Some(_) => {}
                        }
                    }
                    match attempt.at {
                        At::Pattern(state) => !dfa.is_dead_state(state),
                        At::Tail(_) => true,
                    }
                }
                At::Tail(_) => true,
            };
            if !alive {
                let over = self.attempts.swap_remove(index);
                self.wait(compiled, over);
                continue;
            }
            if let At::Tail(tail) = &mut self.attempts[index].at {
                match tail.step(byte) {
                    Step::Undecided => {}
                    Step::Dead => {
                        self.attempts.swap_remove(index);
                        continue;
                    }
                    Step::Certain => {
                        let certain = self.attempts.swap_remove(index);
                        self.become_certain(compiled, certain);
                        return;
                    }
                    Step::EndBefore | Step::EndWith => {
                        let certain = self.attempts.swap_remove(index);
                        self.become_certain(compiled, certain);
                        self.end_swallow(compiled, at);
                        return;
                    }
                }
            }
            index += 1;
        }
    }

    /// A certain match ends every other attempt: what accepted before its start counts, the rest has lost.
    fn become_certain(&mut self, compiled: &Compiled, certain: Attempt) {
        let At::Tail(tail) = certain.at else { return };
        for mut other in std::mem::take(&mut self.attempts) {
            other.ends.retain(|end| *end <= certain.start);
            self.wait(compiled, other);
        }
        for waiting in &mut self.waiting {
            waiting.ends.retain(|end| *end <= certain.start);
        }
        self.waiting.retain(|waiting| !waiting.ends.is_empty());
        self.candidates.retain(|candidate| candidate.end <= certain.start);
        self.swallow = Some(Swallow { recognizer: certain.recognizer, start: certain.start, tail });
    }

    fn begin_attempts(&mut self, compiled: &Compiled, byte: u8) {
        if self.swallow.is_some() {
            return;
        }
        let neighbour = self.previous.map_or(Mask::MAX, |previous| compiled.after[usize::from(previous)]);
        let mut beginning = compiled.first[usize::from(byte)] & neighbour & self.active;
        while beginning != 0 {
            let recognizer = beginning.trailing_zeros() as usize;
            beginning &= beginning - 1;
            let CompiledRecognizer { dfa, start, .. } = &compiled.recognizers[recognizer];
            let at = At::Pattern(dfa.next_state(*start, byte));
            self.attempts.push(Attempt { recognizer, start: self.position - 1, at, ends: Vec::new() });
        }
    }

    fn wait(&mut self, compiled: &Compiled, over: Attempt) {
        if let Some(last) = over.ends.last() {
            let ready_at = last + compiled.recognizers[over.recognizer].source.lookahead;
            self.waiting.push(Waiting { recognizer: over.recognizer, start: over.start, ends: over.ends, ready_at });
        }
    }

    fn judge_waiting(&mut self, compiled: &Compiled, view: View<'_>) {
        let mut index = 0;
        while index < self.waiting.len() {
            if self.waiting[index].ready_at > self.position {
                index += 1;
                continue;
            }
            let ready = self.waiting.swap_remove(index);
            self.judge(compiled, view, &ready);
        }
    }

    fn judge(&mut self, compiled: &Compiled, view: View<'_>, ready: &Waiting) {
        let source = compiled.recognizers[ready.recognizer].source;
        for &end in ready.ends.iter().rev() {
            if let Some(hit) = judge(source, view, ready.start, end) {
                let (from, to) = hit.part.unwrap_or((0, end - ready.start));
                let score = hit.score.min(BELOW_TOP);
                self.candidates.push(found(source, ready.start + from, ready.start + to, score));
                return;
            }
        }
    }

    /// The end of the text: every attempt is over.
    pub(crate) fn end(&mut self, compiled: &Compiled, view: View<'_>) {
        let at = self.position;
        for mut attempt in std::mem::take(&mut self.attempts) {
            let CompiledRecognizer { source, dfa, .. } = &compiled.recognizers[attempt.recognizer];
            let certain = match attempt.at {
                At::Pattern(state) => {
                    let matched = dfa.is_match_state(dfa.next_eoi_state(state));
                    if matched && source.tail.is_none() {
                        attempt.ends.push(at);
                    }
                    matched
                        && source.tail.is_some_and(|tail| tail.begin().is_certain())
                        && judge(source, view, attempt.start, at).is_some()
                }
                At::Tail(_) => false,
            };
            if certain {
                self.candidates.push(found(source, attempt.start, at, TOP_SCORE));
            } else {
                self.wait(compiled, attempt);
            }
        }
        self.end_swallow(compiled, at);
        for ready in std::mem::take(&mut self.waiting) {
            self.judge(compiled, view, &ready);
        }
    }

    /// The frontier: no match that is undecided, displaceable or yet to come covers a byte before it.
    pub(crate) fn frontier(&self) -> usize {
        let undecided = self.attempts.iter().map(|a| a.start).chain(self.waiting.iter().map(|w| w.start));
        let swallowed = self.swallow.iter().map(|s| s.start);
        let mut frontier = undecided.chain(swallowed).min().unwrap_or(self.position);
        // A match across the frontier is still displaceable, and with it whatever it overlaps.
        while let Some(crossing) = self.candidates.iter().find(|c| c.start < frontier && frontier < c.end) {
            frontier = crossing.start;
        }
        frontier
    }

    /// Decides what lies before the frontier, and says where that is.
    pub(crate) fn settle(&mut self) -> usize {
        let frontier = self.frontier();
        let (settled, open) = std::mem::take(&mut self.candidates).into_iter().partition(|c| c.end <= frontier);
        self.candidates = open;
        self.decided.append(&mut resolve(settled));
        frontier
    }

    pub(crate) fn take_decided(&mut self) -> Vec<Match> {
        std::mem::take(&mut self.decided)
    }

    /// Where overlapping matches chain on past the limit, the leftmost winner so far becomes final. Whatever overlaps
    /// it has lost, so that nothing of it is released, and nothing of a later match either.
    fn keep_the_limit(&mut self) {
        self.floor = self.settle();
        if self.position - self.floor <= HOLD_LIMIT || self.swallow.is_some() {
            return;
        }
        let Some(winner) = resolve(self.candidates.clone()).into_iter().next() else { return };
        self.candidates.retain(|c| c.start >= winner.end);
        self.attempts.retain(|a| a.start >= winner.end);
        self.waiting.retain(|w| w.start >= winner.end);
        self.decided.push(winner);
        self.floor = self.settle();
    }
}

fn judge(source: &Recognizer, view: View<'_>, start: usize, end: usize) -> Option<Hit> {
    let before = view.slice(start.saturating_sub(BEFORE).max(view.base), start);
    let after = view.slice(end, (end + source.lookahead).min(view.end()));
    (source.check)(&Candidate { before, text: view.slice(start, end), after })
}

fn found(source: &'static Recognizer, start: usize, end: usize, score: f64) -> Match {
    Match { recognizer: source.name, kind: source.kind, category: source.category, start, end, score }
}
