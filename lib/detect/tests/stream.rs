//! A stream gives what a scan of the whole gives, however the text was cut, and lets go nothing of a match (P4).

use proptest::prelude::*;
use weir_detect::{ACT_SCORE, Detector, HOLD_LIMIT, Match, redact};

const VALUES: &[&str] = &[
    "jane.doe@example.com",
    "o'brien+x@mail.example.co.uk",
    "+1 415 555 2671",
    "020 7946 0958",
    "(415) 555-2671",
    "4111 1111 1111 1111",
    "378282246310005",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "536-22-1234",
    "192.168.0.1",
    "2001:db8::1",
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq98ElzjtH+\nabc/def==\n-----END RSA PRIVATE KEY-----",
    "DB_PASSWORD=h7Gk29!sLq0",
];

/// Near misses and joints: what makes attempts begin, cross and fail.
const NOISE: &[&str] = &[
    " ",
    "\n",
    ", ",
    ".",
    "-",
    "4111 ",
    "1111 ",
    "12 34 56 78 90 ",
    "prose of words ",
    "@",
    "a@b",
    "::",
    "eyJhbGciOiJIUzI1NiJ9.",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END ",
    "password=",
    "ssn ",
    "phone ",
    "é",
    "漢字",
    "😀",
    "\"",
    "0",
    "1.2.3.",
    "+44 ",
    "version ",
    "Bearer ",
    "ghp_",
    "AKIA",
    "\u{200b}",
];

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => prop::sample::select(VALUES).prop_map(str::to_owned),
        4 => prop::sample::select(NOISE).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

struct Outcome {
    text: String,
    matches: Vec<Match>,
    most_held: usize,
}

fn by_bytes(detector: &Detector, text: &str, sizes: &[usize]) -> Outcome {
    let mut stream = detector.stream();
    let mut outcome = Outcome { text: String::new(), matches: Vec::new(), most_held: 0 };
    let mut rest = text.as_bytes();
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
        rest = more;
        let released = stream.push_bytes(piece);
        outcome.text.push_str(&released.text);
        outcome.matches.extend(released.matches);
        outcome.most_held = outcome.most_held.max(stream.held_bytes());
        // What is out is final: it never changes, and covers no part of a match.
        assert!(redacted_prefix(detector, text, &outcome.text), "released too early: {:?}", outcome.text);
    }
    let released = stream.finish();
    outcome.text.push_str(&released.text);
    outcome.matches.extend(released.matches);
    outcome
}

fn redacted_prefix(detector: &Detector, text: &str, released: &str) -> bool {
    redact(text, &detector.scan(text)).starts_with(released)
}

fn by_characters(detector: &Detector, text: &str, every: usize) -> Outcome {
    let mut stream = detector.stream();
    let mut outcome = Outcome { text: String::new(), matches: Vec::new(), most_held: 0 };
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(every) {
        let released = stream.push(&piece.iter().collect::<String>());
        outcome.text.push_str(&released.text);
        outcome.matches.extend(released.matches);
    }
    let released = stream.finish();
    outcome.text.push_str(&released.text);
    outcome.matches.extend(released.matches);
    outcome
}

fn agrees(detector: &Detector, text: &str, outcome: &Outcome) {
    let whole = detector.scan(text);
    assert_eq!(outcome.matches, whole, "{text:?}");
    assert_eq!(outcome.text, redact(text, &whole), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p4_what_a_stream_gives_does_not_depend_on_the_cuts(
        text in texts(),
        sizes in prop::collection::vec(1_usize..40, 1..8),
        every in 1_usize..20,
    ) {
        let detector = Detector::builtin();
        agrees(&detector, &text, &by_bytes(&detector, &text, &sizes));
        agrees(&detector, &text, &by_bytes(&detector, &text, &[1]));
        agrees(&detector, &text, &by_characters(&detector, &text, every));
    }

    #[test]
    fn matches_are_ordered_apart_and_between_characters(text in texts()) {
        let mut end = 0;
        for found in Detector::builtin().scan(&text) {
            prop_assert!(found.start >= end && found.start < found.end);
            prop_assert!(text.is_char_boundary(found.start) && text.is_char_boundary(found.end));
            prop_assert!((ACT_SCORE..=1.0).contains(&found.score));
            end = found.end;
        }
    }

    #[test]
    fn any_bytes_can_be_streamed(bytes in prop::collection::vec(any::<u8>(), 0..64), size in 1_usize..9) {
        let detector = Detector::builtin();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut stream = detector.stream();
        let mut released = String::new();
        for piece in bytes.chunks(size) {
            released.push_str(&stream.push_bytes(piece).text);
        }
        released.push_str(&stream.finish().text);
        prop_assert_eq!(released, redact(&text, &detector.scan(&text)));
    }
}

#[test]
fn p4_every_two_way_cut_of_every_value_agrees() {
    let detector = Detector::builtin();
    for value in VALUES {
        let text = format!("Look: {value}, and on.");
        assert!(!detector.scan(&text).is_empty(), "{value}");
        for cut in 1..text.len() {
            agrees(&detector, &text, &by_bytes(&detector, &text, &[cut, usize::MAX]));
        }
    }
}

#[test]
fn clean_prose_waits_for_a_word_at_most() {
    let text = "The quick brown fox jumps over the lazy dog, and then it naps in the sun for an hour. ".repeat(20);
    let outcome = by_bytes(&Detector::builtin(), &text[..400], &[1]);
    assert!(outcome.most_held <= 8, "{}", outcome.most_held);
}

#[test]
fn a_private_key_of_any_length_is_swallowed_and_not_held() {
    let detector = Detector::builtin();
    let body = "MIIEpAIBAAKCAQEA7bq98ElzjtHabcdefABCDEF0123456789+/abcdefabcdefab\n".repeat(200);
    let text = format!("before -----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY----- after");
    let mut stream = detector.stream();
    let mut released = String::new();
    let mut most_held = 0;
    for piece in text.as_bytes().chunks(7) {
        released.push_str(&stream.push_bytes(piece).text);
        most_held = most_held.max(stream.held_bytes());
    }
    released.push_str(&stream.finish().text);
    assert_eq!(released, "before <PRIVATE_KEY> after");
    assert!(most_held < 128, "{most_held}");
}

#[test]
fn a_certain_match_that_is_not_acted_on_comes_out_whole() {
    let detector = Detector::builtin();
    let text = "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq98ElzjtH\n-----END PRIVATE KEY----- a@example.com";
    let mut stream = detector.stream().acting_on(|found| found.kind == "EMAIL_ADDRESS");
    let mut released = String::new();
    let mut matches = 0;
    for piece in text.as_bytes().chunks(3) {
        let part = stream.push_bytes(piece);
        released.push_str(&part.text);
        matches += part.matches.len();
    }
    let part = stream.finish();
    released.push_str(&part.text);
    assert_eq!(released, text.replace("a@example.com", "<EMAIL_ADDRESS>"));
    assert_eq!(matches + part.matches.len(), 2);
}

#[test]
fn p4_chained_matches_cannot_make_a_stream_hold_without_bound() {
    let detector = Detector::builtin();
    let text = "4111 1111 1111 1111 ".repeat(1_000);
    let mut stream = detector.stream();
    let (mut released, mut matches, mut most_held) = (String::new(), Vec::new(), 0);
    for piece in text.as_bytes().chunks(13) {
        let part = stream.push_bytes(piece);
        released.push_str(&part.text);
        matches.extend(part.matches);
        most_held = most_held.max(stream.held_bytes());
    }
    let part = stream.finish();
    released.push_str(&part.text);
    matches.extend(part.matches);
    assert_eq!(matches, detector.scan(&text));
    assert_eq!(released, redact(&text, &matches));
    assert!(most_held <= HOLD_LIMIT + 64, "{most_held}");
    assert!(!matches.is_empty());
}

#[test]
fn a_detector_can_be_narrowed() {
    let text = "a@example.com 192.168.0.1";
    let only = Detector::builtin().only(|kind, _| kind == "IP_ADDRESS");
    assert_eq!(redact(text, &only.scan(text)), "a@example.com <IP_ADDRESS>");
}
