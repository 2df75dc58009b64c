//! Runs the examples that the recognizers bring with them.

use std::collections::BTreeSet;

use super::BUILTIN;
use crate::Detector;
use crate::recognizer::Recognizer;

fn found(recognizer: &'static Recognizer, text: &str) -> Vec<String> {
    let detector = Detector::compile(&[recognizer]).expect("it compiles");
    detector.scan(text).iter().map(|m| text[m.start..m.end].to_owned()).collect()
}

#[test]
fn every_recognizer_finds_its_positive_examples_exactly() {
    for recognizer in BUILTIN {
        assert!(!recognizer.positive.is_empty(), "{} has no examples", recognizer.name);
        for (text, expected) in recognizer.positive {
            assert_eq!(
                found(recognizer, text).first().map(String::as_str),
                Some(*expected),
                "{}: {text}",
                recognizer.name
            );
        }
    }
}

#[test]
fn no_recognizer_finds_anything_in_its_negative_examples() {
    for recognizer in BUILTIN {
        assert!(!recognizer.negative.is_empty(), "{} has no negative examples", recognizer.name);
        for text in recognizer.negative {
            assert_eq!(found(recognizer, text), [""; 0], "{}: {text}", recognizer.name);
        }
    }
}

#[test]
fn among_all_recognizers_each_positive_example_keeps_its_kind() {
    let detector = Detector::builtin();
    for recognizer in BUILTIN {
        for (text, expected) in recognizer.positive {
            let matches = detector.scan(text);
            let kept = matches.iter().any(|m| m.kind == recognizer.kind && &text[m.start..m.end] == *expected);
            assert!(kept, "{}: {text}: {matches:?}", recognizer.name);
        }
    }
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = BUILTIN.iter().map(|recognizer| recognizer.name).collect();
    assert_eq!(names.len(), BUILTIN.len());
}

#[test]
fn prose_is_left_alone() {
    let prose = "It was the best of times, it was the worst of times; in 1859 Dickens wrote 3 books, 45 chapters \
        (pp. 1-389), and sold 1,000,000 copies at $4.99. See fig. 3.2.1, ratio 16:9, at 12:30:45 on 2024-05-06. \
        Commit 3f2a9c1 fixed issue #48213; sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08. \
        UUID 123e4567-e89b-12d3-a456-426614174000. fn main() { let x = std::mem::take(&mut y); }";
    assert_eq!(Detector::builtin().scan(prose), []);
}
