//! What a recognizer is: data, a check, and its own examples.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::tail::Tail;

/// How many bytes before a candidate its check may look at.
pub(crate) const BEFORE: usize = 64;

/// One recognizer. The pattern is matched on bytes, anchored at every position whose left neighbour allows it.
pub(crate) struct Recognizer {
    /// Stable name, for findings and configuration.
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) category: Category,
    /// Byte-based regular expression of bounded length, without anchors and look-around. It begins with ASCII.
    pub(crate) pattern: &'static str,
    /// A candidate never begins right after one of these …
    pub(crate) not_after: ByteSet,
    /// … and never ends right before one of these.
    pub(crate) not_before: ByteSet,
    /// How many bytes after the candidate the check wants to see.
    pub(crate) lookahead: usize,
    /// Judges a candidate. Of several ends of one start, the longest that passes counts.
    pub(crate) check: fn(&Candidate<'_>) -> Option<Hit>,
    /// What goes on without a bound once the pattern has matched.
    pub(crate) tail: Option<Tail>,
    /// Texts with the part that must be found; the tests run them.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) positive: &'static [(&'static str, &'static str)],
    /// Texts in which this recognizer must find nothing.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) negative: &'static [&'static str],
}

/// What a check sees: the bytes that the pattern matched, and a window on both sides. The windows have fixed sizes and
/// end only at the ends of the text, so that a verdict cannot depend on how the text arrived.
pub(crate) struct Candidate<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) text: &'a [u8],
    pub(crate) after: &'a [u8],
}

impl Candidate<'_> {
    pub(crate) fn digits(&self) -> impl Iterator<Item = u8> + Clone + '_ {
        self.text.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0')
    }
}

/// The part of a candidate that is the finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Offsets within the candidate; `None`: all of it.
    pub(crate) part: Option<(usize, usize)>,
    pub(crate) score: f64,
}

impl Hit {
    pub(crate) const fn whole(score: f64) -> Self {
        Self { part: None, score }
    }
    pub(crate) const fn part(start: usize, end: usize, score: f64) -> Self {
        Self { part: Some((start, end)), score }
    }
}

/// The check of a pattern that needs none.
pub(crate) fn certain(_: &Candidate<'_>) -> Option<Hit> {
    Some(Hit::whole(0.95))
}
