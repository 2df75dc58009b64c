//! What a scan finds.

/// The families of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    Pii,
    Secret,
    Code,
    PromptAttack,
    Custom,
}

impl Category {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secret => "secret",
            Self::Code => "code",
            Self::PromptAttack => "prompt_attack",
            Self::Custom => "custom",
        }
    }
}

/// At this score and above Weir acts by default. The builtin recognizers report nothing below it.
pub const ACT_SCORE: f64 = 0.5;

/// One match: a span of UTF-8 bytes of the raw text. Never the text itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub recognizer: &'static str,
    /// `EMAIL_ADDRESS`, `aws_access_key_id` …
    pub kind: &'static str,
    pub category: Category,
    pub start: usize,
    pub end: usize,
    /// 0 to 1; at [`ACT_SCORE`] and above Weir acts by default.
    pub score: f64,
}

impl Match {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
    pub(crate) fn length(&self) -> usize {
        self.end - self.start
    }
}
