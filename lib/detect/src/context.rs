//! What the words before a candidate say about it.

/// Whether one of the words (lower case) stands in the window, not as a part of a longer word.
pub(crate) fn mentions(window: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        let last = window.len().checked_sub(word.len());
        last.is_some_and(|last| (0..=last).any(|at| stands_at(window, word, at)))
    })
}

/// Whether the window ends with one of the words, blanks and punctuation of labels aside (`version: `).
pub(crate) fn ends_with_word(window: &[u8], words: &[&str]) -> bool {
    let label_end = window.iter().rposition(|b| !b" \t:=#.\"'(".contains(b)).map_or(0, |last| last + 1);
    let window = &window[..label_end];
    words.iter().any(|word| window.len() >= word.len() && stands_at(window, word, window.len() - word.len()))
}

fn stands_at(window: &[u8], word: &str, at: usize) -> bool {
    let end = at + word.len();
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    window[at..end].eq_ignore_ascii_case(word.as_bytes())
        && !(at > 0 && is_letter(window.get(at - 1)))
        && !is_letter(window.get(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_only_whole() {
        assert!(mentions(b"Her SSN is ", &["ssn"]));
        assert!(mentions(b"ssn=", &["ssn"]));
        assert!(!mentions(b"a classname ", &["ssn"]));
        assert!(!mentions(b"ss", &["ssn"]));
    }

    #[test]
    fn a_label_may_be_followed_by_punctuation() {
        assert!(ends_with_word(b"Version: ", &["version"]));
        assert!(!ends_with_word(b"version of ", &["version"]));
    }
}
