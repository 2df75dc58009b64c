use serde::{Deserialize, Serialize};

use super::{Event, Header, Origin};
use crate::ids::{KeyId, ProjectId, TeamId, UserId};
use crate::money::Money;
use crate::topic::Topic;

/// What one request cost: derived from its [`super::Usage`], with that event's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub header: Header,
    pub team: TeamId,
    pub project: Option<ProjectId>,
    pub user_id: Option<UserId>,
    pub key_id: KeyId,
    pub provider: String,
    pub deployment: String,
    pub request_model: String,
    pub response_model: Option<String>,
    /// `estimated` where the provider gave no usage and Weir counted.
    pub source: UsageSource,
    pub tokens: TokenCounts,
    /// Exact, in pico-dollars; null where the model has no price.
    #[serde(rename = "cost_picousd")]
    pub cost: Option<Money>,
    /// The price table's version; null where the model has no price.
    pub price_version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider said it.
    Provider,
    /// The provider did not; Weir counted.
    Estimated,
}

impl UsageSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
        }
    }
}

/// Tokens of one call. The cached ones are part of the input, the reasoning ones part of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    #[doc(alias = "prompt_tokens")]
    pub input_tokens: i64,
    #[doc(alias = "completion_tokens")]
    pub output_tokens: i64,
    #[doc(alias = "cached_tokens")]
    pub cache_read_input_tokens: i64,
    pub cache_creation_input_tokens: i64,
    pub reasoning_tokens: i64,
}

impl Event for Cost {
    const TOPIC: Topic = Topic::Costs;
    const RECORD: &'static str = "weir.Cost";
    const AVSC: &'static str = include_str!("../../avro/cost.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    fn origin(&self) -> Origin {
        self.header.origin()
    }
}
