//! One table's commit log as this sink uses it: where the table stands, and the guarded commit.
//!
//! A commit is judged (see [`guard`]) against the very snapshot that it is committed on. Delta refuses it if a commit in between
//! carried one of our application ids; anything else in between is no conflict. After every error, whatever it says, the table is read
//! again and the judgement decides: an error may come after the commit went through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use weir_schemas::{Offset, Partition, TopicName};
use weir_tables::Table;

use crate::error::Error;
use crate::guard::{self, Judgement, Span};
use crate::lake::{Lake, failed};
use crate::parquet_file::{self, DataFile};
use crate::settings::{BACKOFF, COMMIT_ATTEMPTS, COMMITS_PER_HANDLE};

pub(crate) struct Ledger {
    lake: Lake,
    table: &'static Table,
    topic: TopicName,
    handle: DeltaTable,
    commits: u32,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    Won,
    /// An earlier attempt had gone through.
    Already,
    /// The table stands elsewhere than the batch begins: read on from the table.
    Moved(Partition),
}

impl Ledger {
    pub(crate) async fn open(lake: Lake, table: &'static Table, topic: TopicName) -> Result<Self, Error> {
        let handle = lake.open(table).await?;
        Ok(Self { lake, table, topic, handle, commits: 0 })
    }

    /// Looks at the newest version.
    pub(crate) async fn refresh(&mut self) -> Result<(), Error> {
        // A new handle, not an update: it reads from the last checkpoint, and notices a log that was damaged or replaced.
        self.handle = self.lake.open(self.table).await?;
        self.commits = 0;
        Ok(())
    }

    /// The last offset of a partition that the table has.
    pub(crate) async fn reached(&self, partition: Partition) -> Result<Option<Offset>, Error> {
        Ok(self.transaction(&offset_id(&self.topic, partition)).await?.map(Offset))
    }

    /// The mark of a stream in a partition (see [`crate::dedupe`]).
    pub(crate) async fn mark(&self, partition: Partition, stream: &str) -> Result<Option<i64>, Error> {
        self.transaction(&mark_id(&self.topic, partition, stream)).await
    }

    async fn transaction(&self, id: &str) -> Result<Option<i64>, Error> {
        let looking = failed(self.table, "look up where it stands");
        let snapshot = self.handle.snapshot().map_err(&looking)?;
        snapshot.transaction_version(self.handle.log_store().as_ref(), id).await.map_err(&looking)
    }

    /// Puts a file into the table's folder. No commit names it yet.
    pub(crate) async fn put(&self, file: &DataFile) -> Result<(), Error> {
        let wrong = |source: object_store::Error| Error::Store { table: self.table.name, source };
        let path = Path::parse(&file.path).map_err(|e| wrong(e.into()))?;
        let store = self.handle.log_store().object_store(None);
        store.put(&path, PutPayload::from_bytes(file.bytes.clone())).await.map_err(wrong)?;
        Ok(())
    }

    /// Publishes files and offsets in one step, exactly once.
    pub(crate) async fn commit(
        &mut self,
        spans: &BTreeMap<Partition, Span>,
        marks: &BTreeMap<Partition, Vec<(String, i64)>>,
        files: &[Arc<DataFile>],
    ) -> Result<Committed, Error> {
        if self.commits >= COMMITS_PER_HANDLE {
            self.refresh().await?;
        }
        let mut pause = BACKOFF.0;
        let mut last = None;
        for _ in 0..COMMIT_ATTEMPTS {
            let mut stored = BTreeMap::new();
            for partition in spans.keys() {
                stored.extend(self.reached(*partition).await?.map(|offset| (*partition, offset)));
            }
            match guard::judge(spans, &stored) {
                Judgement::Already => return Ok(Committed::Already),
                Judgement::Moved(partition) => return Ok(Committed::Moved(partition)),
                Judgement::Next => {}
            }
            match self.attempt(spans, marks, files).await {
                Ok(()) => return Ok(Committed::Won),
                Err(error) => {
                    tracing::debug!(table = self.table.name, %error, "commit was not taken; looking again");
                    last = Some(error);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            self.refresh().await?;
        }
        match last {
            Some(error) => {
                let source = Box::new(error);
                Err(Error::NotCommitted { table: self.table.name, attempts: COMMIT_ATTEMPTS, source })
            }
            None => Ok(Committed::Already),
        }
    }

    async fn attempt(
        &mut self,
        spans: &BTreeMap<Partition, Span>,
        marks: &BTreeMap<Partition, Vec<(String, i64)>>,
        files: &[Arc<DataFile>],
    ) -> Result<(), deltalake_core::DeltaTableError> {
        let offsets = spans.iter().map(|(p, span)| (offset_id(&self.topic, *p), span.last.0));
        let marks = marks
            .iter()
            .flat_map(|(p, marks)| marks.iter().map(|(stream, mark)| (mark_id(&self.topic, *p, stream), *mark)));
        let transactions = offsets.chain(marks).map(|(id, version)| Transaction::new(id, version)).collect();
        let properties = CommitProperties::default()
            .with_application_transactions(transactions)
            .with_metadata([("weir".to_owned(), self.describe(spans, files))]);
        let adds = files.iter().map(|file| Action::Add(file.add.clone())).collect();
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let done = CommitBuilder::from(properties)
            .with_actions(adds)
            .build(Some(self.handle.snapshot()?), self.handle.log_store(), operation)
            .await?;
        self.handle.state = Some(done.snapshot());
        self.commits += 1;
        Ok(())
    }

    fn describe(&self, spans: &BTreeMap<Partition, Span>, files: &[Arc<DataFile>]) -> serde_json::Value {
        let offsets: serde_json::Map<_, _> = spans
            .iter()
            .map(|(p, span)| (p.to_string(), serde_json::Value::from(vec![span.first.0, span.last.0])))
            .collect();
        serde_json::json!({ "topic": self.topic.as_str(), "offsets": offsets, "sha256": parquet_file::hashes(files) })
    }

    #[cfg(test)]
    pub(crate) fn handle(&self) -> &DeltaTable {
        &self.handle
    }
}

/// Under this application id stands the last offset of a partition.
fn offset_id(topic: &TopicName, partition: Partition) -> String {
    format!("{topic}-{partition}")
}

/// Under this application id stands the mark of one stream in a partition.
fn mark_id(topic: &TopicName, partition: Partition, stream: &str) -> String {
    format!("dedupe/{topic}-{partition}/{stream}")
}
