use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Event, Header, InlineFinding, Origin};
use crate::topic::Topic;

/// Bytes of the answer's body as they went to the client: one for each write to its socket.
/// A plain answer is a stream of one chunk; so is an error that Weir made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    pub header: Header,
    /// 0, 1, 2 … within the request. The bodies in this order are the answer's body.
    pub index: i64,
    pub body: Bytes,
    /// Server-sent events that end in this chunk; 0 in a plain answer.
    pub events: i64,
    /// True on the last chunk of a request; an answer that broke off has an empty one at its end.
    pub last: bool,
    pub findings: Vec<InlineFinding>,
}

impl Event for Chunk {
    const TOPIC: Topic = Topic::Chunks;
    const RECORD: &'static str = "weir.Chunk";
    const AVSC: &'static str = include_str!("../../avro/chunk.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    fn origin(&self) -> Origin {
        self.header.origin()
    }
}
