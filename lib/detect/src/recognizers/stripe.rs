//! Stripe's secret and restricted keys.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const STRIPE: Recognizer = Recognizer {
    name: "stripe_secret_key",
    kind: "stripe_secret_key",
    category: Category::Secret,
    pattern: r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,240}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[
        ("sk_live_abcDEF0123456789abcDEF01", "sk_live_abcDEF0123456789abcDEF01"),
        ("'rk_test_abcDEF0123456789abc'", "rk_test_abcDEF0123456789abc"),
    ],
    negative: &["sk_live_short", "pk_live_abcDEF0123456789abcDEF01"],
};
