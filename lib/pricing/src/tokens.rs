//! Tokens as OpenAI's models count them.

mod chat;
mod tools;

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

pub use chat::count_chat_input;

/// A vocabulary and how text is cut for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    O200kBase,
    Cl100kBase,
    P50kBase,
    R50kBase,
}

impl Encoding {
    /// By the name that OpenAI gives it.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            // Harmony and edit differ in special tokens only, which count as ordinary text here.
            "o200k_base" | "o200k_harmony" => Some(Self::O200kBase),
            "cl100k_base" => Some(Self::Cl100kBase),
            "p50k_base" | "p50k_edit" => Some(Self::P50kBase),
            "r50k_base" | "gpt2" => Some(Self::R50kBase),
            _ => None,
        }
    }

    /// What the model uses; the newest for models that are not known, whoever makes them.
    pub fn for_model(model: &str) -> Self {
        // `openai/gpt-4o`: routers put the maker before the name.
        let name = model.rsplit('/').next().unwrap_or(model);
        match get_tokenizer(name) {
            Some(Tokenizer::Cl100kBase) => Self::Cl100kBase,
            Some(Tokenizer::P50kBase | Tokenizer::P50kEdit) => Self::P50kBase,
            Some(Tokenizer::R50kBase | Tokenizer::Gpt2) => Self::R50kBase,
            Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) | None => Self::O200kBase,
        }
    }

    /// Tokens of the text. What spells a special token is ordinary text.
    pub fn count(self, text: &str) -> i64 {
        let vocabulary = self.vocabulary();
        let count = |piece: &str| i64::try_from(vocabulary.encode_ordinary(piece).len()).unwrap_or(i64::MAX);
        pieces(text, PIECE_BYTES).into_iter().map(count).sum()
    }

    fn vocabulary(self) -> &'static CoreBPE {
        match self {
            Self::O200kBase => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
            Self::P50kBase => tiktoken_rs::p50k_base_singleton(),
            Self::R50kBase => tiktoken_rs::r50k_base_singleton(),
        }
    }
}

/// Tokens of a text by the model's encoding (special tokens count as ordinary text).
pub fn count_text(model: &str, text: &str) -> i64 {
    Encoding::for_model(model).count(text)
}

/// Past this a piece is cut where a cut changes nothing.
const PIECE_BYTES: usize = 64 << 10;
/// Longer runs of white space overflow the stack of the splitting expression.
const MAX_BLANKS: usize = 32 << 10;
/// Merging takes n·log n steps in the length of one word: even a text without any blank is cut here.
const MAX_PIECE: usize = 1 << 20;

/// Pieces that can be counted apart: the sum is that of the whole, give or take a token for each run of blanks or
/// letters longer than any text of people has.
fn pieces(text: &str, piece_bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut blanks) = (0, 0);
    // The two characters before.
    let (mut last, mut before_last) = (' ', ' ');
    for (at, character) in text.char_indices() {
        let length = at - start;
        // A line end after and before something visible always ends a token.
        let line_end = last == '\n' && !before_last.is_whitespace() && character.is_ascii_alphanumeric();
        if (length >= piece_bytes && line_end) || blanks >= MAX_BLANKS || length >= MAX_PIECE {
            pieces.push(&text[start..at]);
            (start, blanks) = (at, 0);
        }
        blanks = if character.is_whitespace() { blanks + 1 } else { 0 };
        (before_last, last) = (last, character);
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Encoding; 4] = [Encoding::O200kBase, Encoding::Cl100kBase, Encoding::P50kBase, Encoding::R50kBase];

    #[test]
    fn known_counts_are_met() {
        for (encoding, text, tokens) in [
            (Encoding::O200kBase, "tiktoken is great!", 6),
            (Encoding::Cl100kBase, "tiktoken is great!", 6),
            (Encoding::Cl100kBase, "antidisestablishmentarianism", 6),
            (Encoding::O200kBase, "antidisestablishmentarianism", 6),
            (Encoding::P50kBase, "antidisestablishmentarianism", 5),
            (Encoding::R50kBase, "antidisestablishmentarianism", 5),
            (Encoding::Cl100kBase, "2 + 2 = 4", 7),
            (Encoding::Cl100kBase, "お誕生日おめでとう", 9),
            (Encoding::O200kBase, "お誕生日おめでとう", 8),
            (Encoding::O200kBase, "", 0),
        ] {
            assert_eq!(encoding.count(text), tokens, "{encoding:?} {text}");
        }
    }

    #[test]
    fn what_spells_a_special_token_is_ordinary_text() {
        for encoding in ALL {
            assert!(encoding.count("<|endoftext|>") > 3, "{encoding:?}");
        }
    }

    #[test]
    fn models_have_the_encoding_that_openai_says() {
        for (model, encoding) in [
            ("gpt-4o-mini", Encoding::O200kBase),
            ("gpt-5-nano", Encoding::O200kBase),
            ("o3", Encoding::O200kBase),
            ("gpt-4", Encoding::Cl100kBase),
            ("gpt-4-0613", Encoding::Cl100kBase),
            ("openai/gpt-3.5-turbo", Encoding::Cl100kBase),
            ("text-embedding-3-small", Encoding::Cl100kBase),
            ("ft:gpt-4o-mini:acme::abc", Encoding::O200kBase),
            ("davinci", Encoding::R50kBase),
            ("claude-sonnet-4-5", Encoding::O200kBase),
        ] {
            assert_eq!(Encoding::for_model(model), encoding, "{model}");
        }
    }

    #[test]
    fn a_mebibyte_of_anything_is_counted() {
        for unit in ["a", " ", "\n", "\t ", "!", "漢", "aB"] {
            let text = unit.repeat((1 << 20) / unit.len());
            assert!(Encoding::O200kBase.count(&text) > 1_000, "{unit:?}");
        }
        assert!(Encoding::Cl100kBase.count(&(" ".repeat(1 << 20) + "x")) > 1_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_count_like_the_whole(lines in prop::collection::vec("[a-zA-Z0-9 .,(){}/'\t-]{0,20}[\r\n]{1,3}", 0..40)) {
            let text = lines.concat();
            let cut = pieces(&text, 16);
            prop_assert_eq!(cut.concat(), text.as_str());
            for encoding in ALL {
                let vocabulary = encoding.vocabulary();
                let sum: usize = cut.iter().map(|piece| vocabulary.encode_ordinary(piece).len()).sum();
                prop_assert_eq!(sum, vocabulary.encode_ordinary(&text).len());
            }
        }

        #[test]
        fn a_text_has_at_most_as_many_tokens_as_bytes(text in "\\PC{0,64}") {
            prop_assert!(Encoding::O200kBase.count(&text) <= i64::try_from(text.len()).unwrap());
        }
    }
}
