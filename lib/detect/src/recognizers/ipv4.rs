//! IPv4 addresses in dotted form, and not versions, sections or dates.

use crate::byte_set::ByteSet;
use crate::context::ends_with_word;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const IPV4: Recognizer = Recognizer {
    name: "ipv4",
    kind: "IP_ADDRESS",
    category: Category::Pii,
    pattern: r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
    not_after: ByteSet::WORD.with(b"."),
    not_before: ByteSet::WORD,
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("from 192.168.0.1.", "192.168.0.1"),
        ("http://10.1.2.3:8080/", "10.1.2.3"),
        ("203.0.113.255/24", "203.0.113.255"),
        ("ip=0.0.0.0", "0.0.0.0"),
    ],
    negative: &[
        "version 1.2.3.4",
        "v1.2.3.4",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.02.03.04",
        "see section 3.1.4.1",
        "Chrome/120.0.6099.1099",
        "Chrome/120.0.0.0 Safari/537.36",
    ],
};

/// What stands before numbers that only look like addresses.
const OTHER: &[&str] =
    &["version", "ver", "v", "release", "build", "firmware", "section", "sec", "chapter", "clause", "rev", "revision"];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let octets_ok = candidate.text.split(|b| *b == b'.').all(|octet| {
        let value = octet.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
        value <= 255 && (octet.len() == 1 || octet[0] != b'0')
    });
    let goes_on = matches!(candidate.after, [b'.', b'0'..=b'9', ..]);
    // `Chrome/120.0.0.0`: a product and its version; a URL has two slashes.
    let is_product = matches!(candidate.before, [.., b'A'..=b'Z' | b'a'..=b'z', b'/']);
    let is_other = ends_with_word(candidate.before, OTHER);
    (octets_ok && !goes_on && !is_product && !is_other).then_some(Hit::whole(0.9))
}
