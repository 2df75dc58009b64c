/// Why a set of recognizers cannot be compiled. Never about a text: every text can be scanned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("recognizer {recognizer}: the pattern is not valid: {why}")]
    Pattern { recognizer: &'static str, why: String },
    #[error("recognizer {recognizer}: a match could stay undecided for {longest:?} bytes, more than {limit}")]
    Unbounded { recognizer: &'static str, longest: Option<usize>, limit: usize },
    #[error("recognizer {recognizer}: a match may begin inside a character")]
    NotAscii { recognizer: &'static str },
    #[error("more than {limit} recognizers")]
    TooMany { limit: usize },
}
