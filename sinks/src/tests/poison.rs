//! What cannot become rows goes to the dead letters and never stops the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use weir_schemas::{Codec, Event, Offset, Outcome, Partition, SchemaId, Timestamp, Topic};

use super::world::*;
use crate::sink::SchemaSource;
use crate::table_sink::{Flushed, Parts, TableSink};

fn encoded(outcome: &Outcome) -> bytes::Bytes {
    Codec::embedded().encode(outcome).unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_buried_with_its_place_and_the_rest_goes_on() {
    let mut log = Log::new(Topic::Outcomes, 1);
    log.append(&outcome("a", 0));
    let good = encoded(&outcome("a", 1));
    let mut foreign = good.to_vec();
    foreign[4] = 99;
    let mut of_another_topic = good.to_vec();
    of_another_topic[4] = 1;
    let mut longer = good.to_vec();
    longer.push(0);
    let mut timeless = outcome("a", 2);
    timeless.header.event_time = Timestamp(-1);
    let mut nobodys = outcome("a", 3);
    nobodys.header.tenant = "".into();
    let mut long = outcome("a", 4);
    long.header.tenant = "ü".repeat(100).as_str().into();
    let mut negative = outcome("a", 5);
    negative.header.seq.0 = -5;
    let values = [
        Some(b"".as_slice().into()),
        Some(b"not avro".as_slice().into()),
        Some(good.slice(..good.len() - 1)),
        Some(foreign.into()),
        Some(of_another_topic.into()),
        Some(longer.into()),
        None,
        Some(encoded(&timeless)),
        Some(encoded(&nobodys)),
        Some(encoded(&long)),
        Some(encoded(&negative)),
    ];
    let poison = values.len();
    for value in values {
        log.append_raw(0, value);
    }
    log.append(&outcome("a", 6));
    // A topic that ends in poison advances too.
    log.append_raw(0, None);

    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[100]).await.unwrap();
    let events = world.events().await;
    assert_eq!(events.keys().map(|(_, seq)| *seq).collect::<Vec<_>>(), [0, 6]);
    let buried = world.buried.0.lock().unwrap().clone();
    assert_eq!(buried.len(), poison + 1);
    assert_eq!(buried[3].2, "schema id 99 is unknown");
    assert!(buried.iter().all(|(p, offset, _)| *p == Partition(0) && offset.0 > 0));
    let last = i64::try_from(log.partitions[0].len()).unwrap() - 1;
    assert_eq!(sink.reached(Partition(0)).await.unwrap(), Some(Offset(last)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_poison_alone_is_a_commit_without_files() {
    let mut log = Log::new(Topic::Outcomes, 1);
    log.append_raw(0, None);
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    for delivery in &log.partitions[0] {
        sink.take(delivery).await.unwrap();
    }
    assert_eq!(sink.flush().await.unwrap(), Flushed::Done(vec![(Partition(0), Offset(1))]));
    assert_eq!(sink.flush().await.unwrap(), Flushed::Nothing);
    assert!(world.rows().await.is_empty());
    assert_eq!(world.start(&log).await.partitions(), [(Partition(0), Offset(1))]);
}

struct Registry(AtomicUsize);

impl SchemaSource for Registry {
    fn schema(&self, id: SchemaId) -> BoxFuture<'_, Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async move {
            match (self.0.fetch_add(1, Ordering::SeqCst), id) {
                (0, _) => Err("not now".into()),
                (_, SchemaId(99)) => Ok(Some(Outcome::AVSC.to_owned())),
                _ => Ok(None),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_an_outside_registry_knows_is_learned_once() {
    let mut log = Log::new(Topic::Outcomes, 1);
    for (seq, id) in [(0, 99), (1, 99), (2, 98), (3, 98), (4, 99)] {
        let mut value = encoded(&outcome("a", seq)).to_vec();
        value[4] = id;
        log.append_raw(0, Some(value.into()));
    }
    let world = World::new(Topic::Outcomes);
    let registry = Arc::new(Registry(AtomicUsize::new(0)));
    let mut sink = TableSink::open(Parts { schemas: Some(registry.clone()), ..world.parts() }).await.unwrap();
    own(&mut sink, &log).await;
    // The registry is away: the record waits, and nothing passes it.
    assert!(sink.take(&log.partitions[0][0]).await.is_err());
    assert_eq!(sink.partitions(), [(Partition(0), Offset(0))]);
    read(&mut sink, &log, &[100]).await.unwrap();
    assert_eq!(world.events().await.len(), 3);
    assert_eq!(world.buried.0.lock().unwrap().len(), 2);
    assert_eq!(registry.0.load(Ordering::SeqCst), 3, "each unknown id is asked for once");
}
