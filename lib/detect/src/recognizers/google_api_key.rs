//! API keys of Google Cloud and Gemini.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const GOOGLE_API_KEY: Recognizer = Recognizer {
    name: "google_api_key",
    kind: "google_api_key",
    category: Category::Secret,
    pattern: r"AIza[A-Za-z0-9_-]{35}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[("key=AIzaSyA-1234567890abcdefghijklmnopqrstu", "AIzaSyA-1234567890abcdefghijklmnopqrstu")],
    negative: &["AIzaSyA-1234567890", "AIzaSyA-1234567890abcdefghijklmnopqrstuvwxyz"],
};
