//! A member of a consumer group.

use weir_schemas::Offset;

use crate::embedded::{EmbeddedConsumer, EmbeddedGuard};
use crate::kafka::{KafkaConsumer, KafkaGuard};
use crate::{Delivery, Error, TopicPartition};

/// Assignment is by range on both backends: equal partitions of different topics go to the same member, so what has
/// one key is seen by one process. A partition that was revoked may be assigned again at once. A member that is
/// asked to let go and does not do so within some 10 seconds loses the partitions.
///
/// Dropping it leaves the group in the background.
pub struct Consumer {
    backend: Backend,
}

enum Backend {
    Embedded(EmbeddedConsumer),
    Kafka(KafkaConsumer),
}

/// What a group member is told, in order.
#[derive(Debug)]
pub enum Next {
    /// New partitions: reading starts at the group's committed offsets (or the earliest), unless `seek` is called
    /// before the next `next`.
    Assigned(Vec<TopicPartition>),
    /// These are no longer ours. Finish or drop their work and commit; ownership passes on when the guard is dropped.
    Revoked(Vec<TopicPartition>, RevokeGuard),
    /// At least one, at most a bounded batch; in offset order per partition.
    Records(Vec<Delivery>),
}

/// Dropping it lets the rebalance go on.
#[must_use = "dropping it gives the partitions away"]
pub struct RevokeGuard(#[allow(dead_code)] Option<Guard>);

#[allow(dead_code)] // Held for what dropping them does.
enum Guard {
    Embedded(EmbeddedGuard),
    Kafka(KafkaGuard),
}

impl std::fmt::Debug for RevokeGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevokeGuard")
    }
}

impl RevokeGuard {
    /// For partitions that are gone already.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn embedded(guard: EmbeddedGuard) -> Self {
        Self(Some(Guard::Embedded(guard)))
    }

    pub(crate) fn kafka(guard: KafkaGuard) -> Self {
        Self(Some(Guard::Kafka(guard)))
    }
}

impl Consumer {
    pub(crate) fn embedded(consumer: EmbeddedConsumer) -> Self {
        Self { backend: Backend::Embedded(consumer) }
    }

    pub(crate) fn kafka(consumer: KafkaConsumer) -> Self {
        Self { backend: Backend::Kafka(consumer) }
    }

    /// Waits for the next thing to happen. Cancel-safe.
    ///
    /// [`Error::Unavailable`] is news, not the end: the consumer goes on by itself, so call again.
    pub async fn next(&mut self) -> Result<Next, Error> {
        match &mut self.backend {
            Backend::Embedded(consumer) => consumer.next().await,
            Backend::Kafka(consumer) => consumer.next().await,
        }
    }

    /// Reads on from `offset`.
    pub fn seek(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), Error> {
        match &mut self.backend {
            Backend::Embedded(consumer) => consumer.seek(at, offset),
            Backend::Kafka(consumer) => consumer.seek(at, offset),
        }
    }

    /// Commits: everything before each offset is done. Only of partitions that are ours.
    pub async fn commit(&mut self, next: &[(TopicPartition, Offset)]) -> Result<(), Error> {
        if next.is_empty() {
            return Ok(());
        }
        match &mut self.backend {
            Backend::Embedded(consumer) => consumer.commit(next),
            Backend::Kafka(consumer) => consumer.commit(next).await,
        }
    }

    /// Leaves the group and returns when it has left, so that others take over at once.
    pub async fn close(self) {
        match self.backend {
            Backend::Embedded(consumer) => drop(consumer),
            Backend::Kafka(consumer) => consumer.close().await,
        }
    }
}
