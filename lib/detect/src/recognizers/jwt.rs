//! JSON web tokens: the first part decodes to a JSON object with an algorithm. The other two follow as a tail.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};
use crate::tail::Tail;

pub(crate) const JWT: Recognizer = Recognizer {
    name: "jwt",
    kind: "jwt",
    category: Category::Secret,
    pattern: r"ey[A-Za-z0-9_-]{10,1022}\.",
    not_after: ByteSet::TOKEN,
    not_before: ByteSet::NONE,
    lookahead: 0,
    check,
    tail: Some(Tail::Jwt),
    positive: &[
        (
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U, x",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
    ],
    negative: &[
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxIn0.abc",
        "eyeglasses_and_more.example.com",
    ],
};

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let header = candidate.text.strip_suffix(b".")?;
    let json = base64url(header)?;
    let text = std::str::from_utf8(&json).ok()?.trim();
    let is_object = text.starts_with('{') && text.ends_with('}');
    let has_algorithm =
        text.match_indices("\"alg\"").any(|(at, key)| text[at + key.len()..].trim_start().starts_with(':'));
    (is_object && has_algorithm).then_some(Hit::whole(1.0))
}

/// Unpadded base64url. `None` where it is not that.
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        match group.len() {
            4 => decoded.extend(&bytes[1..]),
            3 => decoded.extend(&bytes[1..3]),
            2 => decoded.push(bytes[1]),
            _ => return None,
        }
    }
    Some(decoded)
}
