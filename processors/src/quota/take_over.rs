//! Becoming the owner of partitions: fold, claim, fold to the claim.

use std::collections::BTreeMap;

use bytes::Bytes;
use weir_bus::{Delivery, Producer, Reader, Record, Start};
use weir_quota::{Fence, Ledger};
use weir_schemas::{Error as CodecError, Event, Offset, Partition, QuotaEntry, Timestamp, Topic};

use super::Rim;
use super::config::RETRY_PAUSE;
use super::state::{ClaimId, Owned};
use super::step::home;
use super::watch::Readers;
use crate::error::Error;
use crate::runtime::Stop;

/// What became of the partitions.
pub(super) struct Taken {
    /// With the offset of the first intent that is not answered.
    pub(super) owned: Vec<(Owned, Offset)>,
    /// Not claimed, and why.
    pub(super) refused: Vec<(Partition, String)>,
    /// To read the ledgers back with; stands behind the claims. `None` where nothing is owned.
    pub(super) readers: Option<Readers>,
}

struct Folding {
    ledger: Ledger,
    /// The ledger's fence once more: all that the watch goes on with.
    fence: Fence,
    /// Of the next entry to fold.
    next: Offset,
    /// Fold so far before claiming.
    end: Offset,
    phase: Phase,
}

enum Phase {
    Fold,
    /// Claimed; the claim stands at the offset.
    Claimed(ClaimId, Offset),
    Held(ClaimId),
    Refused(String),
}

/// Claims partitions that the group gave us. Gives up on none for now-and-then failures of the log.
pub(super) async fn claim(rim: &Rim, producer: &Producer, partitions: &[Partition]) -> Result<Taken, Stop> {
    let mut foldings = BTreeMap::new();
    for partition in partitions {
        let (first, end) = rim.bus.offsets(&rim.grants(*partition)).await?;
        let folding =
            Folding { ledger: Ledger::default(), fence: Fence::default(), next: first, end, phase: Phase::Fold };
        foldings.insert(*partition, folding);
    }
    if foldings.is_empty() {
        return Ok(Taken { owned: Vec::new(), refused: Vec::new(), readers: None });
    }
    let count = rim.bus.partitions(&Topic::QuotaGrants.name(&rim.prefix)).await?;
    let from = partitions.iter().map(|partition| (rim.grants(*partition), Start::Earliest)).collect();
    let mut reader = rim.bus.reader(from)?;

    loop {
        claim_folded(rim, producer, &mut foldings).await?;
        if foldings.values().all(|folding| matches!(folding.phase, Phase::Held(_) | Phase::Refused(_))) {
            break;
        }
        match reader.next().await {
            Ok(batch) => {
                for delivery in &batch {
                    if let Some(folding) = foldings.get_mut(&delivery.partition) {
                        fold(rim, folding, delivery, count)?;
                    }
                }
            }
            Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
    settle(rim, foldings, count, reader).await
}

/// Appends a claim for each partition that is folded to its end.
async fn claim_folded(rim: &Rim, producer: &Producer, foldings: &mut BTreeMap<Partition, Folding>) -> Result<(), Stop> {
    let mut sent = Vec::new();
    for (partition, folding) in foldings.iter() {
        if !matches!(folding.phase, Phase::Fold) || folding.next < folding.end {
            continue;
        }
        let claim = ClaimId::after(&folding.ledger, &rim.instance, uuid::Uuid::now_v7());
        let entry = claim.entry(*partition, &folding.ledger, Timestamp::now());
        let value = rim.codec.encode(&entry).map_err(|error| Stop::Restart(error.to_string()))?;
        let record = Record {
            topic: Topic::QuotaGrants.name(&rim.prefix),
            partition: Some(*partition),
            key: Bytes::from(entry.key()),
            value: Some(Bytes::from(value)),
            headers: Vec::new(),
        };
        sent.push((*partition, claim, producer.send(record)?));
    }
    for (partition, claim, ack) in sent {
        let (_, at) = ack.await?;
        rim.metrics.claims.with_label_values(&[&partition.to_string()]).inc();
        if let Some(folding) = foldings.get_mut(&partition) {
            folding.phase = Phase::Claimed(claim, at);
        }
    }
    Ok(())
}

fn fold(rim: &Rim, folding: &mut Folding, delivery: &Delivery, partitions: i32) -> Result<(), Stop> {
    if delivery.offset < folding.next || matches!(folding.phase, Phase::Refused(_)) {
        return Ok(());
    }
    folding.next = delivery.offset.next();
    let entry = match read(rim, delivery) {
        Read::Entry(entry) => entry,
        Read::Foreign => return Ok(()),
        Read::Unknown(why) => {
            folding.phase = Phase::Refused(why);
            return Ok(());
        }
    };
    folding.fence.admit(&entry);
    let counted = folding.ledger.apply(&entry);
    if let Some(budget) = entry.budget_id.as_ref().filter(|_| counted) {
        let expected = home(budget, partitions);
        if expected != delivery.partition {
            let (topic, found) = (delivery.topic.clone(), delivery.partition);
            return Err(Stop::Failed(Error::Repartitioned { topic, budget: budget.clone(), found, expected }));
        }
    }
    if let Phase::Claimed(claim, at) = &folding.phase
        && *at == delivery.offset
    {
        // Another claim of this epoch stood before it where it is not held: claim the next epoch.
        folding.phase = if claim.holds(&folding.fence) { Phase::Held(claim.clone()) } else { Phase::Fold };
    }
    Ok(())
}

async fn settle(rim: &Rim, foldings: BTreeMap<Partition, Folding>, count: i32, reader: Reader) -> Result<Taken, Stop> {
    let mut taken = Taken { owned: Vec::new(), refused: Vec::new(), readers: None };
    let mut held = Vec::new();
    for (partition, folding) in foldings {
        let claim = match folding.phase {
            Phase::Held(claim) if claim.holds(&folding.fence) => claim,
            // Read in one batch with our own.
            Phase::Held(_) => {
                taken.refused.push((partition, "another process claimed it".to_owned()));
                continue;
            }
            Phase::Refused(why) => {
                taken.refused.push((partition, why));
                continue;
            }
            Phase::Fold | Phase::Claimed(..) => continue,
        };
        let answered_to = folding.ledger.intent_offset().next();
        let (first, end) = rim.bus.offsets(&rim.intents(partition)).await?;
        if answered_to > end {
            let why = format!("its intents end at offset {end}, but the ledger answered up to {answered_to}");
            taken.refused.push((partition, why));
            continue;
        }
        held.push((partition, claim.clone(), folding.fence));
        taken.owned.push((Owned::new(partition, count, folding.ledger, claim), answered_to.max(first)));
    }
    if !held.is_empty() {
        taken.readers = Some(Readers { reader, held });
    }
    Ok(taken)
}

pub(super) enum Read {
    Entry(Box<QuotaEntry>),
    /// Not a ledger's entry: it never counted for anybody.
    Foreign,
    /// Perhaps an entry of a newer release: its meaning is not to be guessed.
    Unknown(String),
}

pub(super) fn read(rim: &Rim, delivery: &Delivery) -> Read {
    let Some(value) = delivery.value.as_deref() else { return Read::Foreign };
    match rim.codec.decode::<QuotaEntry>(value) {
        Ok(entry) if entry.partition == delivery.partition.0 => Read::Entry(Box::new(entry)),
        Ok(_) => Read::Foreign,
        Err(error @ CodecError::UnknownSchema(_)) => {
            Read::Unknown(format!("entry at offset {}: {error}", delivery.offset))
        }
        Err(error) => {
            tracing::warn!(
                partition = delivery.partition.0,
                offset = delivery.offset.0,
                %error,
                "a record in the ledger's partition is no entry and is passed over"
            );
            Read::Foreign
        }
    }
}
