//! Text in, findings out, also across chunk borders. Pure: no clock, no I/O, no configuration format.

/// `pii`, `secret` …: the families of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category { Pii, Secret, Code, PromptAttack, Custom }

impl Category {
    pub const fn as_str(self) -> &'static str {
        match self { Self::Pii => "pii", Self::Secret => "secret", Self::Code => "code", Self::PromptAttack => "prompt_attack", Self::Custom => "custom" }
    }
}

/// One match: UTF-8 byte span of the raw text. Never the text itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub recognizer: &'static str,
    /// `EMAIL_ADDRESS`, `aws_access_key_id` …
    pub kind: &'static str,
    pub category: Category,
    pub start: usize,
    pub end: usize,
    /// 0 to 1; at 0.5 and above Weir acts by default.
    pub score: f64,
}

/// The compiled recognizers. Cheap to clone.
#[derive(Clone)]
pub struct Detector;

impl Detector {
    /// Every recognizer that ships with Weir.
    pub fn builtin() -> Self { Self }
    /// All matches, by start, overlaps resolved (higher score, then longer, wins).
    pub fn scan(&self, _text: &str) -> Vec<Match> { unimplemented!() }
    /// A scanner over text that arrives in pieces: what it releases does not depend on how it was cut.
    pub fn stream(&self) -> Stream { unimplemented!() }
}

/// The text with each match replaced by its placeholder, such as `<EMAIL_ADDRESS>`.
pub fn redact(_text: &str, _matches: &[Match]) -> String { unimplemented!() }

/// How much the text looks like a prompt injection or jailbreak: 0 to 1.
pub fn injection_score(_text: &str) -> f64 { 0.0 }

pub struct Stream;

/// What a push lets go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Released {
    /// Text that no present or future match covers, with placeholders for what matched.
    pub text: String,
    /// Matches completed by this push; offsets count from the stream's start, in the raw text.
    pub matches: Vec<Match>,
}

impl Stream {
    pub fn push(&mut self, _piece: &str) -> Released { unimplemented!() }
    /// The end of the text: nothing is held back any more.
    pub fn finish(self) -> Released { unimplemented!() }
    pub fn held_bytes(&self) -> usize { 0 }
}
