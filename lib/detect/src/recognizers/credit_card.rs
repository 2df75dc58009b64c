//! Payment card numbers: the issuers' ranges and lengths, Luhn's check digit, plain or in the usual groups.

use crate::byte_set::ByteSet;
use crate::checksum::luhn;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const CREDIT_CARD: Recognizer = Recognizer {
    name: "credit_card",
    kind: "CREDIT_CARD",
    category: Category::Pii,
    pattern: r"[2-68][0-9](?:[ -]?[0-9]){10,17}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD,
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("card 4111 1111 1111 1111 exp 12/28", "4111 1111 1111 1111"),
        ("5500-0055-5555-5559", "5500-0055-5555-5559"),
        ("378282246310005", "378282246310005"),
        ("amex 3782 822463 10005.", "3782 822463 10005"),
        ("6011111111111117", "6011111111111117"),
        ("diners 3056 930902 5904", "3056 930902 5904"),
        ("3530111333300000", "3530111333300000"),
        ("2223003122003222", "2223003122003222"),
        ("4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("4111111111111111,5500005555555559", "4111111111111111"),
    ],
    negative: &[
        "4111 1111 1111 1112",
        "order 9999999999999995",
        "41 11 11 11 11 11 11 11",
        "0.4111111111111111",
        "id_4111111111111111",
        "411111111111111111111111",
        "3141592653589793",
    ],
};

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    // Part of a decimal number.
    if let [.., b'0'..=b'9', b'.' | b','] = candidate.before {
        return None;
    }
    if matches!(candidate.after, [b'.', b'0'..=b'9', ..]) {
        return None;
    }
    let digits: Vec<u8> = candidate.digits().collect();
    if !is_issued(&digits) || !luhn(digits.iter().copied()) || digits.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let separators: Vec<u8> = candidate.text.iter().copied().filter(|b| !b.is_ascii_digit()).collect();
    let Some(first) = separators.first() else { return Some(Hit::whole(0.9)) };
    let uniform = separators.iter().all(|separator| separator == first);
    let groups: Vec<usize> = candidate.text.split(|b| !b.is_ascii_digit()).map(<[u8]>::len).collect();
    (uniform && is_grouping(&groups)).then_some(Hit::whole(0.97))
}

/// Fours with a rest at the end, or the 4-6-5 and 4-6-4 of fifteen and fourteen digits.
fn is_grouping(groups: &[usize]) -> bool {
    let Some((last, rest)) = groups.split_last() else { return false };
    (rest.iter().all(|length| *length == 4) && (1..=4).contains(last)) || matches!(groups, [4, 6, 4 | 5])
}

/// Whether an issuer gives out such numbers, by their first digits and their length.
fn is_issued(digits: &[u8]) -> bool {
    let prefix =
        |length: usize| digits.iter().take(length).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match (prefix(1), prefix(2), prefix(4), digits.len()) {
        // Visa
        (4, .., 13 | 16 | 19) => true,
        // Mastercard
        (_, 51..=55, _, 16) | (.., 2221..=2720, 16) => true,
        // American Express
        (_, 34 | 37, _, 15) => true,
        // Diners Club
        (_, 30 | 36 | 38 | 39, _, 14) => true,
        // JCB
        (.., 3528..=3589, 16..=19) => true,
        // Discover
        (.., 6011, 16..=19) | (_, 65, _, 16..=19) => true,
        (.., 6440..=6499, 16..=19) => true,
        // UnionPay
        (_, 62, _, 16..=19) => true,
        // Mir
        (.., 2200..=2204, 16..=19) => true,
        // Maestro
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763, 12..=19) => true,
        // RuPay
        (_, 60 | 81 | 82, _, 16) => true,
        _ => false,
    }
}
