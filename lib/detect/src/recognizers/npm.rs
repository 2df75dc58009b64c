//! Access tokens of the npm registry.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const NPM: Recognizer = Recognizer {
    name: "npm_access_token",
    kind: "npm_access_token",
    category: Category::Secret,
    pattern: r"npm_[A-Za-z0-9]{36}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[(
        "//r/:_authToken=npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    )],
    negative: &["npm_config_cache", "npm_abc"],
};
