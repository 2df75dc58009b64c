//! An intent's id tells its place in the holder's stream, so that the ledger's fold, which sees only answers, knows which
//! places are answered and needs no list of ids.

use uuid::Uuid;
use weir_schemas::event::Header;
use weir_schemas::{BootEpoch, IngressId, IntentId, Seq, Topic};

/// The low bits of an id that hold the place; see [`Header::event_id`].
const PLACE_BITS: u64 = 0x3fff_ffff_ffff_ffff;

/// The id of the holder's intent number `seq`.
pub fn intent_id(ingress: &IngressId, epoch: BootEpoch, seq: Seq) -> IntentId {
    in_stream(Header::stream_id(ingress, epoch, Topic::QuotaIntents), seq)
}

pub(crate) fn in_stream(stream: u64, seq: Seq) -> IntentId {
    IntentId(Header::event_id(stream, seq).0)
}

/// The place that an id tells, where it is an id of that holder.
pub(crate) fn seq_of(id: IntentId, ingress: &IngressId, epoch: BootEpoch) -> Option<Seq> {
    let (_, low): (u64, u64) = Uuid::as_u64_pair(&id.0);
    let seq = Seq(i64::try_from(low & PLACE_BITS).ok()?);
    (intent_id(ingress, epoch, seq) == id).then_some(seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intents_id_tells_its_place_to_who_knows_the_holder() {
        let (ingress, epoch) = (IngressId::from("a"), BootEpoch(3));
        for seq in [0, 1, 77, i64::from(u32::MAX) + 5] {
            let id = intent_id(&ingress, epoch, Seq(seq));
            assert_eq!(seq_of(id, &ingress, epoch), Some(Seq(seq)));
            assert_eq!(seq_of(id, &ingress, BootEpoch(4)), None);
        }
        assert_eq!(seq_of(IntentId::fresh(), &ingress, epoch), None);
    }
}
