//! What is billed of one call.

use weir_schemas::event::TokenCounts;

use crate::error::Error;
use crate::exact::Exact;
use crate::rates::{Item, Rates, Tier};

/// Tokens in disjoint buckets: each is billed once. Negative counts are taken for zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// The whole prompt, which decides about long-context prices; cached tokens included.
    pub prompt_tokens: i64,
    pub input: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    pub cache_write_hour: i64,
    pub audio_input: i64,
    pub output: i64,
    pub reasoning: i64,
    pub audio_output: i64,
    pub image_output: i64,
}

impl Bill {
    fn items(&self) -> [(Item, i64); 9] {
        [
            (Item::Input, self.input),
            (Item::CacheRead, self.cache_read),
            (Item::CacheWrite, self.cache_write),
            (Item::CacheWriteHour, self.cache_write_hour),
            (Item::AudioInput, self.audio_input),
            (Item::Output, self.output),
            (Item::Reasoning, self.reasoning),
            (Item::AudioOutput, self.audio_output),
            (Item::ImageOutput, self.image_output),
        ]
    }

    /// The exact sum; `None` where something that was used has no price.
    pub(crate) fn total(&self, rates: &Rates, tier: Tier) -> Result<Option<Exact>, Error> {
        let mut total = Exact::ZERO;
        for (item, tokens) in self.items().into_iter().filter(|(_, tokens)| *tokens > 0) {
            let Some(price) = rates.price(item, tier, self.prompt_tokens) else { return Ok(None) };
            total = total.plus(price.times(tokens)?)?;
        }
        Ok(Some(total))
    }
}

/// Cached tokens are part of the input and reasoning tokens of the output, as the events have them.
impl From<&TokenCounts> for Bill {
    fn from(tokens: &TokenCounts) -> Self {
        let prompt_tokens = tokens.input_tokens.max(0);
        let cache_read = tokens.cache_read_input_tokens.clamp(0, prompt_tokens);
        let cache_write = tokens.cache_creation_input_tokens.clamp(0, prompt_tokens - cache_read);
        let output = tokens.output_tokens.max(0);
        let reasoning = tokens.reasoning_tokens.clamp(0, output);
        Self {
            prompt_tokens,
            input: prompt_tokens - cache_read - cache_write,
            cache_read,
            cache_write,
            output: output - reasoning,
            reasoning,
            ..Self::default()
        }
    }
}
