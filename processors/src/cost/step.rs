//! Usage and prices in, cost out. Pure.

use weir_pricing::{PriceTable, count_chat_input, count_text};
use weir_schemas::event::{TokenCounts, Uncounted, UsageSource};
use weir_schemas::{Cost, Usage};

use super::config::MAX_COUNTED_BYTES;
use crate::runtime::Poison;

pub(super) fn cost_of(usage: &Usage, prices: &PriceTable) -> Result<Cost, Poison> {
    let at = usage.header.event_time;
    let upstream = upstream_model(&usage.deployment);
    // The most exact name first: an alias of the client's or a dated name of the provider's may have a price of its own.
    let names = [usage.response_model.as_deref(), Some(usage.request_model.as_str()), upstream];
    let names = || names.into_iter().flatten().filter(|name| !name.is_empty());

    let tokens = match (usage.source, &usage.uncounted) {
        (UsageSource::Estimated, Some(texts)) => {
            let model = upstream.or(names().next()).unwrap_or_default();
            counted(model, texts, usage.tokens)
        }
        _ => usage.tokens,
    };
    checked(&tokens)?;

    let priced = names().find(|name| prices.has_price(name, at));
    let cost = match priced {
        Some(model) => prices
            .cost(model, usage.tier.as_deref(), &tokens, at)
            .map_err(|error| Poison(format!("cost cannot be computed: {error}")))?,
        None => None,
    };
    Ok(Cost {
        header: usage.header.derive("cost"),
        team: usage.team.clone(),
        project: usage.project.clone(),
        user_id: usage.user_id.clone(),
        key_id: usage.key_id.clone(),
        provider: usage.provider.clone(),
        deployment: usage.deployment.clone(),
        request_model: usage.request_model.clone(),
        response_model: usage.response_model.clone(),
        source: usage.source,
        tokens,
        price_version: cost.map(|_| prices.version().to_owned()),
        cost,
    })
}

/// The deployment `PROVIDER/MODEL` names the model as the provider knows it; the model's own name may hold slashes.
fn upstream_model(deployment: &str) -> Option<&str> {
    deployment.split_once('/').map(|(_, model)| model)
}

fn counted(model: &str, texts: &Uncounted, said: TokenCounts) -> TokenCounts {
    let (input, input_whole) = beginning(&texts.input, texts.input_bytes);
    let whole_body = input_whole.then(|| serde_json::from_str(input).ok()).flatten();
    let input_tokens = match whole_body {
        Some(body) => count_chat_input(model, &body),
        // What is left of a cut body is no JSON; its text is counted instead, punctuation and all.
        None => scaled(count_text(model, input), input.len(), texts.input_bytes),
    };
    let (output, _) = beginning(&texts.output, texts.output_bytes);
    let output_tokens = scaled(count_text(model, output), output.len(), texts.output_bytes);
    TokenCounts { input_tokens, output_tokens, ..said }
}

/// What is counted of a text, and whether that is all of it.
fn beginning(text: &str, true_bytes: i64) -> (&str, bool) {
    let kept = &text[..text.floor_char_boundary(MAX_COUNTED_BYTES)];
    (kept, i64::try_from(kept.len()).is_ok_and(|kept| kept >= true_bytes))
}

/// `tokens` of `counted_bytes`, for `true_bytes`; rounded up, since an estimate is a bound for whoever pays.
fn scaled(tokens: i64, counted_bytes: usize, true_bytes: i64) -> i64 {
    let Ok(counted_bytes) = i128::try_from(counted_bytes) else { return tokens };
    let true_bytes = i128::from(true_bytes);
    if counted_bytes == 0 || true_bytes <= counted_bytes {
        return tokens;
    }
    let exact = (i128::from(tokens) * true_bytes + counted_bytes - 1) / counted_bytes;
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// Tokens are never negative; such a usage would lower somebody's bill.
fn checked(tokens: &TokenCounts) -> Result<(), Poison> {
    let all = [
        tokens.input_tokens,
        tokens.output_tokens,
        tokens.cache_read_input_tokens,
        tokens.cache_creation_input_tokens,
        tokens.reasoning_tokens,
    ];
    if all.iter().any(|count| *count < 0) {
        return Err(Poison("a token count is negative".to_owned()));
    }
    Ok(())
}
