//! Reading ledgers back: does our claim still stand?

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use weir_bus::Reader;
use weir_quota::Fence;
use weir_schemas::Partition;

use super::Rim;
use super::config::RETRY_PAUSE;
use super::state::ClaimId;
use super::take_over::{Read, read};

/// A reader that stands behind the claims of its partitions, with their fences as they are there.
pub(super) struct Readers {
    pub(super) reader: Reader,
    pub(super) held: Vec<(Partition, ClaimId, Fence)>,
}

/// A claim of ours is over.
pub(super) struct Notice {
    pub(super) partition: Partition,
    /// Of the claim.
    pub(super) nonce: String,
    pub(super) why: &'static str,
}

/// Dropping it ends the reading.
pub(super) struct Watch {
    partitions: BTreeSet<Partition>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(rim: &Rim, readers: Readers, notify: mpsc::Sender<Notice>) -> Self {
        let partitions = readers.held.iter().map(|(partition, ..)| *partition).collect();
        let task = tokio::spawn(watch(rim.clone(), readers, notify));
        Self { partitions, task }
    }

    /// A partition is not ours any more. Returns whether the watch is still of use.
    pub(super) fn drop_partition(&mut self, partition: Partition) -> bool {
        self.partitions.remove(&partition);
        !self.partitions.is_empty()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(rim: Rim, readers: Readers, notify: mpsc::Sender<Notice>) {
    let Readers { mut reader, mut held } = readers;
    while !held.is_empty() {
        let mut over = Vec::new();
        match reader.next().await {
            Ok(batch) => {
                for delivery in &batch {
                    let Some((partition, claim, fence)) = held.iter_mut().find(|(p, ..)| *p == delivery.partition)
                    else {
                        continue;
                    };
                    let why = match read(&rim, delivery) {
                        Read::Foreign => continue,
                        Read::Unknown(_) => "an entry of a newer release stands in it",
                        Read::Entry(entry) => {
                            fence.admit(&entry);
                            if claim.holds(fence) {
                                continue;
                            }
                            "another process claimed it"
                        }
                    };
                    over.push((*partition, why));
                }
            }
            Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
            Err(error) => {
                tracing::error!(%error, "ledgers cannot be read back");
                over.extend(held.iter().map(|(partition, ..)| (*partition, "it cannot be read back")));
            }
        }
        for (partition, why) in over {
            let Some(place) = held.iter().position(|(p, ..)| *p == partition) else { continue };
            let (_, claim, _) = held.swap_remove(place);
            // The processor is gone where nobody listens.
            if notify.send(Notice { partition, nonce: claim.nonce, why }).await.is_err() {
                return;
            }
        }
    }
}
