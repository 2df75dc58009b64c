//! P2: two sinks on one table, and commits whose answer is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use url::Url;
use weir_schemas::{Partition, Topic};

use super::world::*;
use crate::durable::Durable;
use crate::error::Error;
use crate::lake::Lake;
use crate::table_sink::{Flushed, Parts, TableSink};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_zombie_that_lost_its_partition_is_refused() {
    let log = log_with_repeats(2, 30);
    let world = World::new(Topic::Outcomes);
    let mut zombie = world.start(&log).await;
    let all = log.from(&zombie.partitions().into_iter().collect());
    for delivery in &all[..20] {
        zombie.take(delivery).await.unwrap();
    }
    let mut owner = world.start(&log).await;
    for delivery in &all[..31] {
        owner.take(delivery).await.unwrap();
    }
    assert!(matches!(owner.flush().await.unwrap(), Flushed::Done(_)));
    // Its handle is old, its files are there, its batch is smaller, equal or larger: never taken.
    assert_eq!(zombie.flush().await.unwrap(), Flushed::Moved);
    assert_eq!(zombie.partitions(), [], "it holds nothing until it is assigned again");
    own(&mut zombie, &log).await;
    read(&mut zombie, &log, &[13]).await.unwrap();
    // The owner is the zombie now. Short of the table's place it is refused; just there its batch is known to be in.
    for delivery in &all[31..60] {
        owner.take(delivery).await.unwrap();
    }
    assert_eq!(owner.flush().await.unwrap(), Flushed::Moved);
    assert_eq!(world.events().await, first_copies(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_owners_that_contend_for_everything_write_each_event_once() {
    let log = Arc::new(log_with_repeats(3, 60));
    let world = Arc::new(World::new(Topic::Outcomes));
    let contenders: Vec<_> = [13, 29, 40]
        .into_iter()
        .map(|cut| {
            let (log, world) = (log.clone(), world.clone());
            tokio::spawn(async move {
                let mut sink = world.start(&log).await;
                read(&mut sink, &log, &[cut]).await
            })
        })
        .collect();
    for contender in contenders {
        contender.await.unwrap().unwrap();
    }
    assert_eq!(world.events().await, first_copies(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_of_different_partitions_share_a_table() {
    let log = Arc::new(log_with_repeats(2, 40));
    let world = Arc::new(World::new(Topic::Outcomes));
    let owners: Vec<_> = [(0, 10), (1, 7)]
        .into_iter()
        .map(|(partition, cut)| {
            let (log, world) = (log.clone(), world.clone());
            tokio::spawn(async move {
                let mut sink = world.start(&log).await;
                sink.revoke(Partition(1 - partition));
                read(&mut sink, &log, &[cut]).await
            })
        })
        .collect();
    for owner in owners {
        owner.await.unwrap().unwrap();
    }
    assert_eq!(world.events().await, first_copies(&log));
}

/// A store that refuses data files, and writes commits and then says something else, so many times.
#[derive(Debug)]
struct Lying {
    inner: Durable,
    faults: AtomicUsize,
    says_exists: bool,
    /// Data files that it does not take.
    refusals: AtomicUsize,
}

impl std::fmt::Display for Lying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lying")
    }
}

#[async_trait]
impl ObjectStore for Lying {
    async fn put_opts(&self, at: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let once_less = |left: usize| left.checked_sub(1);
        let due = |left: &AtomicUsize| left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, once_less).is_ok();
        if at.extension() == Some("parquet") && due(&self.refusals) {
            return Err(object_store::Error::Generic { store: "lying", source: "no space".into() });
        }
        let done = self.inner.put_opts(at, payload, opts).await?;
        let is_commit = at.as_ref().contains("_delta_log/") && at.extension() == Some("json");
        if is_commit && due(&self.faults) {
            let path = at.to_string();
            return Err(if self.says_exists {
                object_store::Error::AlreadyExists { path, source: "the answer was lost".into() }
            } else {
                object_store::Error::Generic { store: "lying", source: "timed out".into() }
            });
        }
        Ok(done)
    }
    async fn put_multipart_opts(&self, at: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, opts).await
    }
    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, options).await
    }
    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(at)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A sink over a lying store, on the tables of `world`.
async fn over(store: &Arc<Lying>, world: &World, log: &Log) -> TableSink {
    let url = Url::from_directory_path(world.dir.path().canonicalize().unwrap()).unwrap();
    let parts = Parts { lake: Lake::store(&url, store.clone()), ..world.parts() };
    let mut sink = TableSink::open(parts).await.unwrap();
    own(&mut sink, log).await;
    sink
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_commit_whose_answer_is_lost_counts_once() {
    for says_exists in [false, true] {
        let log = log_with_repeats(2, 20);
        let world = World::new(Topic::Outcomes);
        drop(world.start(&log).await);
        let store = Arc::new(Lying {
            inner: Durable::new(),
            faults: AtomicUsize::new(2),
            says_exists,
            refusals: AtomicUsize::new(0),
        });
        let mut sink = over(&store, &world, &log).await;
        read(&mut sink, &log, &[25]).await.unwrap();
        assert_eq!(store.faults.load(Ordering::SeqCst), 0);
        assert_eq!(world.events().await, first_copies(&log), "says_exists: {says_exists}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_refused_write_waits_and_never_advances() {
    let log = log_with_repeats(2, 20);
    let world = World::new(Topic::Outcomes);
    let refusals = AtomicUsize::new(3);
    let store = Arc::new(Lying { inner: Durable::new(), faults: AtomicUsize::new(0), says_exists: false, refusals });
    let mut sink = over(&store, &world, &log).await;
    for delivery in log.from(&sink.partitions().into_iter().collect()) {
        sink.take(&delivery).await.unwrap();
    }
    for _ in 0..3 {
        assert!(matches!(sink.flush().await, Err(Error::Store { table: "outcomes", .. })));
        assert!(sink.must_flush(), "nothing more is taken before it passes");
        assert_eq!(sink.reached(Partition(0)).await.unwrap(), None);
    }
    assert!(matches!(sink.flush().await.unwrap(), Flushed::Done(_)));
    assert_eq!(world.events().await, first_copies(&log));
}
