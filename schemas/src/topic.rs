//! The topics of the log. Stages meet here and nowhere else.

use std::fmt;
use std::sync::Arc;

/// A topic by meaning. Its physical name has the installation's prefix: `weir.requests`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Requests as the provider got them. Key: request id. Written by ingress.
    Requests,
    /// Answers as the client got them, piece by piece. Key: request id. Written by ingress.
    Chunks,
    /// Tokens as the provider counted them. Key: request id. Written by ingress.
    Usage,
    /// How each request ended: exactly one each. Key: request id. Written by ingress.
    Outcomes,
    /// What the recognizers saw. Key: request id. Written by the dlp processor.
    Findings,
    /// What each request cost. Key: request id. Written by the cost processor.
    Costs,
    /// What holders ask of a budget, and give back. Key: budget id. Written by ingress.
    QuotaIntents,
    /// What the grantor decided. Key: budget id. Written by the quota processor that owns the partition.
    QuotaGrants,
}

/// How a topic is cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// By age.
    Delete { retention_ms: i64 },
    /// Never: the state of a processor is the fold of this topic.
    Keep,
    /// The last value of each key stays.
    Compact,
}

const DAY_MS: i64 = 86_400_000;

impl Topic {
    pub const ALL: [Self; 8] = [
        Self::Requests,
        Self::Chunks,
        Self::Usage,
        Self::Outcomes,
        Self::Findings,
        Self::Costs,
        Self::QuotaIntents,
        Self::QuotaGrants,
    ];

    /// The name without the prefix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Chunks => "chunks",
            Self::Usage => "usage",
            Self::Outcomes => "outcomes",
            Self::Findings => "findings",
            Self::Costs => "costs",
            Self::QuotaIntents => "quota.intents",
            Self::QuotaGrants => "quota.grants",
        }
    }

    /// The physical name in an installation, such as `weir.requests`.
    pub fn name(self, prefix: &str) -> TopicName {
        TopicName::from(format!("{prefix}.{}", self.suffix()))
    }

    /// The topic that takes what a consumer of this one could not use: `weir.requests.dlq`.
    pub fn dead_letters(self, prefix: &str) -> TopicName {
        TopicName::from(format!("{prefix}.{}.dlq", self.suffix()))
    }

    pub const fn cleanup(self) -> Cleanup {
        match self {
            Self::QuotaIntents | Self::QuotaGrants => Cleanup::Keep,
            _ => Cleanup::Delete { retention_ms: 7 * DAY_MS },
        }
    }
}

/// A physical topic name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl From<String> for TopicName {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}
impl From<&str> for TopicName {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
