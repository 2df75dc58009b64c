//! Events of the size that real traffic has.

use weir_schemas::event::{Action, ReservationRef};
use weir_schemas::ids::{IntentId, LeaseId};
use weir_schemas::{BootEpoch, Chunk, Header, IngressId, Money, Request, RequestId, Seq, TenantId, Timestamp, Topic};
use weir_simulator::answer;

fn header(topic: Topic) -> Header {
    let ingress_id = IngressId::from("ingress-a1b2c3");
    let stream = Header::stream_id(&ingress_id, BootEpoch(3), topic);
    Header {
        event_id: Header::event_id(stream, Seq(123_456)),
        ingress_id,
        boot_epoch: BootEpoch(3),
        seq: Seq(123_456),
        request_id: RequestId::fresh(),
        event_time: Timestamp(1_790_000_000_123_456),
        tenant: TenantId::from("acme"),
        policy_version: "3f2a9c1d5b7e8f60".into(),
    }
}

/// One event of a stream: some 250 bytes of body.
pub(crate) fn chunk() -> Chunk {
    let body = concat!(
        r#"data: {"id":"chatcmpl-0123456789abcdef00000001","object":"chat.completion.chunk","created":1790000000,"#,
        r#""model":"sim-small","system_fingerprint":"fp_simulator","choices":[{"index":0,"delta":{"content":" meadow"},"#,
        r#""logprobs":null,"finish_reason":null}]}"#,
        "\n\n"
    );
    Chunk { header: header(Topic::Chunks), index: 17, body: body.into(), events: 1, last: false, findings: vec![] }
}

/// A call with some 4 kB of messages.
pub(crate) fn request() -> Request {
    let text = answer::text(7, 650, None);
    let body = format!(r#"{{"model":"sim-small","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let lease_id = LeaseId::of(IntentId::fresh());
    Request {
        header: header(Topic::Requests),
        team: "red".into(),
        project: Some("search".into()),
        user_id: None,
        key_id: "key-1".into(),
        app: Some("assistant".into()),
        app_version: Some("1.2.3".into()),
        endpoint: "/v1/chat/completions".into(),
        request_model: "sim-small".into(),
        provider: Some("simulated".into()),
        deployment: Some("simulated/sim-small".into()),
        stream: true,
        action: Action::Allow,
        original_bytes: i64::try_from(body.len()).unwrap_or(0),
        body: body.into(),
        original_hmac: "0123456789abcdef".repeat(4),
        findings: vec![],
        reservations: vec![ReservationRef { budget_id: "team-red".into(), lease_id, amount: Money(5_000_000) }],
    }
}
