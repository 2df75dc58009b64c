//! Recognizers compiled to DFAs, and the tables that say which of them may begin where.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::Compiler;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use crate::engine::HOLD_LIMIT;
use crate::error::Error;
use crate::recognizer::Recognizer;

/// A set of recognizers, one bit each.
pub(crate) type Mask = u128;

pub(crate) struct Compiled {
    pub(crate) recognizers: Vec<CompiledRecognizer>,
    /// By byte: which recognizers a first byte suits.
    pub(crate) first: [Mask; 256],
    /// By byte: which recognizers may begin right after it.
    pub(crate) after: [Mask; 256],
}

pub(crate) struct CompiledRecognizer {
    pub(crate) source: &'static Recognizer,
    pub(crate) dfa: dense::DFA<Vec<u32>>,
    pub(crate) start: StateID,
}

impl Compiled {
    pub(crate) fn new(sources: &[&'static Recognizer]) -> Result<Self, Error> {
        if sources.len() > Mask::BITS as usize {
            return Err(Error::TooMany { limit: Mask::BITS as usize });
        }
        let recognizers = sources.iter().map(|source| compile(source)).collect::<Result<Vec<_>, _>>()?;
        let mut first = [0; 256];
        let mut after = [0; 256];
        for (bit, recognizer) in recognizers.iter().enumerate() {
            for byte in 0..=u8::MAX {
                if !recognizer.dfa.is_dead_state(recognizer.dfa.next_state(recognizer.start, byte)) {
                    if !byte.is_ascii() {
                        return Err(Error::NotAscii { recognizer: recognizer.source.name });
                    }
                    first[usize::from(byte)] |= 1 << bit;
                }
                if !recognizer.source.not_after.contains(byte) {
                    after[usize::from(byte)] |= 1 << bit;
                }
            }
        }
        Ok(Self { recognizers, first, after })
    }
}

fn compile(source: &'static Recognizer) -> Result<CompiledRecognizer, Error> {
    let invalid = |why: String| Error::Pattern { recognizer: source.name, why };
    let config = syntax::Config::new().unicode(false).utf8(false);
    let hir = syntax::parse_with(source.pattern, &config).map_err(|e| invalid(e.to_string()))?;

    // The most that may have to be held for one attempt.
    let tail = source.tail.map_or(0, |tail| tail.longest_undecided());
    let longest = hir.properties().maximum_len().map(|pattern| pattern + source.lookahead + tail);
    if longest.is_none_or(|longest| longest > HOLD_LIMIT) {
        return Err(Error::Unbounded { recognizer: source.name, longest, limit: HOLD_LIMIT });
    }

    let nfa = Compiler::new().build_from_hir(&hir).map_err(|e| invalid(e.to_string()))?;
    let dfa = dense::Builder::new()
        .configure(dense::Config::new().match_kind(MatchKind::All).start_kind(StartKind::Anchored))
        .build_from_nfa(&nfa)
        .map_err(|e| invalid(e.to_string()))?;
    let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).map_err(|e| invalid(e.to_string()))?;
    Ok(CompiledRecognizer { source, dfa, start })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::byte_set::ByteSet;
    use crate::finding::Category;
    use crate::recognizer::certain;
    use crate::recognizers::BUILTIN;

    const fn custom(pattern: &'static str) -> Recognizer {
        Recognizer {
            name: "custom",
            kind: "CUSTOM",
            category: Category::Custom,
            pattern,
            not_after: ByteSet::NONE,
            not_before: ByteSet::NONE,
            lookahead: 0,
            check: certain,
            tail: None,
            positive: &[],
            negative: &[],
        }
    }

    #[test]
    fn a_pattern_that_could_hold_a_stream_for_ever_is_refused() {
        static ENDLESS: Recognizer = custom("a+b");
        static LONG: Recognizer = custom("a{5000}");
        static BROKEN: Recognizer = custom("a(");
        static UMLAUT: Recognizer = custom(r"\xC3");
        assert!(matches!(Compiled::new(&[&ENDLESS]), Err(Error::Unbounded { longest: None, .. })));
        assert!(matches!(Compiled::new(&[&LONG]), Err(Error::Unbounded { longest: Some(5_000), .. })));
        assert!(matches!(Compiled::new(&[&BROKEN]), Err(Error::Pattern { .. })));
        assert!(matches!(Compiled::new(&[&UMLAUT]), Err(Error::NotAscii { .. })));
    }

    /// So matches end between characters.
    #[test]
    fn no_builtin_pattern_takes_a_byte_beyond_ascii() {
        let compiled = Compiled::new(BUILTIN).expect("they compile");
        for CompiledRecognizer { source, dfa, start } in &compiled.recognizers {
            let (mut seen, mut open) = (BTreeSet::from([*start]), vec![*start]);
            while let Some(state) = open.pop() {
                for byte in 0..=u8::MAX {
                    let next = dfa.next_state(state, byte);
                    // A match shows one byte late: what it ends before does not matter.
                    let takes = !dfa.is_dead_state(next) && !dfa.is_match_state(next);
                    assert!(byte.is_ascii() || !takes, "{}", source.name);
                    if !dfa.is_dead_state(next) && seen.insert(next) {
                        open.push(next);
                    }
                }
            }
        }
    }
}
