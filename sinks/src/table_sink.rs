//! One table's sink without its consumer: deliveries in, commits out. The worker feeds it; tests do so by hand.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use weir_bus::Delivery;
use weir_schemas::{Codec, Offset, Partition, SchemaId, Timestamp, TopicName};
use weir_tables::Table;

use crate::dedupe::Verdict;
use crate::error::Error;
use crate::guard::Span;
use crate::intake::{Intake, Turn};
use crate::lake::Lake;
use crate::ledger::{Committed, Ledger};
use crate::metrics::TableMetrics;
use crate::parquet_file::{self, DataFile};
use crate::rows::Unusable;
use crate::settings::Flush;
use crate::sink::SchemaSource;

/// Takes what cannot become rows. Returns when that is acknowledged.
#[async_trait::async_trait]
pub(crate) trait DeadLetters: Send + Sync {
    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), Error>;
}

/// The steps between read and commit, at each of which a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Buried,
    Encoded,
    FirstFile,
    AllFiles,
    Committed,
}

pub(crate) struct TableSink {
    table: &'static Table,
    codec: Codec,
    schemas: Option<Arc<dyn SchemaSource>>,
    /// Ids that the outside registry does not have. Bounded by [`UNKNOWN_IDS`].
    unknown: HashSet<SchemaId>,
    dead: Arc<dyn DeadLetters>,
    flush: Flush,
    metrics: TableMetrics,
    ledger: Ledger,
    intake: Intake,
    /// Since when something is buffered.
    since: Option<Instant>,
    pending: Option<Pending>,
    #[cfg(test)]
    pub(crate) trip: Option<Step>,
}

/// What a sink of one table is made of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) table: &'static Table,
    pub(crate) topic: TopicName,
    pub(crate) lake: Lake,
    pub(crate) codec: Codec,
    pub(crate) schemas: Option<Arc<dyn SchemaSource>>,
    pub(crate) dead: Arc<dyn DeadLetters>,
    pub(crate) flush: Flush,
    pub(crate) metrics: TableMetrics,
}

/// A batch on its way: its files are kept over attempts.
struct Pending {
    spans: BTreeMap<Partition, Span>,
    marks: BTreeMap<Partition, Vec<(String, i64)>>,
    files: Vec<Arc<DataFile>>,
    put: usize,
}

/// Past it the ids are asked for again: a registry has few, and a poisoned topic may name many.
const UNKNOWN_IDS: usize = 1_024;

/// What became of a flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing was buffered.
    Nothing,
    /// In the table; the next offset of each partition.
    Done(Vec<(Partition, Offset)>),
    /// Somebody else wrote the partition. Everything was dropped: assign the partitions again.
    Moved,
}

impl TableSink {
    pub(crate) async fn open(parts: Parts) -> Result<Self, Error> {
        let Parts { table, topic, lake, codec, schemas, dead, flush, metrics } = parts;
        let ledger = Ledger::open(lake, table, topic).await?;
        Ok(Self {
            table,
            codec,
            schemas,
            unknown: HashSet::new(),
            dead,
            flush,
            metrics,
            ledger,
            intake: Intake::new(table),
            since: None,
            pending: None,
            #[cfg(test)]
            trip: None,
        })
    }

    /// Looks up where the newest version of the table stands: call it before [`assign`](Self::assign).
    pub(crate) async fn refresh(&mut self) -> Result<(), Error> {
        self.ledger.refresh().await
    }

    /// The last offset of a partition that the table has.
    pub(crate) async fn reached(&self, partition: Partition) -> Result<Option<Offset>, Error> {
        self.ledger.reached(partition).await
    }

    /// The partition is ours; the table has it up to `reached`, and `next` is read next.
    pub(crate) fn assign(&mut self, partition: Partition, reached: Option<Offset>, next: Offset) {
        self.intake.assign(partition, reached, next);
    }

    pub(crate) fn revoke(&mut self, partition: Partition) {
        self.intake.revoke(partition);
    }

    /// Drops what is not committed: it is read again.
    pub(crate) fn reset(&mut self) {
        self.intake.clear();
        self.pending = None;
        self.since = None;
    }

    /// The partitions that are ours, and what is read next of each.
    pub(crate) fn partitions(&self) -> Vec<(Partition, Offset)> {
        self.intake.partitions().collect()
    }

    /// When the buffer is due; `None` while it is empty.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.flush.interval)
    }

    /// Flush before anything else is taken.
    pub(crate) fn must_flush(&self) -> bool {
        self.pending.is_some() || self.intake.is_full(&self.flush)
    }

    /// Takes one delivery: it becomes rows, or a repeat, or a dead letter. An error leaves it untaken.
    pub(crate) async fn take(&mut self, delivery: &Delivery) -> Result<Turn, Error> {
        let turn = self.intake.turn(delivery);
        if turn != Turn::Now {
            return Ok(turn);
        }
        let mut decoded = self.intake.decode(&self.codec, delivery);
        if let Err(Unusable::Codec(weir_schemas::Error::UnknownSchema(id))) = &decoded
            && self.learn(*id).await?
        {
            decoded = self.intake.decode(&self.codec, delivery);
        }
        match decoded {
            Ok(origin) => {
                if !self.intake.knows(delivery.partition, &origin.stream) {
                    let mark = self.ledger.mark(delivery.partition, &origin.stream).await?;
                    self.intake.restore(delivery.partition, &origin.stream, mark);
                }
                if self.intake.accept(delivery, &origin) == Verdict::Repeat {
                    self.metrics.repeats.inc();
                }
            }
            Err(unusable) => {
                let reason = match unusable {
                    Unusable::Codec(error) => error.to_string(),
                    Unusable::Meaning(reason) => reason.to_owned(),
                };
                self.dead.bury(delivery, &reason).await?;
                self.metrics.dead_letters.inc();
                self.step(Step::Buried)?;
                self.intake.skip(delivery);
            }
        }
        self.since.get_or_insert_with(Instant::now);
        Ok(Turn::Now)
    }

    /// Asks the outside registry for a schema. False where there is none, or it does not know it.
    async fn learn(&mut self, id: SchemaId) -> Result<bool, Error> {
        let Some(schemas) = &self.schemas else { return Ok(false) };
        if self.unknown.contains(&id) {
            return Ok(false);
        }
        let found = schemas.schema(id).await.map_err(Error::Schemas)?;
        let learned = found.is_some_and(|avsc| self.codec.learn(id, &avsc).is_ok());
        if !learned {
            if self.unknown.len() >= UNKNOWN_IDS {
                self.unknown.clear();
            }
            self.unknown.insert(id);
        }
        Ok(learned)
    }

    /// Publishes what is buffered. After an error, call it again: files that were put are kept.
    pub(crate) async fn flush(&mut self) -> Result<Flushed, Error> {
        let started = Instant::now();
        if self.pending.is_none() {
            if self.intake.is_empty() {
                return Ok(Flushed::Nothing);
            }
            self.pending = match self.prepare().await {
                Ok(pending) => Some(pending),
                Err(error) => {
                    // Its rows left the buffer.
                    self.reset();
                    return Err(error);
                }
            };
        }
        self.step(Step::Encoded)?;
        while let Some((file, first)) = self.unput() {
            self.ledger.put(&file).await?;
            if let Some(pending) = &mut self.pending {
                pending.put += 1;
            }
            if first {
                self.step(Step::FirstFile)?;
            }
        }
        self.step(Step::AllFiles)?;
        let Some(pending) = &self.pending else { return Ok(Flushed::Nothing) };
        let committed = self.ledger.commit(&pending.spans, &pending.marks, &pending.files).await?;
        self.step(Step::Committed)?;
        if let Committed::Moved(partition) = committed {
            tracing::warn!(table = self.table.name, %partition, "another writer moved the table; reading on from it");
            self.reset();
            return Ok(Flushed::Moved);
        }
        let Some(Pending { spans, marks, files, .. }) = self.pending.take() else { return Ok(Flushed::Nothing) };
        self.since = None;
        self.intake.committed(&spans, &marks);
        self.metrics.commits.inc();
        self.metrics.seconds.observe(started.elapsed().as_secs_f64());
        for file in &files {
            self.metrics.files.inc();
            self.metrics.rows.inc_by(file.rows as u64);
            self.metrics.bytes.inc_by(file.bytes.len() as u64);
        }
        Ok(Flushed::Done(spans.into_iter().map(|(partition, span)| (partition, span.last.next())).collect()))
    }

    async fn prepare(&mut self) -> Result<Pending, Error> {
        let table = self.table;
        let batch = self.intake.take().map_err(|source| Error::Arrow { table: table.name, source })?;
        let now = Timestamp::now();
        // Compressing is CPU work of up to a second: not on the threads that move I/O.
        let encode = move || batch.groups.iter().map(|g| parquet_file::encode(table, g, now).map(Arc::new)).collect();
        let encoded: Result<Vec<_>, _> = match tokio::task::spawn_blocking(encode).await {
            Ok(encoded) => encoded,
            Err(ended) => return Err(Error::Worker(ended.to_string())),
        };
        let files = encoded.map_err(|source| Error::Parquet { table: table.name, source })?;
        Ok(Pending { spans: batch.spans, marks: batch.marks, files, put: 0 })
    }

    fn unput(&self) -> Option<(Arc<DataFile>, bool)> {
        let pending = self.pending.as_ref()?;
        let file = pending.files.get(pending.put)?;
        Some((file.clone(), pending.put == 0))
    }

    #[cfg(test)]
    fn step(&self, step: Step) -> Result<(), Error> {
        if self.trip == Some(step) { Err(Error::Tripped(format!("{step:?}"))) } else { Ok(()) }
    }

    #[cfg(not(test))]
    fn step(&self, _step: Step) -> Result<(), Error> {
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
