//! Reads one partition on, over appends, trimming and compaction.

use std::sync::Arc;

use weir_journal::{Error as JournalError, Reader};
use weir_schemas::Offset;

use super::partition::{PartitionLog, unreadable};
use super::record_format::{self, Entry};
use crate::record::{BATCH_BYTES, BATCH_RECORDS};
use crate::{Delivery, Error};

pub(super) struct Cursor {
    log: Arc<PartitionLog>,
    generation: u64,
    reader: Reader,
    next: Offset,
}

impl Cursor {
    pub(super) fn new(log: Arc<PartitionLog>, generation: u64, reader: Reader, next: Offset) -> Self {
        Self { log, generation, reader, next }
    }

    pub(super) fn next_offset(&self) -> Offset {
        self.next
    }

    /// Appends to `out` what there is, within the bounds of a batch.
    pub(super) fn read_into(&mut self, out: &mut Vec<Delivery>) -> Result<(), Error> {
        let mut bytes: usize = out.iter().map(Delivery::bytes).sum();
        while out.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            if self.generation != self.log.generation() {
                *self = self.log.cursor(self.next)?;
            }
            match self.reader.next() {
                Ok(Some((_, record))) => match record_format::read(&self.log.topic, self.log.partition, record) {
                    Some(Entry::Data(delivery)) if delivery.offset < self.next => {}
                    Some(Entry::Data(delivery)) => {
                        self.next = delivery.offset.next();
                        bytes += delivery.bytes();
                        out.push(delivery);
                    }
                    Some(Entry::Base { .. }) => {}
                    None => return Err(unreadable(&self.log.topic, self.log.partition)),
                },
                // A compaction in between is seen in the next round.
                Ok(None) if self.generation != self.log.generation() => {}
                Ok(None) => break,
                Err(JournalError::Trimmed(_)) => return Err(self.gone()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn gone(&self) -> Error {
        Error::OffsetGone { topic: self.log.topic.clone(), partition: self.log.partition, offset: self.next }
    }
}
