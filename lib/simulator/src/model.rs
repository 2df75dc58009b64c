//! The models: each stands for one way in which a provider behaves.

/// A model of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Answers at once, with usage as short as a compatible server gives it.
    Small,
    /// Answers at once, with cached and reasoning tokens in the details of its usage.
    Large,
    /// Always 500.
    Fail,
    /// Always 429 with `retry-after`.
    Overloaded,
    /// Waits before the first byte and between events.
    Slow,
    /// Never gives usage, even where it was asked for.
    NoUsage,
    /// The connection breaks half way through the body.
    Broken,
    /// The stream ends cleanly half way: no finish reason, no `[DONE]`.
    Truncated,
    /// Answers with the text of the last user message.
    Echo,
    /// Answers 200 with bytes that are no answer: malformed events, or half a JSON object.
    Garbage,
}

impl Model {
    pub const ALL: [Self; 10] = [
        Self::Small,
        Self::Large,
        Self::Fail,
        Self::Overloaded,
        Self::Slow,
        Self::NoUsage,
        Self::Broken,
        Self::Truncated,
        Self::Echo,
        Self::Garbage,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "sim-small",
            Self::Large => "sim-large",
            Self::Fail => "sim-fail",
            Self::Overloaded => "sim-overloaded",
            Self::Slow => "sim-slow",
            Self::NoUsage => "sim-nousage",
            Self::Broken => "sim-broken",
            Self::Truncated => "sim-truncated",
            Self::Echo => "sim-echo",
            Self::Garbage => "sim-garbage",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_found_by_its_name() {
        for model in Model::ALL {
            assert_eq!(Model::named(model.name()), Some(model));
        }
        assert_eq!(Model::named("sim-Small"), None);
    }
}
