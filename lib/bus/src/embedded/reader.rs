//! Reads given partitions of the embedded log, without a group.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::Embedded;
use super::cursor::Cursor;
use super::partition::Watching;
use crate::{Delivery, Error, Start, TopicPartition};

pub(crate) struct EmbeddedReader {
    /// Keeps the log open.
    _log: Embedded,
    /// In the order of their turn.
    cursors: VecDeque<(Cursor, Watching)>,
    wake: Arc<Notify>,
}

impl EmbeddedReader {
    pub(super) fn open(log: Embedded, from: Vec<(TopicPartition, Start)>) -> Result<Self, Error> {
        let wake = Arc::new(Notify::new());
        let mut cursors = VecDeque::new();
        for (at, start) in from {
            let partition = log.core().partition(&at)?;
            let (first, end) = partition.offsets();
            let offset = match start {
                Start::Earliest => first,
                Start::Latest => end,
                Start::At(offset) if (first..=end).contains(&offset) => offset,
                Start::At(offset) => {
                    let TopicPartition { topic, partition } = partition.place();
                    return Err(Error::OffsetGone { topic, partition, offset });
                }
            };
            cursors.push_back((partition.cursor(offset)?, partition.watch(wake.clone())));
        }
        Ok(Self { _log: log, cursors, wake })
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        loop {
            let mut batch = Vec::new();
            for _ in 0..self.cursors.len() {
                self.cursors.rotate_left(1);
                let Some((cursor, _)) = self.cursors.back_mut() else { break };
                match cursor.read_into(&mut batch) {
                    Ok(()) => {}
                    // What was read before stays to be delivered; the error comes up again.
                    Err(_) if !batch.is_empty() => break,
                    Err(error) => return Err(error),
                }
            }
            if !batch.is_empty() {
                return Ok(batch);
            }
            self.wake.notified().await;
        }
    }
}
