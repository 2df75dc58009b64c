//! Providers' usage objects, brought to disjoint buckets.

use serde_json::Value;

use crate::bill::Bill;
use crate::error::Error;

/// Whose usage object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageFormat {
    /// Chat completions: cached and audio tokens are part of `prompt_tokens`, reasoning of `completion_tokens`.
    OpenAi,
    /// Responses: the same with `input_tokens` and `output_tokens`.
    Responses,
    /// Messages: `input_tokens` is what was neither read from nor written to the cache.
    Anthropic,
    /// `usageMetadata`: thoughts are output beside the candidates, cached tokens part of the prompt.
    Gemini,
}

impl UsageFormat {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "openai" => Some(Self::OpenAi),
            "responses" => Some(Self::Responses),
            "anthropic" => Some(Self::Anthropic),
            "gemini" => Some(Self::Gemini),
            _ => None,
        }
    }

    /// What the usage object says is billed.
    pub fn bill(self, usage: &Value) -> Result<Bill, Error> {
        if !usage.is_object() {
            return Err(Error::Usage("not an object".into()));
        }
        let get = |pointer: &str| count(usage, pointer);
        match self {
            Self::OpenAi => Ok(openai(&Parts {
                input: get("/prompt_tokens")?,
                cached: get("/prompt_tokens_details/cached_tokens")?,
                written: get("/prompt_tokens_details/cache_creation_tokens")?
                    .max(get("/prompt_tokens_details/cache_write_tokens")?),
                audio_input: get("/prompt_tokens_details/audio_tokens")?,
                output: get("/completion_tokens")?,
                reasoning: get("/completion_tokens_details/reasoning_tokens")?,
                audio_output: get("/completion_tokens_details/audio_tokens")?,
            })),
            Self::Responses => Ok(openai(&Parts {
                input: get("/input_tokens")?,
                cached: get("/input_tokens_details/cached_tokens")?,
                written: get("/input_tokens_details/cache_write_tokens")?,
                audio_input: get("/input_tokens_details/audio_tokens")?,
                output: get("/output_tokens")?,
                reasoning: get("/output_tokens_details/reasoning_tokens")?,
                audio_output: get("/output_tokens_details/audio_tokens")?,
            })),
            Self::Anthropic => anthropic(usage),
            Self::Gemini => gemini(usage),
        }
    }
}

struct Parts {
    input: i64,
    cached: i64,
    written: i64,
    audio_input: i64,
    output: i64,
    reasoning: i64,
    audio_output: i64,
}

/// Takes the parts out of their wholes; a part larger than its whole is cut to it.
fn openai(parts: &Parts) -> Bill {
    let cache_read = parts.cached.min(parts.input);
    let cache_write = parts.written.min(parts.input - cache_read);
    let audio_input = parts.audio_input.min(parts.input - cache_read - cache_write);
    let reasoning = parts.reasoning.min(parts.output);
    let audio_output = parts.audio_output.min(parts.output - reasoning);
    Bill {
        prompt_tokens: parts.input,
        input: parts.input - cache_read - cache_write - audio_input,
        cache_read,
        cache_write,
        audio_input,
        output: parts.output - reasoning - audio_output,
        reasoning,
        audio_output,
        ..Bill::default()
    }
}

fn anthropic(usage: &Value) -> Result<Bill, Error> {
    let get = |pointer: &str| count(usage, pointer);
    let input = get("/input_tokens")?;
    let cache_read = get("/cache_read_input_tokens")?;
    let five_minutes = get("/cache_creation/ephemeral_5m_input_tokens")?;
    let cache_write_hour = get("/cache_creation/ephemeral_1h_input_tokens")?;
    // The total is the sum of both lives; without them it is all of the short one.
    let cache_write = get("/cache_creation_input_tokens")?.saturating_sub(cache_write_hour).max(five_minutes);
    let prompt_tokens =
        [cache_read, cache_write, cache_write_hour].into_iter().fold(input, |sum, tokens| sum.saturating_add(tokens));
    Ok(Bill {
        prompt_tokens,
        input,
        cache_read,
        cache_write,
        cache_write_hour,
        output: get("/output_tokens")?,
        ..Bill::default()
    })
}

fn gemini(usage: &Value) -> Result<Bill, Error> {
    let get = |pointer: &str| count(usage, pointer);
    // What tools brought in is input of its own.
    let prompt = get("/promptTokenCount")?.saturating_add(get("/toolUsePromptTokenCount")?);
    let cache_read = get("/cachedContentTokenCount")?.min(prompt);
    let audio_cached = by_modality(usage, "/cacheTokensDetails", "AUDIO")?;
    let audio = by_modality(usage, "/promptTokensDetails", "AUDIO")?.saturating_sub(audio_cached);
    let audio_input = audio.clamp(0, prompt - cache_read);
    let candidates = get("/candidatesTokenCount")?;
    let image_output = by_modality(usage, "/candidatesTokensDetails", "IMAGE")?.min(candidates);
    let audio_output = by_modality(usage, "/candidatesTokensDetails", "AUDIO")?.min(candidates - image_output);
    Ok(Bill {
        prompt_tokens: prompt,
        input: prompt - cache_read - audio_input,
        cache_read,
        audio_input,
        output: candidates - image_output - audio_output,
        reasoning: get("/thoughtsTokenCount")?,
        audio_output,
        image_output,
        ..Bill::default()
    })
}

fn by_modality(usage: &Value, pointer: &str, modality: &str) -> Result<i64, Error> {
    let Some(Value::Array(parts)) = usage.pointer(pointer) else { return Ok(0) };
    let of_modality = parts.iter().filter(|part| part.get("modality").and_then(Value::as_str) == Some(modality));
    of_modality.map(|part| count(part, "/tokenCount")).try_fold(0_i64, |sum, tokens| Ok(sum.saturating_add(tokens?)))
}

/// A count of tokens; what is missing or null is zero.
fn count(usage: &Value, pointer: &str) -> Result<i64, Error> {
    match usage.pointer(pointer) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value
            .as_i64()
            .filter(|tokens| *tokens >= 0)
            .ok_or_else(|| Error::Usage(format!("{pointer} is not a count of tokens"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn openai_counts_parts_within_their_wholes() {
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 10}});
        let expected = Bill {
            prompt_tokens: 100,
            input: 35,
            cache_read: 60,
            audio_input: 5,
            output: 20,
            reasoning: 20,
            audio_output: 10,
            ..Bill::default()
        };
        assert_eq!(UsageFormat::OpenAi.bill(&usage).unwrap(), expected);
    }

    #[test]
    fn anthropic_counts_the_cache_beside_the_input() {
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}, "output_tokens": 7});
        let expected = Bill {
            prompt_tokens: 1310,
            input: 10,
            cache_read: 1000,
            cache_write: 100,
            cache_write_hour: 200,
            output: 7,
            ..Bill::default()
        };
        assert_eq!(UsageFormat::Anthropic.bill(&usage).unwrap(), expected);
    }

    #[test]
    fn gemini_counts_thoughts_beside_the_candidates() {
        let usage = json!({"promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 10,
            "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 5, "totalTokenCount": 145});
        let expected =
            Bill { prompt_tokens: 105, input: 65, cache_read: 40, output: 10, reasoning: 30, ..Bill::default() };
        assert_eq!(UsageFormat::Gemini.bill(&usage).unwrap(), expected);
    }

    #[test]
    fn what_is_no_count_is_refused() {
        for usage in
            [json!({"prompt_tokens": "12"}), json!({"prompt_tokens": -1}), json!({"prompt_tokens": 1.5}), json!([])]
        {
            assert!(UsageFormat::OpenAi.bill(&usage).is_err(), "{usage}");
        }
    }
}
