use std::fmt;

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub column: usize,
    /// dotted path, such as `providers[1].base_url`; empty where the text is no TOML
    pub at: String,
    pub what: String,
}

/// `12:5: providers[0].base_url: …`, to stand behind the file's name.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, at, what } = self;
        match at.as_str() {
            "" => write!(f, "{line}:{column}: {what}"),
            at => write!(f, "{line}:{column}: {at}: {what}"),
        }
    }
}

/// All mistakes of a configuration together, in order of line.
#[derive(Debug, thiserror::Error)]
#[error("configuration has {} mistake(s)", .0.len())]
pub struct Mistakes(pub Vec<Mistake>);
