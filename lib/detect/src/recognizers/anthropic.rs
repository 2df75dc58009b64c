//! Anthropic's API and admin keys.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const ANTHROPIC: Recognizer = Recognizer {
    name: "anthropic_api_key",
    kind: "anthropic_api_key",
    category: Category::Secret,
    pattern: r"sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{32,160}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[(
        "x-api-key: sk-ant-api03-abcDEF0123456789abcDEF0123456789abcDEF0123456789_-x",
        "sk-ant-api03-abcDEF0123456789abcDEF0123456789abcDEF0123456789_-x",
    )],
    negative: &["sk-ant-api03-short", "sk-ant-"],
};
