//! The usage object of a chat answer.

use serde::Deserialize;
use weir_schemas::event::TokenCounts;

/// Tokens as the provider reports them. What it leaves out is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UsageReport {
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    cache_creation_input_tokens: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<i64>,
    cache_creation_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    audio_tokens: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<i64>,
    audio_tokens: Option<i64>,
}

impl UsageReport {
    /// The counts; `None` where the report does not say what was read and written, cannot be true, or counts audio, which
    /// has a price of its own and no count here: what it cost is then an estimate, and says so.
    pub fn tokens(&self) -> Option<TokenCounts> {
        let prompt = self.prompt_tokens_details.clone().unwrap_or_default();
        let completion = self.completion_tokens_details.clone().unwrap_or_default();
        if [prompt.audio_tokens, completion.audio_tokens].into_iter().flatten().any(|audio| audio != 0) {
            return None;
        }
        // Providers differ in where they say it.
        let written = [self.cache_creation_input_tokens, prompt.cache_creation_tokens, prompt.cache_write_tokens];
        let tokens = TokenCounts {
            input_tokens: self.prompt_tokens?,
            output_tokens: self.completion_tokens.unwrap_or(0),
            cache_read_input_tokens: prompt.cached_tokens.unwrap_or(0),
            cache_creation_input_tokens: written.into_iter().flatten().max().unwrap_or(0),
            reasoning_tokens: completion.reasoning_tokens.unwrap_or(0),
        };
        let cached = tokens.cache_read_input_tokens.checked_add(tokens.cache_creation_input_tokens)?;
        let parts = [tokens.cache_read_input_tokens, tokens.cache_creation_input_tokens, tokens.reasoning_tokens];
        let can_be = tokens.output_tokens >= 0
            && parts.iter().all(|part| *part >= 0)
            && cached <= tokens.input_tokens
            && tokens.reasoning_tokens <= tokens.output_tokens;
        can_be.then_some(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Option<TokenCounts> {
        serde_json::from_str::<UsageReport>(text).unwrap().tokens()
    }

    #[test]
    fn cached_and_reasoning_tokens_are_parts() {
        let got = tokens(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":3}}"#,
        );
        let wanted = TokenCounts {
            input_tokens: 10,
            output_tokens: 5,
            cache_read_input_tokens: 4,
            reasoning_tokens: 3,
            ..TokenCounts::default()
        };
        assert_eq!(got, Some(wanted));
    }

    #[test]
    fn what_was_written_to_the_cache_is_read_wherever_a_provider_says_it() {
        for place in [
            r#""cache_creation_input_tokens":4"#,
            r#""prompt_tokens_details":{"cache_creation_tokens":4}"#,
            r#""prompt_tokens_details":{"cache_write_tokens":4,"cache_creation_tokens":null}"#,
        ] {
            let got = tokens(&format!(r#"{{"prompt_tokens":10,{place}}}"#)).unwrap();
            assert_eq!((got.input_tokens, got.cache_creation_input_tokens), (10, 4), "{place}");
        }
    }

    #[test]
    fn audio_has_a_price_of_its_own_so_that_its_report_is_none() {
        assert_eq!(tokens(r#"{"prompt_tokens":9,"prompt_tokens_details":{"audio_tokens":3}}"#), None);
        let spoken = r#"{"prompt_tokens":9,"completion_tokens":5,"completion_tokens_details":{"audio_tokens":3}}"#;
        assert_eq!(tokens(spoken), None);
    }

    #[test]
    fn nulls_and_gaps_are_zero_and_nonsense_is_no_report() {
        assert!(tokens(r#"{"prompt_tokens":1,"completion_tokens":null,"prompt_tokens_details":null}"#).is_some());
        assert_eq!(tokens("{}"), None);
        assert_eq!(tokens(r#"{"prompt_tokens":-1}"#), None);
        assert_eq!(tokens(r#"{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}"#), None);
        assert_eq!(
            tokens(r#"{"prompt_tokens":1,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#),
            None
        );
    }
}
