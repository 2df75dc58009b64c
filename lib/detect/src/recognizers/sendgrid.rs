//! SendGrid's API keys: two parts of fixed lengths.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const SENDGRID: Recognizer = Recognizer {
    name: "sendgrid_api_key",
    kind: "sendgrid_api_key",
    category: Category::Secret,
    pattern: r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[(
        "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    )],
    negative: &["SG.abc.def", "e.g. SG. Then"],
};
