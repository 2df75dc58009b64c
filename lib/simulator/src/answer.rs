//! What is answered, in how many pieces, and how many tokens that is. Pure: it follows from the request alone.

use crate::directive::Directive;
use crate::model::Model;

/// Words of which answers are made: plain, and none a name or a number.
const WORDS: [&str; 64] = [
    "water",
    "river",
    "stone",
    "level",
    "gate",
    "slow",
    "clear",
    "bridge",
    "meadow",
    "flow",
    "measure",
    "bank",
    "reed",
    "mill",
    "wheel",
    "rain",
    "spring",
    "summer",
    "autumn",
    "winter",
    "field",
    "path",
    "cloud",
    "morning",
    "evening",
    "light",
    "shadow",
    "deep",
    "narrow",
    "wide",
    "gentle",
    "steady",
    "rising",
    "falling",
    "under",
    "over",
    "through",
    "along",
    "and",
    "the",
    "of",
    "near",
    "beyond",
    "between",
    "always",
    "often",
    "never",
    "sometimes",
    "quiet",
    "green",
    "silver",
    "grey",
    "north",
    "south",
    "east",
    "west",
    "boat",
    "heron",
    "willow",
    "pebble",
    "current",
    "pool",
    "dam",
    "stream",
];

/// Words of an answer whose request does not say: from 12 to 43.
const SHORTEST: usize = 12;
const SPREAD: u64 = 32;

/// Token counts of one call, as a provider bills them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tokens {
    pub prompt: u64,
    /// Includes `reasoning`.
    pub completion: u64,
    /// Part of `prompt`.
    pub cached: u64,
    pub reasoning: u64,
}

impl Tokens {
    pub fn total(&self) -> u64 {
        self.prompt + self.completion
    }
}

/// Words: runs of characters other than white space. One is one token.
pub fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// A number that follows from texts and their order (FNV-1a, then mixed).
pub fn seed<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // A byte that UTF-8 never has parts the texts.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    mix(hash)
}

/// The finaliser of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The text of `words` words that follows from a seed; it begins with the nonce where there is one.
pub fn text(seed: u64, words: usize, nonce: Option<&str>) -> String {
    let mut out = String::with_capacity(words * 7);
    let mut state = seed;
    for i in 0..words {
        if i > 0 {
            out.push(' ');
        }
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        match nonce {
            Some(nonce) if i == 0 => out.push_str(nonce),
            _ => out.push_str(WORDS[(mix(state) % WORDS.len() as u64) as usize]),
        }
    }
    out
}

/// The text that a directive with a nonce calls for: what a load generator compares with.
pub fn expected(nonce: &str, chunks: usize) -> String {
    text(seed([nonce]), chunks, Some(nonce))
}

/// What of a request decides the answer.
pub struct Ask<'a> {
    pub model: Model,
    /// Text of every message in order, role and text.
    pub messages: &'a [(String, String)],
    pub directive: Option<&'a Directive>,
    /// Bound on completion tokens.
    pub max_tokens: Option<u64>,
    /// Choices wanted.
    pub choices: usize,
}

/// One answer, possibly of several choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub choices: Vec<Choice>,
    pub tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    /// Where each piece ends in the text; the last end is the text's.
    pub ends: Vec<usize>,
    /// The bound on tokens cut it short.
    pub cut: bool,
}

impl Choice {
    pub fn piece(&self, i: usize) -> &str {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start..self.ends[i]]
    }
}

/// Decides the answer.
pub fn answer(ask: &Ask<'_>) -> Answer {
    let prompt = ask.messages.iter().map(|(_, text)| count(text)).sum();
    let nonce = ask.directive.and_then(|d| d.nonce.as_deref());
    let base = match nonce {
        Some(nonce) => seed([nonce]),
        None => seed(ask.messages.iter().flat_map(|(role, text)| [role.as_str(), text]).chain([ask.model.name()])),
    };
    let mut tokens = Tokens { prompt, ..Tokens::default() };
    if ask.model == Model::Large {
        tokens.cached = prompt / 2;
        tokens.reasoning = (4 + base % 9).min(ask.max_tokens.unwrap_or(u64::MAX));
    }
    tokens.completion = tokens.reasoning;
    let mut choices = Vec::with_capacity(ask.choices);
    for i in 0..ask.choices {
        // Choices share the bound on tokens by each having it, as at the provider that this imitates.
        let room = ask.max_tokens.map(|max| max.saturating_sub(tokens.reasoning));
        let choice = choice(ask, base.wrapping_add(i as u64), nonce, room);
        tokens.completion += count(&choice.text);
        choices.push(choice);
    }
    Answer { choices, tokens }
}

fn choice(ask: &Ask<'_>, seed: u64, nonce: Option<&str>, room: Option<u64>) -> Choice {
    let wanted = ask.directive.and_then(|d| d.chunks);
    let room = room.map_or(usize::MAX, |r| usize::try_from(r).unwrap_or(usize::MAX));
    if ask.model == Model::Echo {
        let last = ask.messages.iter().rev().find(|(role, _)| role == "user").map_or("", |(_, text)| text);
        let (text, cut) = first_words(last, room);
        let ends = wanted.map_or_else(|| word_ends(text), |pieces| even_ends(text, pieces));
        return Choice { text: text.to_owned(), ends, cut };
    }
    let words = wanted.unwrap_or(SHORTEST + (mix(seed) % SPREAD) as usize);
    let text = text(seed, words.min(room), nonce);
    let ends = word_ends(&text);
    Choice { text, ends, cut: words > room }
}

/// The beginning of a text that has at most so many words, and whether something was left off.
fn first_words(text: &str, words: usize) -> (&str, bool) {
    let mut rest = text;
    for _ in 0..words {
        let word = rest.trim_start();
        if word.is_empty() {
            return (text, false);
        }
        rest = &word[word.find(char::is_whitespace).unwrap_or(word.len())..];
    }
    if rest.trim_start().is_empty() { (text, false) } else { (&text[..text.len() - rest.len()], true) }
}

/// One piece a word, with the white space before it; what follows the last word belongs to its piece.
fn word_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word && c.is_whitespace() {
            ends.push(at);
        }
        in_word = !c.is_whitespace();
    }
    match ends.last_mut() {
        Some(last) if !in_word => *last = text.len(),
        _ if !text.is_empty() => ends.push(text.len()),
        _ => {}
    }
    ends
}

/// So many pieces of about as many characters each; fewer where the text has fewer characters.
fn even_ends(text: &str, pieces: usize) -> Vec<usize> {
    let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]).collect();
    if text.is_empty() {
        return Vec::new();
    }
    let pieces = pieces.min(borders.len());
    (1..=pieces).map(|i| borders[i * borders.len() / pieces - 1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(model: Model, text: &str, directive: Option<&Directive>, max_tokens: Option<u64>) -> Answer {
        let messages = [("system".to_owned(), "be brief".to_owned()), ("user".to_owned(), text.to_owned())];
        answer(&Ask { model, messages: &messages, directive, max_tokens, choices: 1 })
    }

    fn pieces(choice: &Choice) -> Vec<&str> {
        (0..choice.ends.len()).map(|i| choice.piece(i)).collect()
    }

    #[test]
    fn the_same_request_gets_the_same_answer_and_another_gets_another() {
        let first = ask(Model::Small, "hello there", None, None);
        assert_eq!(first, ask(Model::Small, "hello there", None, None));
        assert_ne!(first.choices, ask(Model::Small, "hello  you", None, None).choices);
        assert_eq!(first.tokens.prompt, 4);
        assert_eq!(first.tokens.completion, count(&first.choices[0].text));
        assert!(!first.choices[0].cut);
    }

    #[test]
    fn a_bound_on_tokens_cuts_the_answer_and_counts_reasoning() {
        let short = ask(Model::Small, "hello", None, Some(3));
        assert_eq!((short.tokens.completion, short.choices[0].cut), (3, true));
        let large = ask(Model::Large, "a b c d", None, Some(14));
        assert_eq!((large.tokens.completion, large.tokens.cached), (14, 3));
        assert!(large.tokens.reasoning >= 4 && large.choices[0].cut);
        let only_thought = ask(Model::Large, "a", None, Some(1));
        assert_eq!((only_thought.tokens.reasoning, only_thought.choices[0].text.as_str()), (1, ""));
    }

    #[test]
    fn a_nonce_alone_decides_the_words() {
        let directive = Directive { nonce: Some("qrx".into()), chunks: Some(5), ..Directive::default() };
        let answer = ask(Model::Small, "@sim n=qrx c=5", Some(&directive), None);
        assert_eq!(answer.choices[0].text, expected("qrx", 5));
        assert_eq!(pieces(&answer.choices[0]).len(), 5);
        assert!(answer.choices[0].text.starts_with("qrx "));
    }

    #[test]
    fn an_echo_is_the_text_itself_cut_where_asked() {
        let text = " kept  as\nit is \n";
        let by_word = ask(Model::Echo, text, None, None);
        assert_eq!(by_word.choices[0].text, text);
        assert_eq!(pieces(&by_word.choices[0]), [" kept", "  as", "\nit", " is \n"]);
        let directive = Directive { chunks: Some(3), ..Directive::default() };
        let even = ask(Model::Echo, "äöü1234", Some(&directive), None);
        assert_eq!(pieces(&even.choices[0]), ["äö", "ü1", "234"]);
        let bounded = ask(Model::Echo, "one two three", None, Some(2));
        assert_eq!((bounded.choices[0].text.as_str(), bounded.choices[0].cut), ("one two", true));
        assert_eq!(ask(Model::Echo, "one two ", None, Some(2)).choices[0].text, "one two ");
    }

    proptest::proptest! {
        #[test]
        fn pieces_make_the_whole_and_none_is_empty(text in "[a-c \n\u{e9}]{0,30}", cut in 1_usize..12) {
            for ends in [word_ends(&text), even_ends(&text, cut)] {
                let choice = Choice { text: text.clone(), ends, cut: false };
                proptest::prop_assert_eq!(pieces(&choice).concat(), text.clone());
                proptest::prop_assert!(pieces(&choice).iter().all(|p| !p.is_empty()));
            }
        }
    }
}
