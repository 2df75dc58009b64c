//! GitLab's personal access tokens.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const GITLAB: Recognizer = Recognizer {
    name: "gitlab_pat",
    kind: "gitlab_pat",
    category: Category::Secret,
    pattern: r"glpat-[A-Za-z0-9_-]{20,64}(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[("glpat-AbCdEfGhIjKlMnOpQrSt", "glpat-AbCdEfGhIjKlMnOpQrSt")],
    negative: &["glpat-AbC"],
};
