use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::findings::Action;
use super::{Event, Header, Origin};
use crate::ids::{BudgetId, KeyId, LeaseId, ProjectId, TeamId, UserId};
use crate::money::Money;
use crate::topic::Topic;

/// A call of an authenticated client, as the provider got it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub header: Header,
    pub team: TeamId,
    pub project: Option<ProjectId>,
    pub user_id: Option<UserId>,
    pub key_id: KeyId,
    /// The calling application and its version, from the key or the client's headers.
    pub app: Option<String>,
    pub app_version: Option<String>,
    /// The path that was called, such as `/v1/chat/completions`.
    pub endpoint: String,
    /// The model that the client asked for; empty where the body did not say.
    pub request_model: String,
    /// Where it was sent; null where nothing was.
    pub provider: Option<String>,
    pub deployment: Option<String>,
    pub stream: bool,
    pub action: Action,
    /// The body as the provider got it, after redaction; empty where nothing was sent.
    pub body: Bytes,
    /// HMAC-SHA256 (hex) of the body as the client sent it, under the installation's key.
    pub original_hmac: String,
    /// Bytes of the body as the client sent it.
    pub original_bytes: i64,
    /// What the inline guardrails saw in the body as the client sent it.
    pub findings: Vec<InlineFinding>,
    pub reservations: Vec<ReservationRef>,
}

/// What an inline guardrail saw. Never the matched text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InlineFinding {
    pub recognizer: String,
    /// The type, such as `EMAIL_ADDRESS` or `aws_access_key_id`.
    pub kind: String,
    /// `pii`, `secret`, `code`, `prompt_attack` or `custom`.
    pub category: String,
    /// JSON pointer to the string in which it stands.
    pub field: String,
    /// UTF-8 bytes from the start of that string, as the client sent it.
    pub start: i64,
    pub end: i64,
    /// 0 to 1.
    pub score: f64,
    pub action: Action,
}

/// What was set aside for the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRef {
    pub budget_id: BudgetId,
    pub lease_id: LeaseId,
    #[serde(rename = "amount_picousd")]
    pub amount: Money,
}

impl Event for Request {
    const TOPIC: Topic = Topic::Requests;
    const RECORD: &'static str = "weir.Request";
    const AVSC: &'static str = include_str!("../../avro/request.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    fn origin(&self) -> Origin {
        self.header.origin()
    }
}
