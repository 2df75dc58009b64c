use std::path::Path;

use weir_journal::Position;
use weir_policy::{FsyncSetting, OutboxConfig};
use weir_schemas::event::{Action, UsageSource};
use weir_schemas::{BootEpoch, EventId, IngressId, RequestId, Seq, TenantId};

use super::*;
use crate::outbox::open_journal;

fn header() -> Header {
    Header {
        event_id: EventId(uuid::Uuid::nil()),
        ingress_id: IngressId::from(""),
        boot_epoch: BootEpoch(0),
        seq: Seq(0),
        request_id: RequestId::fresh(),
        event_time: Timestamp(1_000),
        tenant: TenantId::from("t"),
        policy_version: "p".into(),
    }
}

fn request(provider: Option<&str>) -> Request {
    Request {
        header: header(),
        team: "team".into(),
        project: None,
        user_id: None,
        key_id: "key".into(),
        app: None,
        app_version: None,
        endpoint: "/v1/chat/completions".into(),
        request_model: "m".into(),
        provider: provider.map(ToOwned::to_owned),
        deployment: provider.map(|name| format!("{name}/m")),
        stream: true,
        action: Action::Allow,
        body: Bytes::from_static(b"{\"model\":\"m\"}"),
        original_hmac: String::new(),
        original_bytes: 13,
        findings: Vec::new(),
        reservations: Vec::new(),
    }
}

fn chunk(of: &Request, index: i64, text: &str) -> Chunk {
    let body = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let header = Header { event_time: Timestamp(2_000 + index), ..of.header.clone() };
    Chunk { header, index, body: body.into(), events: 1, last: false, findings: Vec::new() }
}

fn outcome(of: &Request) -> Outcome {
    Outcome {
        header: of.header.clone(),
        outcome: OutcomeKind::Completed,
        status: 200,
        error_origin: None,
        error_code: None,
        retry_safe: None,
        action: Action::Allow,
        finish_reason: None,
        latency_us: 1,
        ttft_us: None,
        chunks: 0,
        response_bytes: 0,
    }
}

/// The outbox of the `epoch`-th start.
fn outbox(dir: &Path, epoch: i64) -> Outbox {
    outbox_of(dir, epoch, 1 << 26)
}

fn outbox_of(dir: &Path, epoch: i64, max_bytes: u64) -> Outbox {
    let config = OutboxConfig { fsync: FsyncSetting::Never, max_bytes };
    let journal = open_journal(dir, &config).unwrap();
    Outbox::new(journal, &config, Codec::embedded(), IngressId::from("i"), BootEpoch(epoch))
}

fn entries(outbox: &Outbox) -> Vec<record::Entry> {
    let mut reader = outbox.journal().read_from(Position(0)).unwrap();
    let mut all = Vec::new();
    while let Some((_, bytes)) = reader.next().unwrap() {
        all.extend(record::entries(&bytes).unwrap());
    }
    all
}

#[test]
fn a_request_that_a_crash_left_open_ends_at_the_next_start_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let codec = Codec::embedded();
    let (mut open, mut whole, mut refused) = (request(Some("sim")), request(Some("sim")), request(None));
    {
        let outbox = outbox(dir.path(), 1);
        for request in [&mut open, &mut whole, &mut refused] {
            outbox.write(|batch| batch.add(request)).unwrap();
        }
        for (index, text) in ["Hel", "lo"].into_iter().enumerate() {
            let index = i64::try_from(index).unwrap();
            outbox.write(|batch| batch.add(&mut chunk(&open, index, text))).unwrap();
        }
        outbox.write(|batch| batch.add(&mut outcome(&whole))).unwrap();
    }
    let before = entries(&outbox(dir.path(), 2)).len();
    let next = outbox(dir.path(), 2);
    assert_eq!(close_left_open(&next, &codec).unwrap(), 2);
    assert_eq!(close_left_open(&next, &codec).unwrap(), 0, "what was closed is closed");

    let written = entries(&next).split_off(before);
    let topics: Vec<Topic> = written.iter().map(|entry| entry.topic).collect();
    assert_eq!(topics, [Topic::Chunks, Topic::Usage, Topic::Outcomes, Topic::Outcomes]);
    let last: Chunk = codec.decode(&written[0].value).unwrap();
    assert!(last.last && last.body.is_empty() && last.index == 2);
    let usage: Usage = codec.decode(&written[1].value).unwrap();
    assert_eq!((usage.source, usage.uncounted.unwrap().output.as_str()), (UsageSource::Estimated, "Hello"));
    let first: Outcome = codec.decode(&written[2].value).unwrap();
    assert_eq!((first.header.request_id, first.header.boot_epoch), (open.header.request_id, BootEpoch(2)));
    assert_eq!((first.outcome, first.status, first.chunks), (OutcomeKind::Internal, 200, 3));
    assert_eq!((first.latency_us, first.ttft_us), (1_001, Some(1_000)));
    let second: Outcome = codec.decode(&written[3].value).unwrap();
    assert_eq!((second.header.request_id, second.status), (refused.header.request_id, 499));
}

#[test]
fn a_full_outbox_takes_outcomes_still_and_never_keeps_the_ingress_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    {
        let outbox = outbox_of(dir.path(), 1, 256 * 1024);
        while outbox.write(|batch| batch.add(&mut request(Some("sim")))).is_ok() {}
    }
    let next = outbox_of(dir.path(), 2, 256 * 1024);
    let closed = close_left_open(&next, &Codec::embedded()).expect("a full outbox is no failure");
    assert!(closed > 0, "room is kept for the ends");
    assert!(next.write_end(|batch| batch.add(&mut request(None))).is_err(), "all of the room is used");
}

#[test]
fn events_of_an_open_request_stay_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = outbox(dir.path(), 1);
    let mut first = request(Some("sim"));
    outbox.write(|batch| batch.add(&mut request(None))).unwrap();
    let began = outbox.journal().end();
    // The refused one never ends here; it stands before and is what is kept.
    outbox.write(|batch| batch.add(&mut first)).unwrap();
    let end = outbox.journal().end();
    assert_eq!(outbox.keep_from(end), Position(0));
    assert_eq!(outbox.keep_from(Position(0)), Position(0));
    outbox.write(|batch| batch.add(&mut outcome(&first))).unwrap();
    assert!(outbox.keep_from(end) < began);
}
