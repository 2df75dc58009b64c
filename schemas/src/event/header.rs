use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Origin;
use crate::ids::{BootEpoch, EventId, IngressId, RequestId, Seq, TenantId};
use crate::time::Timestamp;
use crate::topic::Topic;

/// What every event of a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Derived from the other fields by [`Header::event_id`]: a repeat has the same.
    pub event_id: EventId,
    pub ingress_id: IngressId,
    pub boot_epoch: BootEpoch,
    /// Gapless per (ingress, boot epoch, topic) in what ingress writes. A derived event has its source's.
    pub seq: Seq,
    pub request_id: RequestId,
    /// When it happened, by the clock of the ingress.
    pub event_time: Timestamp,
    pub tenant: TenantId,
    /// The policy snapshot that judged the request.
    pub policy_version: String,
}

impl Header {
    /// The id of the event at `seq` of a stream, without hashing per event: `stream` comes from [`Header::stream_id`].
    pub fn event_id(stream: u64, seq: Seq) -> EventId {
        // A version 8 UUID (custom): 62 bits tell the stream, 60 the place. No hash is needed per event.
        let place = seq.0.unsigned_abs();
        let high = (stream & 0xffff_ffff_ffff_0000) | 0x8000 | (stream & 0x0fff);
        let low = 0x8000_0000_0000_0000 | (place & 0x3fff_ffff_ffff_ffff);
        EventId(Uuid::from_u64_pair(high, low))
    }

    /// Names the stream of one topic of one life of one ingress, in 64 bits of a SHA-256.
    pub fn stream_id(ingress: &IngressId, epoch: BootEpoch, topic: Topic) -> u64 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(ingress.as_str().as_bytes());
        hash.update([0]);
        hash.update(epoch.0.to_be_bytes());
        hash.update(topic.suffix().as_bytes());
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first)
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { stream: format!("{}/{}", self.ingress_id, self.boot_epoch), position: self.seq.0 }
    }

    /// The header of what `processor` derives from the event of this header: same place, an id of its own.
    pub fn derive(&self, processor: &str) -> Self {
        Self { event_id: EventId(Uuid::new_v5(&self.event_id.0, processor.as_bytes())), ..self.clone() }
    }
}
