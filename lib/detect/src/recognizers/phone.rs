//! Telephone numbers: international ones by their country's length, national ones by how they are grouped, and bare
//! digits only where the words before them speak of a telephone.

use crate::byte_set::ByteSet;
use crate::context::mentions;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const PHONE: Recognizer = Recognizer {
    name: "phone",
    kind: "PHONE_NUMBER",
    category: Category::Pii,
    pattern: r"\+?\(?[0-9](?:(?:[ ./-]|\) ?| ?\(|\)-| - )?[0-9]){6,16}",
    not_after: ByteSet::WORD.with(b"+"),
    not_before: ByteSet::WORD,
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("call +1 415 555 2671 now", "+1 415 555 2671"),
        ("+14155552671.", "+14155552671"),
        ("(415) 555-2671", "(415) 555-2671"),
        ("415-555-2671, 415.555.2672", "415-555-2671"),
        ("1-800-555-0199", "1-800-555-0199"),
        ("ring 020 7946 0958 please", "020 7946 0958"),
        ("+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
        ("07700 900123", "07700 900123"),
        ("+49 30 901820", "+49 30 901820"),
        ("030/9018-2012", "030/9018-2012"),
        ("01 42 68 53 00", "01 42 68 53 00"),
        ("+33 1 42 68 53 00, paris", "+33 1 42 68 53 00"),
        ("0044 20 7946 0958", "0044 20 7946 0958"),
        ("phone: 4155552671", "4155552671"),
        ("my mobile is 612 345 678", "612 345 678"),
        ("+91 98765 43210", "+91 98765 43210"),
        ("+81-3-1234-5678", "+81-3-1234-5678"),
        ("+5511912345678", "+5511912345678"),
    ],
    negative: &[
        "2024-01-15",
        "01.02.2024",
        "10.0.0.1",
        "order 4155552671",
        "ISBN 978-3-16-148410-0",
        "4111 1111 1111 1111",
        "536-22-1234",
        "12345678901234567890",
        "2024-01-15 10:20:30",
        "1 000 000 000",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "0.1234567890",
        "20240115-103000",
        "1999-2004 and 2010-2020",
        "+1 115 555 2671",
        "192.168.100.200",
        "1700000000",
        "3 - 4 - 5 - 6 - 7 - 8 - 9",
    ],
};

const WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "fax",
    "call",
    "dial",
    "ring",
    "text",
    "sms",
    "whatsapp",
    "reach me at",
    "contact number",
    "telefon",
    "handy",
    "tel.",
    "téléphone",
    "portable",
    "teléfono",
    "móvil",
    "telefono",
    "phone number",
    "phone_number",
    "hotline",
];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    // Part of a longer number, a decimal or an identifier.
    if matches!(candidate.before, [.., b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', b'.' | b'-' | b'/' | b','])
        || matches!(candidate.before, [.., b'0'..=b'9', b' ' | b'('])
        || matches!(candidate.after, [b'.' | b'-' | b'/' | b':' | b',', b'0'..=b'9', ..])
    {
        return None;
    }
    let digits: Vec<u8> = candidate.digits().collect();
    if digits.windows(2).all(|pair| pair[0] == pair[1]) || !parentheses_close(candidate.text) {
        return None;
    }
    let groups: Vec<usize> =
        candidate.text.split(|b| !b.is_ascii_digit()).map(<[u8]>::len).filter(|l| *l > 0).collect();
    if candidate.text[0] == b'+' {
        return is_international(&digits).then_some(Hit::whole(0.95));
    }
    if digits.starts_with(&[0, 0]) {
        return (is_international(&digits[2..]) && groups.len() > 1).then_some(Hit::whole(0.8));
    }
    if is_north_american(candidate.text, &digits, &groups) {
        return Some(Hit::whole(0.85));
    }
    if is_trunk(&digits, &groups) {
        return Some(Hit::whole(0.75));
    }
    let plausible = (7..=12).contains(&digits.len()) && !is_date(candidate.text) && groups.len() <= 5;
    (plausible && groups.iter().all(|group| *group > 1) && mentions(candidate.before, WORDS)).then_some(Hit::whole(0.7))
}

fn parentheses_close(text: &[u8]) -> bool {
    let count = |wanted: u8| text.iter().filter(|b| **b == wanted).count();
    count(b'(') == count(b')') && count(b'(') <= 1
}

/// Area and exchange begin with 2 to 9; grouped 3-3-4, with or without the country's 1.
fn is_north_american(text: &[u8], digits: &[u8], groups: &[usize]) -> bool {
    let national = match digits.len() {
        10 => digits,
        11 if digits[0] == 1 => &digits[1..],
        _ => return false,
    };
    let uniform = text.contains(&b'(') || !(text.contains(&b'.') && text.contains(&b'-'));
    matches!(groups, [3, 3, 4] | [1, 3, 3, 4]) && uniform && national[0] >= 2 && national[3] >= 2
}

/// A number with the trunk prefix 0, as most of Europe and Asia write it.
fn is_trunk(digits: &[u8], groups: &[usize]) -> bool {
    let [0, second, ..] = digits else { return false };
    if *second == 0 || groups.len() < 2 || groups.iter().any(|group| *group < 2) {
        return false;
    }
    match groups {
        // France, Belgium: pairs.
        [2, 2, 2, 2, 2] => true,
        [2..=6, 3..=9] => (9..=12).contains(&digits.len()),
        [2..=5, 2..=5, 2..=5] => (9..=11).contains(&digits.len()) && groups[1] + groups[2] >= 5,
        [2..=5, 2..=4, 2..=4, 2..=4] => (9..=11).contains(&digits.len()),
        _ => false,
    }
}

/// `2024-01-15`, `15.01.2024`, `01/15/2024`.
fn is_date(text: &[u8]) -> bool {
    let groups: Vec<&[u8]> = text.split(|b| !b.is_ascii_digit()).collect();
    let year = |group: &[u8]| group.len() == 4 && (group.starts_with(b"19") || group.starts_with(b"20"));
    matches!(groups[..], [a, b, c] if (year(a) && b.len() <= 2 && c.len() <= 2) || (year(c) && a.len() <= 2 && b.len() <= 2))
}

/// Digits after the `+`: a country's calling code and a national number of a length that it uses.
fn is_international(digits: &[u8]) -> bool {
    let number =
        |length: usize| digits.iter().take(length).fold(0_u16, |number, digit| number * 10 + u16::from(*digit));
    let known = COUNTRIES.iter().find(|(code, ..)| {
        let length = if *code > 99 {
            3
        } else if *code > 9 {
            2
        } else {
            1
        };
        number(length) == *code
    });
    let Some((code, shortest, longest)) = known else {
        return digits.first().is_some_and(|first| *first != 0) && (9..=15).contains(&digits.len());
    };
    let code_length = code.to_string().len();
    // `+44 (0)20 …`: the trunk prefix is written but not dialled.
    let national = &digits[code_length.min(digits.len())..];
    let national = if national.first() == Some(&0) && *code != 39 { &national[1..] } else { national };
    let area_ok = *code != 1 || national.first().is_some_and(|first| *first >= 2);
    area_ok && (*shortest..=*longest).contains(&national.len())
}

/// Calling code, shortest and longest national number.
#[rustfmt::skip]
const COUNTRIES: &[(u16, usize, usize)] = &[
    (1, 10, 10), (7, 10, 10), (20, 8, 10), (27, 9, 9), (30, 10, 10), (31, 9, 9), (32, 8, 9), (33, 9, 9), (34, 9, 9),
    (36, 8, 9), (39, 6, 11), (40, 9, 9), (41, 9, 9), (43, 7, 13), (44, 9, 10), (45, 8, 8), (46, 7, 10), (47, 8, 8),
    (48, 9, 9), (49, 6, 12), (51, 8, 9), (52, 10, 11), (54, 10, 11), (55, 10, 11), (56, 9, 9), (57, 10, 10),
    (60, 8, 10), (61, 9, 9), (62, 8, 12), (63, 9, 10), (64, 8, 10), (65, 8, 8), (66, 8, 9), (81, 9, 10), (82, 8, 10),
    (84, 9, 10), (86, 10, 11), (90, 10, 10), (91, 10, 10), (92, 9, 10), (351, 9, 9), (353, 7, 9), (358, 6, 11),
    (380, 9, 9), (420, 9, 9), (421, 9, 9), (852, 8, 8), (886, 8, 9), (966, 8, 9), (971, 8, 9), (972, 8, 9),
];
