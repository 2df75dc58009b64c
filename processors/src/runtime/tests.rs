//! The loop over the embedded log: crashes, poison, commits.

use std::collections::BTreeMap;

use weir_bus::{Delivery, Next, TopicPartition};
use weir_policy::Snapshot;
use weir_schemas::{Codec, Cost, Event, FindingsFound, Offset, RequestId, Topic, Usage};

use super::{Poison, Processor, Stepped, run, value};
use crate::handle::Deps;
use crate::testing::{Rig, chunk, until, usage};
use crate::{Error, Kind, start};

/// Copies of an event are equal, and first copies stand in the order of their places: the tables take each once (P2).
fn assert_once<E: Event + PartialEq + std::fmt::Debug>(log: Vec<(Delivery, E)>) -> usize {
    let mut first: BTreeMap<(String, i64), E> = BTreeMap::new();
    let mut marks: BTreeMap<(i32, String), i64> = BTreeMap::new();
    for (delivery, event) in log {
        let origin = event.origin();
        let place = (origin.stream.clone(), origin.position);
        if let Some(earlier) = first.get(&place) {
            assert_eq!(*earlier, event);
            continue;
        }
        let mark = marks.entry((delivery.partition.0, origin.stream)).or_insert(-1);
        assert!(origin.position > *mark, "{place:?} stands after {mark}");
        *mark = origin.position;
        first.insert(place, event);
    }
    first.len()
}

/// What the group has committed over all partitions of a topic.
async fn committed(rig: &Rig, kind: Kind, topic: Topic) -> i64 {
    let group = format!("{}.{kind}", rig.deps.topic_prefix);
    let name = rig.name(topic);
    let mut consumer = rig.deps.bus.consumer(&group, std::slice::from_ref(&name)).unwrap();
    let Next::Assigned(partitions) = consumer.next().await.unwrap() else { panic!("nothing was assigned") };
    // Where it reads on tells what is committed: count what is left.
    let mut end = 0;
    for at in &partitions {
        end += rig.deps.bus.offsets(at).await.unwrap().1.0;
    }
    let mut left = 0;
    while let Ok(Ok(Next::Records(batch))) =
        tokio::time::timeout(std::time::Duration::from_millis(300), consumer.next()).await
    {
        left += batch.len() as i64;
    }
    end - left
}

#[tokio::test]
async fn p2_a_processor_killed_at_any_time_writes_repeats_only_with_equal_ids_and_in_order() {
    let rig = Rig::new("killed", "").await;
    let mut sent = 0;
    for round in 0..12 {
        for _ in 0..100 {
            rig.send(&usage(sent, sent)).await;
            sent += 1;
        }
        let seen = rig.processed(Kind::Cost, Topic::Usage);
        let handle = start(Kind::Cost, rig.deps.clone());
        let wanted = seen + 1 + round * 8;
        until("some are judged", || async { rig.processed(Kind::Cost, Topic::Usage) >= wanted }).await;
        drop(handle);
    }
    let handle = start(Kind::Cost, rig.deps.clone());
    until("all are priced", || async { assert_once(rig.read::<Cost>().await) == sent as usize }).await;
    handle.drain().await.unwrap();
    assert_eq!(committed(&rig, Kind::Cost, Topic::Usage).await, sent);
    let written = rig.read::<Cost>().await.len();
    // After an orderly end nothing is done again.
    let handle = start(Kind::Cost, rig.deps.clone());
    rig.send(&usage(sent, 1)).await;
    until("the last is priced", || async { rig.read::<Cost>().await.len() > written }).await;
    assert_eq!(rig.read::<Cost>().await.len(), written + 1);
    handle.drain().await.unwrap();
}

#[tokio::test]
async fn two_instances_share_the_partitions_and_each_event_is_derived_once() {
    let rig = Rig::new("shared", "").await;
    let first = start(Kind::Cost, rig.deps.clone());
    let mut handles = vec![first];
    for seq in 0..600 {
        rig.send(&usage(seq, seq)).await;
        if seq == 200 {
            handles.push(start(Kind::Cost, rig.deps.clone()));
        }
        if seq == 400 {
            handles.remove(0).drain().await.unwrap();
        }
    }
    until("all are priced", || async { assert_once(rig.read::<Cost>().await) == 600 }).await;
    // Hand-overs in good order repeat nothing.
    assert_eq!(rig.read::<Cost>().await.len(), 600);
    for handle in handles {
        handle.drain().await.unwrap();
    }
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_with_its_bytes_and_the_rest_goes_on() {
    let rig = Rig::new("poison", "").await;
    let poisons: [&[u8]; 4] = [b"not avro", b"\0\0\0\0\x63body", b"\0\0\0\0\x03\x02", b""];
    for (seq, poison) in poisons.iter().enumerate() {
        for topic in [Topic::Usage, Topic::Requests, Topic::Chunks] {
            rig.send_raw(rig.name(topic), None, "k".into(), poison.to_vec()).await;
        }
        rig.send(&usage(seq as i64, 1)).await;
    }
    let (cost, dlp) = (start(Kind::Cost, rig.deps.clone()), start(Kind::Dlp, rig.deps.clone()));
    for topic in [Topic::Usage, Topic::Requests, Topic::Chunks] {
        let letters = || async { rig.read_raw(topic.dead_letters("poison")).await };
        until("all are letters", || async { letters().await.len() == poisons.len() }).await;
        for letter in letters().await {
            assert!(poisons.contains(&letter.value.as_deref().unwrap()));
            let reason = letter.headers.iter().find(|(name, _)| name == "weir.error").unwrap();
            assert!(!reason.1.is_empty());
        }
    }
    until("the good ones are priced", || async { rig.read::<Cost>().await.len() == poisons.len() }).await;
    cost.drain().await.unwrap();
    dlp.drain().await.unwrap();
    assert_eq!(committed(&rig, Kind::Cost, Topic::Usage).await, 2 * poisons.len() as i64);
    assert_eq!(committed(&rig, Kind::Dlp, Topic::Chunks).await, poisons.len() as i64);
}

#[tokio::test]
async fn a_restart_rebuilds_the_open_answers_and_finds_what_is_cut_by_it() {
    for (prefix, orderly) in [("orderly", true), ("crashed", false)] {
        let rig = Rig::new(prefix, "").await;
        let (open, done) = (RequestId::fresh(), RequestId::fresh());
        let stop = |handle: crate::Handle| async move {
            if orderly {
                handle.drain().await.unwrap();
            }
        };
        let handle = start(Kind::Dlp, rig.deps.clone());
        rig.send(&chunk(0, open, 0, "mail ann@exam", false)).await;
        rig.send(&chunk(1, done, 0, "mail bob@example.com.", true)).await;
        until("both are judged", || async { rig.processed(Kind::Dlp, Topic::Chunks) == 2 }).await;
        until("one is found", || async { rig.read::<FindingsFound>().await.len() == 1 }).await;
        stop(handle).await;

        let handle = start(Kind::Dlp, rig.deps.clone());
        rig.send(&chunk(2, open, 1, "ple.com, ", false)).await;
        rig.send(&chunk(3, open, 2, "bye", true)).await;
        let of_open = || async {
            let all = rig.read::<FindingsFound>().await;
            all.into_iter().find(|(_, event)| event.header.request_id == open)
        };
        until("the cut one is found", || async { of_open().await.is_some() }).await;
        let (_, event) = of_open().await.unwrap();
        assert_eq!(event.header.seq.0, 2, "in the chunk that completes it");
        assert_eq!((event.findings[0].start, event.findings[0].end), (5, 20));
        handle.drain().await.unwrap();
        assert_once(rig.read::<FindingsFound>().await);
        assert_eq!(committed(&rig, Kind::Dlp, Topic::Chunks).await, 4, "{prefix}");
    }
}

/// Panics on usages of 13 tokens, and derives what is too large from those of 17.
struct Picky {
    codec: Codec,
}

impl Processor for Picky {
    const KIND: Kind = Kind::Cost;
    const HEAVY: bool = true;
    type Out = Usage;

    fn inputs() -> &'static [Topic] {
        &[Topic::Usage]
    }
    fn forget(&mut self, _at: &TopicPartition) {}
    fn step(&mut self, delivery: &Delivery, _policy: &Snapshot) -> Result<Stepped<Usage>, Poison> {
        let mut usage: Usage = self.codec.decode(value(delivery)?)?;
        if usage.provider == "derived" {
            return Ok(Stepped::done(None));
        }
        usage.provider = "derived".to_owned();
        match usage.tokens.input_tokens {
            13 => panic!("a defect of the step"),
            17 => usage.deployment = "x".repeat(3 << 20),
            _ => {}
        }
        Ok(Stepped::done(Some(usage)))
    }
}

#[tokio::test]
async fn a_record_that_breaks_the_step_or_the_log_is_a_dead_letter_and_the_rest_goes_on() {
    let rig = Rig::new("picky", "").await;
    for seq in 0..30 {
        rig.send(&usage(seq, seq)).await;
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let make = |deps: &Deps| Picky { codec: deps.codec.clone() };
    let task = tokio::spawn(run(rig.deps.clone(), stopped, make));
    let letters = || async { rig.read_raw(Topic::Usage.dead_letters("picky")).await };
    let derived = || async {
        let all = rig.read::<Usage>().await;
        let derived = all.into_iter().filter(|(_, usage)| usage.provider == "derived");
        derived.map(|(_, usage)| usage.header.seq).collect::<std::collections::BTreeSet<_>>()
    };
    until("all but two are derived", || async { derived().await.len() == 28 && letters().await.len() >= 2 }).await;
    stop.send_replace(true);
    task.await.unwrap().unwrap();
    let mut seqs: Vec<i64> = Vec::new();
    for letter in letters().await {
        seqs.push(rig.deps.codec.decode::<Usage>(&letter.value.unwrap()).unwrap().header.seq.0);
    }
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs, [13, 17]);
}

#[tokio::test]
async fn topics_that_are_missing_or_do_not_fit_are_named() {
    let rig = Rig::new("fits", "").await;
    let mut deps = rig.deps.clone();
    deps.topic_prefix = "elsewhere".to_owned();
    let handle = start(Kind::Cost, deps.clone());
    assert!(
        matches!(&*handle.failed().await, Error::Bus(weir_bus::Error::UnknownTopic(t)) if t.as_str() == "elsewhere.usage")
    );
    assert!(handle.drain().await.is_err());

    let spec = |topic: Topic, partitions| weir_bus::TopicSpec {
        name: topic.name("elsewhere"),
        partitions,
        replication: 1,
        cleanup: topic.cleanup(),
    };
    deps.bus.create_topics(&[spec(Topic::Usage, 2), spec(Topic::Costs, 4)]).await.unwrap();
    let handle = start(Kind::Cost, deps);
    let error = handle.failed().await.to_string();
    assert!(error.contains("elsewhere.usage (2 partitions)") && error.contains("elsewhere.costs (4)"), "{error}");
}

#[tokio::test]
async fn an_end_in_good_order_never_fails() {
    let rig = Rig::new("ends", "").await;
    let handle = start(Kind::Cost, rig.deps.clone());
    tokio::select! {
        biased;
        error = handle.failed() => panic!("{error}"),
        () = tokio::task::yield_now() => {}
    }
    handle.drain().await.unwrap();
    assert_eq!(committed(&rig, Kind::Cost, Topic::Usage).await, Offset(0).0);
}
