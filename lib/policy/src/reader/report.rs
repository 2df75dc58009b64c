use std::ops::Range;

use crate::{Mistake, Mistakes};

/// Collects mistakes and knows where the lines begin.
pub(crate) struct Report<'a> {
    text: &'a str,
    /// Byte offsets.
    lines: Vec<usize>,
    mistakes: Vec<(Mistake, Kind)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Syntax,
    /// Something that stands there is wrong.
    Present,
    /// Something does not stand there. Behind a syntax error that may be no mistake of its own.
    Absent,
}

impl<'a> Report<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(after_newlines).collect(), mistakes: Vec::new() }
    }

    pub(crate) fn syntax(&mut self, span: &Range<usize>, what: &str) {
        self.push(span, "", what, Kind::Syntax);
    }
    pub(crate) fn add(&mut self, span: &Range<usize>, at: &str, what: &str) {
        self.push(span, at, what, Kind::Present);
    }
    pub(crate) fn absence(&mut self, span: &Range<usize>, at: &str, what: &str) {
        self.push(span, at, what, Kind::Absent);
    }

    fn push(&mut self, span: &Range<usize>, at: &str, what: &str, kind: Kind) {
        let (line, column) = self.place(span.start);
        self.mistakes.push((Mistake { line, column, at: at.to_owned(), what: what.to_owned() }, kind));
    }

    /// Line and column in characters, both from 1.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line.saturating_sub(1)];
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        (line.max(1), before.chars().count() + 1)
    }

    pub(crate) fn into_result(mut self) -> Result<(), Mistakes> {
        let broken: Vec<usize> =
            self.mistakes.iter().filter(|(_, kind)| *kind == Kind::Syntax).map(|(mistake, _)| mistake.line).collect();
        if !broken.is_empty() {
            self.mistakes.retain(|(mistake, kind)| match kind {
                Kind::Syntax => true,
                Kind::Present => !broken.contains(&mistake.line),
                Kind::Absent => false,
            });
        }
        let mut mistakes: Vec<Mistake> = self.mistakes.into_iter().map(|(mistake, _)| mistake).collect();
        mistakes.sort_by(|a, b| (a.line, a.column, &a.at).cmp(&(b.line, b.column, &b.at)));
        mistakes.dedup();
        if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
    }
}
