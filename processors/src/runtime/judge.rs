//! The pure half of the loop: deliveries in, what to do about each out.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use weir_bus::{Delivery, Record, TopicPartition};
use weir_policy::Snapshot;
use weir_schemas::{Codec, Event, Offset, Partition, TopicName};

use super::{Poison, Processor, Stepped};

/// Records that broke a session, and how: they go to the dead letters when they are met again.
pub(super) type Poisoned = BTreeMap<(TopicPartition, Offset), String>;

/// A processor with what it needs to turn its events into records. Moves to a blocking thread and back.
pub(super) struct Judge<P> {
    pub(super) processor: P,
    codec: Codec,
    output: TopicName,
    poisoned: Poisoned,
}

/// What to do about one delivery.
pub(super) enum Verdict {
    Write {
        record: Option<Record>,
        hold: bool,
        releases: Vec<Offset>,
    },
    DeadLetter {
        delivery: Box<Delivery>,
        reason: String,
    },
    Leave,
    /// The step panicked: its state cannot be trusted any more.
    Broken,
}

impl<P: Processor> Judge<P> {
    pub(super) fn new(processor: P, codec: Codec, prefix: &str, poisoned: Poisoned) -> Self {
        Self { processor, codec, output: <P::Out as Event>::TOPIC.name(prefix), poisoned }
    }

    /// Judges a batch in order; ends early after a [`Verdict::Broken`].
    pub(super) fn batch(&mut self, batch: Vec<Delivery>, policy: &Snapshot) -> Vec<(TopicPartition, Offset, Verdict)> {
        let mut judged = Vec::with_capacity(batch.len());
        for delivery in batch {
            let (at, offset) = (delivery.topic_partition(), delivery.offset);
            let verdict = self.one(delivery, &at, policy);
            let broken = matches!(verdict, Verdict::Broken);
            judged.push((at, offset, verdict));
            if broken {
                break;
            }
        }
        judged
    }

    fn one(&mut self, delivery: Delivery, at: &TopicPartition, policy: &Snapshot) -> Verdict {
        let dead = |delivery, reason| Verdict::DeadLetter { delivery: Box::new(delivery), reason };
        if !self.poisoned.is_empty()
            && let Some(reason) = self.poisoned.get(&(at.clone(), delivery.offset))
        {
            return dead(delivery, reason.clone());
        }
        // One malformed record must not stop the partition: the session that it breaks is not broken by it again.
        let stepped = catch_unwind(AssertUnwindSafe(|| self.processor.step(&delivery, policy)));
        let Ok(stepped) = stepped else { return Verdict::Broken };
        match stepped {
            Err(Poison(reason)) => dead(delivery, reason),
            Ok(Stepped::Left) => Verdict::Leave,
            Ok(Stepped::Done { out: None, hold, releases }) => Verdict::Write { record: None, hold, releases },
            Ok(Stepped::Done { out: Some(event), hold, releases }) => match self.record(&event, delivery.partition) {
                Ok(record) => Verdict::Write { record: Some(record), hold, releases },
                Err(error) => dead(delivery, error.to_string()),
            },
        }
    }

    fn record(&self, event: &P::Out, partition: Partition) -> Result<Record, weir_schemas::Error> {
        Ok(Record {
            topic: self.output.clone(),
            partition: Some(partition),
            key: Bytes::from(event.key()),
            value: Some(Bytes::from(self.codec.encode(event)?)),
            headers: Vec::new(),
        })
    }
}

/// The value of a record that must have one.
pub(crate) fn value(delivery: &Delivery) -> Result<&[u8], Poison> {
    delivery.value.as_deref().ok_or_else(|| Poison("the record has no value".to_owned()))
}
