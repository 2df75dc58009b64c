use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use weir_bus::Bus;
use weir_schemas::{Codec, SchemaId, Topic};
use weir_tables::Table;
use weir_telemetry::Drain;

use crate::error::Error;
use crate::lake::Lake;
use crate::metrics::Metrics;
use crate::settings::Flush;
use crate::table_sink::Parts;
use crate::worker::{BusDeadLetters, Worker};

/// Where schemas come from that this release does not know: an outside registry.
pub trait SchemaSource: Send + Sync {
    /// The schema's text; `None` where the registry has no such id. An error is tried again.
    fn schema(&self, id: SchemaId) -> BoxFuture<'_, Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>>;
}

/// What a sink is made of.
pub struct Deps {
    pub bus: Bus,
    pub codec: Codec,
    pub topic_prefix: String,
    /// Where the tables are.
    pub lake: Lake,
    pub flush: Flush,
    pub metrics: weir_telemetry::Metrics,
    pub schemas: Option<Arc<dyn SchemaSource>>,
}

/// A running sink. Dropping it without [`Handle::drain`] stops it, as a crash would: nothing is lost, and what was
/// not committed is read again.
pub struct Handle {
    drain: Drain,
    ended: watch::Receiver<Option<String>>,
    workers: Vec<tokio::task::JoinHandle<Result<(), Error>>>,
}

/// Starts a worker for each table. The topics must exist. A table that does not open is tried again, and its error logged;
/// the others go on.
pub async fn start(deps: Deps) -> Result<Handle, Error> {
    let metrics = Metrics::new(&deps.metrics)?;
    let drain = Drain::new();
    let producer = deps.bus.producer()?;
    warn_of_partition_counts(&deps).await?;
    let (report, ended) = watch::channel(None);
    let mut workers = Vec::new();
    for table in Table::all().iter().copied() {
        let topic = table.topic.name(&deps.topic_prefix);
        let dead = BusDeadLetters { producer: producer.clone(), topic: table.topic.dead_letters(&deps.topic_prefix) };
        let worker = Worker {
            bus: deps.bus.clone(),
            group: format!("{}.sink.{}", deps.topic_prefix, table.name),
            drain: drain.clone(),
            parts: Parts {
                table,
                topic,
                lake: deps.lake.clone(),
                codec: deps.codec.clone(),
                schemas: deps.schemas.clone(),
                dead: Arc::new(dead),
                flush: deps.flush,
                metrics: metrics.of(table),
            },
        };
        workers.push(tokio::spawn(watched(worker, report.clone())));
    }
    Ok(Handle { drain, ended, workers })
}

/// What is derived keeps its source's order only where equal keys have equal partitions (see [`crate::dedupe`]).
async fn warn_of_partition_counts(deps: &Deps) -> Result<(), Error> {
    let derived = [(Topic::Requests, Topic::Findings), (Topic::Chunks, Topic::Findings), (Topic::Usage, Topic::Costs)];
    for (source, derived) in derived {
        let count = async |topic: Topic| deps.bus.partitions(&topic.name(&deps.topic_prefix)).await;
        let (of_source, of_derived) = (count(source).await?, count(derived).await?);
        if of_source != of_derived {
            let (source, derived) = (source.suffix(), derived.suffix());
            tracing::warn!(
                source,
                of_source,
                derived,
                of_derived,
                "partition counts differ: late events may be dropped"
            );
        }
    }
    Ok(())
}

/// A worker ends when it is drained; anything else is a defect, and is told.
async fn watched(worker: Worker, report: watch::Sender<Option<String>>) -> Result<(), Error> {
    struct Tell(&'static str, watch::Sender<Option<String>>, bool);
    impl Drop for Tell {
        fn drop(&mut self) {
            if !self.2 {
                self.1.send_replace(Some(format!("the worker of `{}` panicked", self.0)));
            }
        }
    }
    let mut tell = Tell(worker.parts.table.name, report, false);
    let done = worker.run().await;
    tell.2 = true;
    done
}

impl Handle {
    /// Waits until a worker ends that should not.
    pub async fn failed(&self) -> Error {
        let mut ended = self.ended.clone();
        loop {
            if let Some(what) = ended.borrow_and_update().clone() {
                return Error::Worker(what);
            }
            if ended.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Reads up to the end that the log has now, as long as that takes a bounded time, commits, and stops.
    pub async fn drain(mut self) -> Result<(), Error> {
        self.drain.trigger();
        let mut undrained = 0;
        for worker in std::mem::take(&mut self.workers) {
            match worker.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a table was not drained");
                    undrained += 1;
                }
                Err(ended) => return Err(Error::Worker(ended.to_string())),
            }
        }
        if undrained == 0 { Ok(()) } else { Err(Error::Undrained(undrained)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.abort();
        }
    }
}
