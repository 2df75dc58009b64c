//! IPv6 addresses, also shortened and with an IPv4 end, and not paths of programming languages.

use std::net::Ipv6Addr;

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const IPV6: Recognizer = Recognizer {
    name: "ipv6",
    kind: "IP_ADDRESS",
    category: Category::Pii,
    pattern: r"(?:[0-9A-Fa-f]{1,4}:|:)(?:[0-9A-Fa-f]{0,4}:){1,7}(?:[0-9A-Fa-f]{1,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})?",
    not_after: ByteSet::WORD.with(b":."),
    not_before: ByteSet::WORD.with(b":"),
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
        ("at 2001:db8::1.", "2001:db8::1"),
        ("[fe80::1ff:fe23:4567:890a]:443", "fe80::1ff:fe23:4567:890a"),
        ("listen ::1 only", "::1"),
        ("::ffff:192.0.2.128", "::ffff:192.0.2.128"),
        ("fe80::1%eth0", "fe80::1"),
    ],
    negative: &[
        "std::vec",
        "a::b",
        "dead::beef()",
        "12:34:56",
        "00:1b:44:11:3a:b7",
        "::",
        "f::<u8>()",
        "12::34 is a ratio",
    ],
};

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let text = std::str::from_utf8(candidate.text).ok()?;
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    // Two short groups around `::` are more often a path or a ratio than an address.
    let prefix = address.segments()[0];
    let well_known = (0x2000..=0x3fff).contains(&prefix) || prefix >= 0xfc00 || address.is_loopback();
    let long_enough = groups >= 3 || text.contains('.') || (groups >= 1 && well_known);
    let loopback_in_code = address.is_loopback() && matches!(candidate.before.last(), Some(b'>' | b')' | b']'));
    let port = matches!(candidate.after, [b'.', b'0'..=b'9', ..]);
    (long_enough && digits > 0 && !port && !loopback_in_code).then_some(Hit::whole(0.9))
}
