use serde::{Deserialize, Serialize};

use super::{Event, Header, Origin};
use crate::topic::Topic;

/// What was found in one event of a request: all of it, in one event, and none where nothing was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingsFound {
    /// The source event's place.
    pub header: Header,
    /// The source's topic without the prefix: `requests` or `chunks`.
    pub source: String,
    pub direction: Direction,
    pub findings: Vec<Finding>,
}

/// One match. Never the matched text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub recognizer: String,
    /// The type, such as `EMAIL_ADDRESS` or `aws_access_key_id`.
    pub kind: String,
    /// `pii`, `secret`, `code`, `prompt_attack` or `custom`.
    pub category: String,
    /// JSON pointer to the string (requests), or the channel such as `choices/0/content` (answers).
    pub field: String,
    /// UTF-8 bytes from the start of that string or channel.
    pub start: i64,
    pub end: i64,
    /// 0 to 1.
    pub score: f64,
    pub action: Action,
    pub seen_by: SeenBy,
}

/// What was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Allow,
    /// Recorded and let through.
    Flag,
    /// Replaced by a placeholder.
    Redact,
    /// The request was refused.
    Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Prompt,
    Completion,
}

/// Who saw it: the ingress before the bytes went on, or the dlp processor in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    Inline,
    Log,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Flag => "flag",
            Self::Redact => "redact",
            Self::Block => "block",
        }
    }
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
        }
    }
}

impl SeenBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Log => "log",
        }
    }
}

impl Event for FindingsFound {
    const TOPIC: Topic = Topic::Findings;
    const RECORD: &'static str = "weir.FindingsFound";
    const AVSC: &'static str = include_str!("../../avro/findings_found.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    // Requests and chunks count their places apart.
    fn origin(&self) -> Origin {
        let source = self.header.origin();
        Origin { stream: format!("{}/{}", self.source, source.stream), ..source }
    }
}
