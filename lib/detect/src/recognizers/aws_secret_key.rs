//! AWS secret access keys: forty characters of base64 that the words before them give away.

use crate::byte_set::ByteSet;
use crate::checksum::entropy;
use crate::context::mentions;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const AWS_SECRET_KEY: Recognizer = Recognizer {
    name: "aws_secret_key",
    kind: "aws_secret_access_key",
    category: Category::Secret,
    pattern: r"[A-Za-z0-9/+]{40}",
    not_after: ByteSet::ALNUM.with(b"/+"),
    not_before: ByteSet::ALNUM.with(b"/+="),
    lookahead: 0,
    check,
    tail: None,
    positive: &[
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        (
            "\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
    negative: &[
        "commit wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "aws_secret_access_key = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
};

const WORDS: &[&str] = &[
    "aws",
    "amazon",
    "secret",
    "secretkey",
    "secretaccesskey",
    "secret_access_key",
    "secretaccess",
    "aws_secret",
    "iam",
];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let has = |test: fn(&u8) -> bool| candidate.text.iter().any(test);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let named = mentions(candidate.before, WORDS) || candidate.before.windows(4).any(|w| w == b"AKIA" || w == b"ASIA");
    (mixed && named && entropy(candidate.text) > 3.5).then_some(Hit::whole(0.9))
}
