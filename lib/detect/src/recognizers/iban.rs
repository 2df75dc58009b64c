//! International bank account numbers (ISO 13616): the country's length and the check digits.

use crate::byte_set::ByteSet;
use crate::checksum::mod97;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const IBAN: Recognizer = Recognizer {
    name: "iban",
    kind: "IBAN_CODE",
    category: Category::Pii,
    pattern: r"[A-Za-z]{2}[ -]?[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD,
    lookahead: 0,
    check,
    tail: None,
    positive: &[
        ("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "DE89 3704 0044 0532 0130 00"),
        ("GB29NWBK60161331926819", "GB29NWBK60161331926819"),
        ("pay to FR14 2004 1010 0505 0001 3M02 606.", "FR14 2004 1010 0505 0001 3M02 606"),
        ("NL91-ABNA-0417-1643-00", "NL91-ABNA-0417-1643-00"),
        ("no9386011117947", "no9386011117947"),
        ("CH93 0076 2011 6238 5295 7,", "CH93 0076 2011 6238 5295 7"),
    ],
    negative: &[
        "DE89 3704 0044 0532 0130 01",
        "GB29NWBK6016133192681",
        "XX89 3704 0044 0532 0130 00",
        "US12 3456 7890 1234 5678",
        "xDE89370400440532013000",
    ],
};

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let compact: Vec<u8> = candidate.text.iter().filter(|b| b.is_ascii_alphanumeric()).copied().collect();
    let country = [compact[0].to_ascii_uppercase(), compact[1].to_ascii_uppercase()];
    let length = LENGTHS.iter().find(|(code, _)| **code == country)?.1;
    if compact.len() != length {
        return None;
    }
    let turned = compact[4..].iter().chain(&compact[..4]).copied();
    (mod97(turned) == 1).then_some(Hit::whole(0.98))
}

/// The lengths of the IBAN registry, and of the countries that use the form without being in it.
#[rustfmt::skip]
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AO", 25), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16),
    (b"BF", 28), (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BJ", 28), (b"BR", 29), (b"BY", 28), (b"CF", 27),
    (b"CG", 27), (b"CH", 21), (b"CI", 28), (b"CM", 27), (b"CR", 22), (b"CV", 25), (b"CY", 28), (b"CZ", 24),
    (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"DZ", 26), (b"EE", 20), (b"EG", 29), (b"ES", 24),
    (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GA", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23),
    (b"GL", 18), (b"GQ", 27), (b"GR", 27), (b"GT", 28), (b"GW", 25), (b"HN", 28), (b"HR", 21), (b"HU", 28),
    (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IR", 26), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KM", 27),
    (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21),
    (b"LY", 25), (b"MA", 28), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MG", 27), (b"MK", 19), (b"ML", 28),
    (b"MN", 20), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"MZ", 25), (b"NE", 28), (b"NI", 28), (b"NL", 18),
    (b"NO", 15), (b"OM", 23), (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24),
    (b"RS", 22), (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24),
    (b"SM", 27), (b"SN", 28), (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TD", 27), (b"TG", 28), (b"TL", 23),
    (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];
