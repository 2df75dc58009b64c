//! A log in memory, tables in a temporary folder, and how to compare the two.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use deltalake_core::DeltaTable;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use weir_bus::Delivery;
use weir_schemas::event::{Action, OutcomeKind};
use weir_schemas::{
    BootEpoch, Codec, Event, Header, IngressId, Offset, Outcome, Partition, RequestId, Seq, Timestamp, Topic, TopicName,
};
use weir_tables::Table;

use crate::error::Error;
use crate::lake::Lake;
use crate::metrics::Metrics;
use crate::settings::Flush;
use crate::table_sink::{DeadLetters, Flushed, Parts, TableSink};

pub(super) const DAY: i64 = 86_400_000_000;
pub(super) const NOON: Timestamp = Timestamp(20_781 * DAY + DAY / 2);

pub(super) fn header(ingress: &str, epoch: i64, seq: i64, topic: Topic) -> Header {
    let ingress = IngressId::from(ingress);
    let stream = Header::stream_id(&ingress, BootEpoch(epoch), topic);
    Header {
        event_id: Header::event_id(stream, Seq(seq)),
        ingress_id: ingress,
        boot_epoch: BootEpoch(epoch),
        seq: Seq(seq),
        request_id: RequestId(uuid::Uuid::from_u64_pair(7, seq.unsigned_abs())),
        event_time: NOON,
        tenant: "acme".into(),
        policy_version: "p-1".into(),
    }
}

pub(super) fn outcome_of(header: Header) -> Outcome {
    Outcome {
        header,
        outcome: OutcomeKind::Completed,
        status: 200,
        error_origin: None,
        error_code: None,
        retry_safe: None,
        action: Action::Allow,
        finish_reason: Some("stop".into()),
        latency_us: 12,
        ttft_us: Some(3),
        chunks: 1,
        response_bytes: 99,
    }
}

/// The outcome at `seq` of an ingress.
pub(super) fn outcome(ingress: &str, seq: i64) -> Outcome {
    outcome_of(header(ingress, 1, seq, Topic::Outcomes))
}

/// One topic in memory.
pub(super) struct Log {
    pub(super) topic: TopicName,
    pub(super) partitions: Vec<Vec<Delivery>>,
}

impl Log {
    pub(super) fn new(topic: Topic, partitions: usize) -> Self {
        Self { topic: topic.name("weir"), partitions: vec![Vec::new(); partitions] }
    }

    /// Appends to the partition of the event's place: neighbours of a stream land in different ones.
    pub(super) fn append<E: Event>(&mut self, event: &E) {
        let partition = usize::try_from(event.origin().position).unwrap() % self.partitions.len();
        self.append_raw(partition, Some(Codec::embedded().encode(event).unwrap().into()));
    }

    pub(super) fn append_raw(&mut self, partition: usize, value: Option<Bytes>) {
        let at = i64::try_from(self.partitions[partition].len()).unwrap();
        self.partitions[partition].push(Delivery {
            topic: self.topic.clone(),
            partition: Partition(i32::try_from(partition).unwrap()),
            offset: Offset(at),
            appended: Timestamp(NOON.0 + at),
            key: Bytes::from_static(b"k"),
            value,
            headers: vec![],
        });
    }

    /// What a consumer gets that reads from `next` of each partition, in turns.
    pub(super) fn from(&self, next: &BTreeMap<Partition, Offset>) -> Vec<Delivery> {
        let mut rest: Vec<_> = self
            .partitions
            .iter()
            .zip(0..)
            .filter_map(|(log, p)| {
                next.get(&Partition(p)).map(|next| log.iter().skip(usize::try_from(next.0).unwrap()))
            })
            .collect();
        let mut all = Vec::new();
        loop {
            let before = all.len();
            all.extend(rest.iter_mut().filter_map(|log| log.next().cloned()));
            if all.len() == before {
                return all;
            }
        }
    }
}

#[derive(Default)]
pub(super) struct Buried(pub(super) Mutex<Vec<(Partition, Offset, String)>>);

#[async_trait::async_trait]
impl DeadLetters for Buried {
    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), Error> {
        self.0.lock().unwrap().push((delivery.partition, delivery.offset, reason.to_owned()));
        Ok(())
    }
}

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) lake: Lake,
    pub(super) buried: Arc<Buried>,
    pub(super) table: &'static Table,
}

impl World {
    pub(super) fn new(topic: Topic) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::local(dir.path()).unwrap();
        Self { dir, lake, buried: Arc::default(), table: Table::of(topic) }
    }

    pub(super) fn parts(&self) -> Parts {
        Parts {
            table: self.table,
            topic: self.table.topic.name("weir"),
            lake: self.lake.clone(),
            codec: Codec::embedded(),
            schemas: None,
            dead: self.buried.clone(),
            flush: Flush::default(),
            metrics: Metrics::new(&weir_telemetry::Metrics::empty()).unwrap().of(self.table),
        }
    }

    /// A sink that owns all partitions of the log, as after a start.
    pub(super) async fn start(&self, log: &Log) -> TableSink {
        let mut sink = TableSink::open(self.parts()).await.unwrap();
        own(&mut sink, log).await;
        sink
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.dir.path().join(self.table.name)
    }

    pub(super) async fn open(&self) -> DeltaTable {
        self.lake.open(self.table).await.unwrap()
    }

    /// The rows of every file that the newest version names.
    pub(super) async fn rows(&self) -> Vec<RecordBatch> {
        let table = self.open().await;
        let mut all = Vec::new();
        for uri in table.get_file_uris().unwrap() {
            let file = std::fs::File::open(&uri).unwrap_or_else(|e| panic!("{uri}: {e}"));
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            all.extend(reader.map(Result::unwrap));
        }
        all
    }

    /// (ingress, seq) → (partition, offset); panics where an event is there twice.
    pub(super) async fn events(&self) -> BTreeMap<(String, i64), (i32, i64)> {
        let mut events = BTreeMap::new();
        for batch in self.rows().await {
            let ingress = batch.column_by_name("ingress_id").unwrap().as_string::<i32>();
            let seq = batch.column_by_name("seq").unwrap().as_primitive::<Int64Type>();
            let partition = batch.column_by_name("kafka_partition").unwrap().as_primitive::<Int32Type>();
            let offset = batch.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let event = (ingress.value(row).to_owned(), seq.value(row));
                let place = (partition.value(row), offset.value(row));
                assert_eq!(events.insert(event.clone(), place), None, "{event:?} is there twice");
            }
        }
        events
    }
}

/// Has the sink own all partitions, from where the table stands.
pub(super) async fn own(sink: &mut TableSink, log: &Log) {
    sink.refresh().await.unwrap();
    for (partition, _) in (0..).map(Partition).zip(&log.partitions) {
        let reached = sink.reached(partition).await.unwrap();
        sink.assign(partition, reached, reached.map_or(Offset(0), Offset::next));
    }
}

/// Reads the log to its end with a flush after each of `cuts` deliveries, again and again. A sink that is moved starts
/// over from the table; the first error ends it, as a crash would.
pub(super) async fn read(sink: &mut TableSink, log: &Log, cuts: &[usize]) -> Result<(), Error> {
    let mut cuts = cuts.iter().copied().cycle();
    let mut left = cuts.next().unwrap_or(usize::MAX);
    'again: loop {
        for delivery in log.from(&sink.partitions().into_iter().collect()) {
            sink.take(&delivery).await?;
            left = left.saturating_sub(1);
            if left == 0 {
                left = cuts.next().unwrap_or(usize::MAX);
                if sink.flush().await? == Flushed::Moved {
                    own(sink, log).await;
                    continue 'again;
                }
            }
        }
        if sink.flush().await? != Flushed::Moved {
            return Ok(());
        }
        own(sink, log).await;
    }
}

/// What the table should hold of a log of outcomes: the first copy of each.
pub(super) fn first_copies(log: &Log) -> BTreeMap<(String, i64), (i32, i64)> {
    let mut events = BTreeMap::new();
    let codec = Codec::embedded();
    for delivery in log.partitions.iter().flatten() {
        let Some(event) = delivery.value.as_ref().and_then(|v| codec.decode::<Outcome>(v).ok()) else { continue };
        let key = (event.header.ingress_id.to_string(), event.header.seq.0);
        events.entry(key).or_insert((delivery.partition.0, delivery.offset.0));
    }
    events
}

/// Appends outcomes of two ingresses, with the stretches that a shipper sends again after a restart.
pub(super) fn log_with_repeats(partitions: usize, each: i64) -> Log {
    let mut log = Log::new(Topic::Outcomes, partitions);
    let mut seen = BTreeSet::new();
    for ingress in ["a", "b"] {
        for (from, to) in [(0, each / 2), (each / 4, each), (0, 0), (each / 3, each)] {
            for seq in from..to {
                seen.insert((ingress, seq));
                log.append(&outcome(ingress, seq));
            }
        }
    }
    assert_eq!(first_copies(&log).len(), seen.len());
    log
}
