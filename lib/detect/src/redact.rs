//! Typed placeholders in place of what was found.

use crate::finding::Match;

/// `<EMAIL_ADDRESS>`, `<AWS_ACCESS_KEY_ID>` …
pub fn placeholder(kind: &str) -> String {
    format!("<{}>", kind.to_ascii_uppercase())
}

/// The text with each match replaced by its placeholder, such as `<EMAIL_ADDRESS>`. The matches are those of a scan of
/// this text (by start, none overlaps another); one that does not fit the text is left out.
pub fn redact(text: &str, matches: &[Match]) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut from = 0;
    for found in matches {
        let Some(between) = text.get(from..found.start) else { continue };
        if found.end > text.len() {
            continue;
        }
        redacted.push_str(between);
        redacted.push_str(&placeholder(found.kind));
        from = found.end;
    }
    redacted.push_str(text.get(from..).unwrap_or_default());
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detector;

    #[test]
    fn placeholders_take_the_place_of_values() {
        let text = "mail jane@example.com, card 4111 1111 1111 1111.";
        let matches = Detector::builtin().scan(text);
        assert_eq!(redact(text, &matches), "mail <EMAIL_ADDRESS>, card <CREDIT_CARD>.");
    }

    #[test]
    fn a_redacted_text_is_clean() {
        let text = "jane@example.com AKIAIOSFODNN7EXAMPLE 10.1.2.3";
        let detector = Detector::builtin();
        assert_eq!(detector.scan(&redact(text, &detector.scan(text))), []);
    }
}
