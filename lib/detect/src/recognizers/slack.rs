//! Slack's tokens and incoming webhooks.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer, certain};

pub(crate) const TOKEN: Recognizer = Recognizer {
    name: "slack_token",
    kind: "slack_token",
    category: Category::Secret,
    pattern: r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check,
    tail: None,
    positive: &[(
        "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    )],
    negative: &["xoxb-token-here-please", "xoxo-love", "xoxb-"],
};

pub(crate) const WEBHOOK: Recognizer = Recognizer {
    name: "slack_webhook",
    kind: "slack_webhook_url",
    category: Category::Secret,
    pattern: r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,120}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD.with(b"/"),
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[(
        "POST https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    )],
    negative: &["https://hooks.slack.com/services/", "https://slack.com/services/T00000000/B00000000/XXXXXXXX"],
};

/// Real ones carry numbers: a placeholder of words does not.
fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    (candidate.digits().count() >= 4).then_some(Hit::whole(0.95))
}
