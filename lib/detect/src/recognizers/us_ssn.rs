//! US social security numbers: the areas that were given out, grouped, or plain where the words before say so.

use crate::byte_set::ByteSet;
use crate::context::mentions;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const US_SSN: Recognizer = Recognizer {
    name: "us_ssn",
    kind: "US_SSN",
    category: Category::Pii,
    pattern: r"[0-8][0-9]{2}(?:[0-9]{6}|-[0-9]{2}-[0-9]{4}|[ ][0-9]{2}[ ][0-9]{4}|\.[0-9]{2}\.[0-9]{4})",
    not_after: ByteSet::WORD.with(b"-"),
    not_before: ByteSet::WORD.with(b"-"),
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("SSN: 536-22-1234", "536-22-1234"),
        ("born 1980, 536-22-1234.", "536-22-1234"),
        ("social security number 536221234", "536221234"),
        ("ssn 536 22 1234", "536 22 1234"),
    ],
    negative: &[
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "536-00-1234",
        "536-22-0000",
        "ticket 536221234",
        "1-536-22-1234",
        "536-22-12345",
        "078-05-1120",
        "in 120 22 1234 of them",
    ],
};

const WORDS: &[&str] = &[
    "ssn",
    "ssns",
    "ss#",
    "social security",
    "social-security",
    "social_security",
    "socialsecurity",
    "soc sec",
    "tax id",
];
/// Printed in advertisements, never anybody's.
const ADVERTISED: [u32; 2] = [78_051_120, 219_099_999];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let number = candidate.digits().fold(0_u32, |number, digit| number * 10 + u32::from(digit));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    if matches!(area, 0 | 666) || group == 0 || serial == 0 || ADVERTISED.contains(&number) {
        return None;
    }
    if let [.., b'0'..=b'9', b'.' | b',' | b' '] = candidate.before {
        return None;
    }
    if matches!(candidate.after, [b'.', b'0'..=b'9', ..]) {
        return None;
    }
    let named = mentions(candidate.before, WORDS);
    match candidate.text[3] {
        b'-' => Some(Hit::whole(if named { 0.97 } else { 0.85 })),
        _ => named.then_some(Hit::whole(0.9)),
    }
}
