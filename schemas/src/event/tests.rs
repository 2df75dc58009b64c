//! Each type against its schema: what is written by the type is read by the schema, and back.

use bytes::Bytes;

use super::*;
use crate::codec::Codec;
use crate::ids::*;
use crate::money::Money;
use crate::registry;
use crate::time::Timestamp;

fn header() -> Header {
    let ingress = IngressId::from("ingress-a");
    let stream = Header::stream_id(&ingress, BootEpoch(3), Topic::Requests);
    Header {
        event_id: Header::event_id(stream, Seq(7)),
        ingress_id: ingress,
        boot_epoch: BootEpoch(3),
        seq: Seq(7),
        request_id: RequestId::fresh(),
        event_time: Timestamp(1_790_000_000_123_456),
        tenant: TenantId::from("acme"),
        policy_version: "p-1".into(),
    }
}

fn inline() -> InlineFinding {
    InlineFinding {
        recognizer: "email".into(),
        kind: "EMAIL_ADDRESS".into(),
        category: "pii".into(),
        field: "/messages/0/content".into(),
        start: 3,
        end: 20,
        score: 0.9,
        action: Action::Redact,
    }
}

const TOKENS: TokenCounts = TokenCounts {
    input_tokens: 12,
    output_tokens: 34,
    cache_read_input_tokens: 5,
    cache_creation_input_tokens: 0,
    reasoning_tokens: 6,
};

fn round_trip<E: Event + PartialEq + std::fmt::Debug>(event: E) {
    let codec = Codec::embedded();
    let bytes = codec.encode(&event).unwrap();
    assert_eq!(codec.decode::<E>(&bytes).unwrap(), event);
    // The same bytes by the schema alone, as any other Avro reader sees them.
    let schema = registry::schema_of::<E>();
    let value = apache_avro::reader::datum::GenericDatumReader::builder(schema)
        .human_readable(false)
        .build()
        .unwrap()
        .read_value(&mut &bytes[crate::codec::FRAME_BYTES..])
        .unwrap();
    assert!(value.validate(schema), "{}", E::RECORD);
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let window = Window { start: Timestamp(0), end: Some(Timestamp(86_400_000_000)) };
    for filled in [true, false] {
        let some = |text: &str| filled.then(|| text.to_owned());
        round_trip(Request {
            header: header(),
            team: "red".into(),
            project: filled.then(|| "p".into()),
            user_id: filled.then(|| "u".into()),
            key_id: "k".into(),
            app: some("app"),
            app_version: some("1.2"),
            endpoint: "/v1/chat/completions".into(),
            request_model: "m".into(),
            provider: some("sim"),
            deployment: some("sim/m"),
            stream: filled,
            action: Action::Redact,
            body: Bytes::from_static(b"{}\xff"),
            original_hmac: "ab".into(),
            original_bytes: 2,
            findings: if filled { vec![inline(), inline()] } else { vec![] },
            reservations: vec![ReservationRef {
                budget_id: "b".into(),
                lease_id: LeaseId::of(IntentId::fresh()),
                amount: Money(5),
            }],
        });
        round_trip(Chunk {
            header: header(),
            index: 4,
            body: Bytes::from_static(b"data: {}\n\n"),
            events: 1,
            last: filled,
            findings: if filled { vec![inline()] } else { vec![] },
        });
        let uncounted = Uncounted { input: "in".into(), input_bytes: 2, output: "out".into(), output_bytes: 3 };
        round_trip(Usage {
            header: header(),
            team: "red".into(),
            project: None,
            user_id: None,
            key_id: "k".into(),
            provider: "sim".into(),
            deployment: "sim/m".into(),
            request_model: "m".into(),
            response_model: some("m-2026"),
            tier: some("flex"),
            source: if filled { UsageSource::Estimated } else { UsageSource::Provider },
            tokens: TOKENS,
            uncounted: filled.then_some(uncounted),
        });
        round_trip(Outcome {
            header: header(),
            outcome: OutcomeKind::UpstreamError,
            status: 502,
            error_origin: filled.then_some(ErrorOrigin::Provider),
            error_code: some("upstream_error"),
            retry_safe: filled.then_some(true),
            action: Action::Allow,
            finish_reason: some("stop"),
            latency_us: 12,
            ttft_us: filled.then_some(3),
            chunks: 1,
            response_bytes: 99,
        });
        round_trip(FindingsFound {
            header: header(),
            source: "chunks".into(),
            direction: Direction::Completion,
            findings: vec![Finding {
                recognizer: "card".into(),
                kind: "CREDIT_CARD".into(),
                category: "pii".into(),
                field: "choices/0/content".into(),
                start: 0,
                end: 16,
                score: 1.0,
                action: Action::Flag,
                seen_by: SeenBy::Log,
            }],
        });
        round_trip(Cost {
            header: header().derive("cost"),
            team: "red".into(),
            project: None,
            user_id: None,
            key_id: "k".into(),
            provider: "sim".into(),
            deployment: "sim/m".into(),
            request_model: "m".into(),
            response_model: None,
            source: UsageSource::Estimated,
            tokens: TOKENS,
            cost: filled.then_some(Money(42)),
            price_version: some("2026-11"),
        });
        round_trip(Intent {
            intent_id: IntentId::fresh(),
            budget_id: "b".into(),
            ingress_id: "i".into(),
            boot_epoch: BootEpoch(1),
            seq: Seq(0),
            event_time: Timestamp(1),
            ask: filled.then_some(Ask { need: Money(1), want: Money(2), ttl_ms: 3 }),
            r#return: (!filled).then(|| Return { lease_id: LeaseId::of(IntentId::fresh()), spent: Money(1) }),
        });
        let intent = IntentId::fresh();
        let records = [
            QuotaRecord { claim: Some(Claim { nonce: "n".into() }), ..Default::default() },
            QuotaRecord {
                grant: Some(Grant {
                    intent_id: intent,
                    lease_id: LeaseId::of(intent),
                    ingress_id: "i".into(),
                    boot_epoch: BootEpoch(1),
                    amount: Money(7),
                    ttl_ms: 60_000,
                    window,
                }),
                ..Default::default()
            },
            QuotaRecord {
                deny: Some(Deny {
                    intent_id: intent,
                    ingress_id: "i".into(),
                    boot_epoch: BootEpoch(1),
                    limit: Money(1),
                    charged: Money(1),
                    outstanding: Money(0),
                    retry_after_ms: filled.then_some(5),
                    window: Window { end: None, ..window },
                }),
                ..Default::default()
            },
            QuotaRecord {
                settle: Some(Settle { lease_id: LeaseId::of(intent), spent: Money(3), window }),
                ..Default::default()
            },
        ];
        for record in records {
            round_trip(QuotaEntry {
                epoch: 2,
                seq: Seq(1),
                owner: "q".into(),
                partition: 0,
                budget_id: filled.then(|| "b".into()),
                intent_offset: Offset(-1),
                event_time: Timestamp(1),
                record,
            });
        }
    }
}

#[test]
fn ids_and_subjects_of_the_registry_are_unique() {
    let mut ids: Vec<_> = registry::RELEASED.iter().map(|s| s.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), registry::RELEASED.len());
    assert!(ids.is_sorted());
    for topic in Topic::ALL {
        assert_eq!(registry::LATEST.iter().filter(|s| s.topic == topic).count(), 1, "{topic:?}");
    }
}

#[test]
fn bad_values_are_errors_and_never_panic() {
    let codec = Codec::embedded();
    let good = codec
        .encode(&Chunk {
            header: header(),
            index: 0,
            body: Bytes::from_static(b"x"),
            events: 0,
            last: true,
            findings: vec![],
        })
        .unwrap();
    for cut in 0..good.len() {
        assert!(codec.decode::<Chunk>(&good[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(codec.decode::<Chunk>(&longer).is_err());
    assert!(matches!(codec.decode::<Request>(&good), Err(crate::Error::WrongRecord { .. })));
    let mut foreign = good.clone();
    foreign[4] = 99;
    assert!(matches!(codec.decode::<Chunk>(&foreign), Err(crate::Error::UnknownSchema(SchemaId(99)))));
    // A length that claims more than any value has (2 GiB, 40 MiB) is not allocated.
    for claims in [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[0x80, 0x80, 0x80, 0x28]] {
        let Err(crate::Error::Decode { source, .. }) = codec.decode::<Chunk>(&[&[0, 0, 0, 0, 2], claims].concat())
        else {
            panic!("decoded");
        };
        assert!(matches!(source.details(), apache_avro::error::Details::MemoryAllocation { .. }), "{source}");
    }
}

#[test]
fn what_another_release_wrote_is_read_and_nothing_may_follow_it() {
    let codec = Codec::embedded();
    let chunk = Chunk { header: header(), index: 4, body: Bytes::new(), events: 0, last: true, findings: vec![] };
    let mut bytes = codec.encode(&chunk).unwrap();
    // The same schema under an id of an outside registry: read by the way of other schemas.
    codec.learn(SchemaId(77), Chunk::AVSC).unwrap();
    bytes[4] = 77;
    assert_eq!(codec.decode::<Chunk>(&bytes).unwrap(), chunk);
    bytes.push(0);
    assert!(matches!(codec.decode::<Chunk>(&bytes), Err(crate::Error::NotFramed(_))));
}

#[test]
fn an_event_id_tells_stream_and_place() {
    let ingress = IngressId::from("a");
    let stream = |epoch, topic| Header::stream_id(&ingress, BootEpoch(epoch), topic);
    let id = |s, n| Header::event_id(s, Seq(n));
    assert_eq!(id(stream(1, Topic::Chunks), 5), id(stream(1, Topic::Chunks), 5));
    assert_ne!(id(stream(1, Topic::Chunks), 5), id(stream(1, Topic::Chunks), 6));
    assert_ne!(id(stream(1, Topic::Chunks), 5), id(stream(1, Topic::Usage), 5));
    assert_ne!(id(stream(1, Topic::Chunks), 5), id(stream(2, Topic::Chunks), 5));
}
