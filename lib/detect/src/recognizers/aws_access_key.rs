//! AWS access key ids: long-lived (`AKIA`), temporary (`ASIA`) and the rarer kinds that sign requests.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const AWS_ACCESS_KEY: Recognizer = Recognizer {
    name: "aws_access_key",
    kind: "aws_access_key_id",
    category: Category::Secret,
    pattern: r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[
        ("key AKIAIOSFODNN7EXAMPLE.", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_ACCESS_KEY_ID=ASIAY34FZKBOKMUTVV7A", "ASIAY34FZKBOKMUTVV7A"),
    ],
    negative: &["AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLES", "XAKIAIOSFODNN7EXAMPLE", "akiaiosfodnn7example"],
};
