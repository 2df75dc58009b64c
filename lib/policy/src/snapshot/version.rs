//! The name of a snapshot: a hash of what it means, so that a comment or the order of the file changes nothing, and every
//! process that reads the same file gives the same name. Secrets are no part of it.

use sha2::{Digest, Sha256};

use super::Parts;
use crate::Scope;

/// 48 bits: a name for people to compare, not a proof.
const BYTES: usize = 6;

pub(super) fn of(parts: &Parts) -> String {
    let mut meaning = Meaning(Sha256::new());
    for provider in parts.providers.values() {
        let timeouts = [provider.connect_timeout, provider.header_timeout, provider.idle_timeout];
        let timeouts = timeouts.map(|timeout| timeout.as_millis().to_string());
        let keyed = provider.api_key.is_some().to_string();
        meaning.say("provider", [&provider.name, &provider.base_url, &keyed].into_iter().chain(&timeouts));
    }
    for model in parts.models.values() {
        let (tokens, free) = (model.max_output_tokens.to_string(), model.free.to_string());
        meaning.say("model", [&model.name, &model.provider.name, &model.upstream_model, &tokens, &free]);
    }
    let mut keys: Vec<_> = parts.keys.iter().collect();
    keys.sort_by_key(|(digest, _)| *digest);
    for (digest, key) in keys {
        let project = key.project.as_ref().map(|project| project.as_str()).unwrap_or_default();
        let app = key.app.as_deref().unwrap_or_default();
        let named = [&hex::encode(digest), key.id.as_str(), key.tenant.as_str(), key.team.as_str(), project, app];
        meaning.say("key", named.into_iter().chain(key.models.iter().map(String::as_str)));
    }
    for budget in &parts.budgets {
        let (scope, whose) = match &budget.scope {
            Scope::Team(team) => ("team", team.as_str()),
            Scope::Key(key) => ("key", key.as_str()),
        };
        meaning.say("budget", [budget.id.as_str(), scope, whose, &budget.limit.to_string(), budget.window.as_str()]);
    }
    let guardrails = &parts.guardrails;
    meaning.say("guardrails", [guardrails.default.as_str(), &guardrails.min_score.to_string()]);
    for (name, action) in &guardrails.by_category {
        meaning.say("category", [name.as_str(), action.as_str()]);
    }
    for (name, action) in &guardrails.by_kind {
        meaning.say("kind", [name.as_str(), action.as_str()]);
    }
    meaning.say("prices", [parts.prices.version()]);
    hex::encode(&meaning.0.finalize()[..BYTES])
}

struct Meaning(Sha256);

impl Meaning {
    /// Each word with its length, so that no two meanings run together.
    fn say(&mut self, what: &str, words: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut word = |text: &str| {
            self.0.update(text.len().to_be_bytes());
            self.0.update(text.as_bytes());
        };
        word(what);
        let mut count: u64 = 0;
        for text in words {
            word(text.as_ref());
            count += 1;
        }
        self.0.update(count.to_be_bytes());
    }
}
