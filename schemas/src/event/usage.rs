use serde::{Deserialize, Serialize};

use super::cost::{TokenCounts, UsageSource};
use super::{Event, Header, Origin};
use crate::ids::{KeyId, ProjectId, TeamId, UserId};
use crate::topic::Topic;

/// The tokens of one request that reached a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub header: Header,
    pub team: TeamId,
    pub project: Option<ProjectId>,
    pub user_id: Option<UserId>,
    pub key_id: KeyId,
    pub provider: String,
    pub deployment: String,
    pub request_model: String,
    /// The model that answered, as the provider names it.
    pub response_model: Option<String>,
    /// The service tier that the provider says it billed, such as `flex`.
    pub tier: Option<String>,
    pub source: UsageSource,
    /// All zero where `source` is `estimated`: the cost processor counts then.
    pub tokens: TokenCounts,
    /// Where the provider gave no usage: what is to be counted.
    pub uncounted: Option<Uncounted>,
}

/// The texts to count where the provider did not. Cut at a limit: `*_bytes` tell the true lengths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// The request's body as it was sent (JSON).
    pub input: String,
    pub input_bytes: i64,
    /// The generated text as far as the client got it.
    pub output: String,
    pub output_bytes: i64,
}

impl Event for Usage {
    const TOPIC: Topic = Topic::Usage;
    const RECORD: &'static str = "weir.Usage";
    const AVSC: &'static str = include_str!("../../avro/usage.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    fn origin(&self) -> Origin {
        self.header.origin()
    }
}
