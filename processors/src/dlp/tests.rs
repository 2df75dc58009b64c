//! Tables of requests and answers, and what is told of them.

use std::time::Duration;

use bytes::Bytes;
use weir_detect::Detector;
use weir_policy::Guardrails;
use weir_schemas::event::{Action, Finding, InlineFinding, SeenBy};
use weir_schemas::{Chunk, FindingsFound, Offset, Request, RequestId, Timestamp, Topic};

use super::config::Limits;
use super::state::{Bound, OpenAnswers, Seen};
use super::step;
pub(super) use crate::testing::header;

fn request(body: &str, findings: Vec<InlineFinding>) -> Request {
    Request {
        header: header(Topic::Requests, 0, RequestId::fresh()),
        team: "red".into(),
        project: None,
        user_id: None,
        key_id: "k".into(),
        app: None,
        app_version: None,
        endpoint: "/v1/chat/completions".into(),
        request_model: "m".into(),
        provider: None,
        deployment: None,
        stream: false,
        action: Action::Allow,
        body: Bytes::copy_from_slice(body.as_bytes()),
        original_hmac: String::new(),
        original_bytes: 0,
        findings,
        reservations: vec![],
    }
}

fn inline(field: &str, action: Action) -> InlineFinding {
    InlineFinding {
        recognizer: "email".into(),
        kind: "EMAIL_ADDRESS".into(),
        category: "pii".into(),
        field: field.into(),
        start: 0,
        end: 17,
        score: 1.0,
        action,
    }
}

fn of_request(body: &str, findings: Vec<InlineFinding>) -> Option<FindingsFound> {
    step::of_request(&request(body, findings), &Detector::builtin(), &Guardrails::default())
}

fn told(findings: &[Finding]) -> Vec<(String, String, i64, i64, SeenBy)> {
    let tell = |f: &Finding| (f.kind.clone(), f.field.clone(), f.start, f.end, f.seen_by);
    findings.iter().map(tell).collect()
}

fn row(kind: &str, field: &str, start: i64, end: i64, seen_by: SeenBy) -> (String, String, i64, i64, SeenBy) {
    (kind.to_owned(), field.to_owned(), start, end, seen_by)
}

#[test]
fn a_request_with_nothing_in_it_makes_no_event() {
    for body in ["", "{}", r#"{"messages":[{"role":"user","content":"What is a weir?"}]}"#, "not json"] {
        assert_eq!(of_request(body, vec![]), None, "{body}");
    }
}

#[test]
fn every_string_of_a_request_is_scanned_and_named_by_its_pointer() {
    let body = r#"{"messages":[{"role":"user","content":"hi"},{"content":[{"text":"mail ann@example.com now"}]}],"a/b":"bob@example.com"}"#;
    let found = of_request(body, vec![]).unwrap();
    let mut rows = told(&found.findings);
    rows.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        rows,
        [
            row("EMAIL_ADDRESS", "/a~1b", 0, 15, SeenBy::Log),
            row("EMAIL_ADDRESS", "/messages/1/content/0/text", 5, 20, SeenBy::Log),
        ]
    );
    assert!(found.findings.iter().all(|f| f.action == Action::Flag));
}

#[test]
fn a_member_name_that_is_a_value_is_found_and_not_told() {
    let found = of_request(r#"{"metadata":{"ann@example.com":"x"}}"#, vec![]).unwrap();
    assert_eq!(told(&found.findings), [row("EMAIL_ADDRESS", "/metadata#", 0, 15, SeenBy::Log)]);
    // As the ingress names it, so that it is told once.
    let both = of_request(r#"{"metadata":{"ann@example.com":"x"}}"#, vec![inline("/metadata#", Action::Flag)]).unwrap();
    assert_eq!(told(&both.findings).len(), 1);
}

#[test]
fn a_long_number_is_scanned_as_it_is_written() {
    let found = of_request(r#"{"tools":[{"default":4111111111111111,"max":10}]}"#, vec![]).unwrap();
    assert_eq!(told(&found.findings), [row("CREDIT_CARD", "/tools/0/default", 0, 16, SeenBy::Log)]);
}

#[test]
fn a_body_that_is_no_json_is_scanned_as_it_is() {
    let found = of_request("to: ann@example.com", vec![]).unwrap();
    assert_eq!(told(&found.findings), [row("EMAIL_ADDRESS", "", 4, 19, SeenBy::Log)]);
}

#[test]
fn what_both_saw_is_told_once_and_what_was_replaced_is_told_beside_what_was_not() {
    let body = r#"{"prompt":"ann@example.com and bob@example.com"}"#;
    let flagged = of_request(body, vec![inline("/prompt", Action::Flag)]).unwrap();
    assert_eq!(
        told(&flagged.findings),
        [row("EMAIL_ADDRESS", "/prompt", 0, 17, SeenBy::Inline), row("EMAIL_ADDRESS", "/prompt", 20, 35, SeenBy::Log)]
    );
    let redacted = of_request(body, vec![inline("/prompt", Action::Redact)]).unwrap();
    assert_eq!(redacted.findings.len(), 3);
}

#[test]
fn the_event_has_its_sources_place_and_an_id_of_its_own() {
    let request = request(r#"{"prompt":"ann@example.com"}"#, vec![]);
    let guardrails = Guardrails::default();
    let found = step::of_request(&request, &Detector::builtin(), &guardrails).unwrap();
    assert_eq!(found.source, "requests");
    assert_eq!(found.header, request.header.derive("dlp"));
    assert_eq!(found, step::of_request(&request, &Detector::builtin(), &guardrails).unwrap());
}

/// Feeds the chunks of one partition and remembers the offset.
struct Log {
    open: OpenAnswers,
    offset: i64,
    now: Timestamp,
}

impl Log {
    fn new(limits: Limits) -> Self {
        Self { open: OpenAnswers::new(limits), offset: 0, now: Timestamp(0) }
    }

    fn chunk(&mut self, id: RequestId, index: i64, body: &str, last: bool) -> Seen {
        let chunk = Chunk {
            header: header(Topic::Chunks, self.offset, id),
            index,
            body: Bytes::copy_from_slice(body.as_bytes()),
            events: 0,
            last,
            findings: vec![],
        };
        let offset = Offset(self.offset);
        self.offset += 1;
        self.open.chunk(&chunk, offset, self.now, &Detector::builtin(), &Guardrails::default())
    }
}

fn delta(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}\n\n", serde_json::json!(text))
}

#[test]
fn a_value_that_is_cut_across_chunks_is_found_in_the_chunk_that_completes_it() {
    let (mut log, id) = (Log::new(Limits::default()), RequestId::fresh());
    let mut completed = Vec::new();
    let pieces = ["Write to ann", "@exam", "ple.com", " please", " and thanks"];
    for (index, piece) in pieces.iter().enumerate() {
        let seen = log.chunk(id, index as i64, &delta(piece), false);
        assert_eq!(seen.hold, index == 0);
        completed.extend(told(&seen.findings).into_iter().map(|row| (index, row)));
    }
    let end = log.chunk(id, 5, "data: [DONE]\n\n", true);
    assert!(end.findings.is_empty());
    assert_eq!(end.releases, [Offset(0)]);
    assert_eq!(completed, [(3, row("EMAIL_ADDRESS", "choices/0/content", 9, 24, SeenBy::Log))]);
    assert_eq!(log.open.open(), (0, 0));
}

#[test]
fn the_end_of_an_answer_completes_what_was_undecided() {
    let (mut log, id) = (Log::new(Limits::default()), RequestId::fresh());
    assert!(log.chunk(id, 0, &delta("ann@example.com"), false).findings.is_empty());
    let seen = log.chunk(id, 1, "data: [DONE]\n\n", true);
    assert_eq!(told(&seen.findings), [row("EMAIL_ADDRESS", "choices/0/content", 0, 15, SeenBy::Log)]);
}

#[test]
fn the_findings_do_not_depend_on_how_the_bytes_were_cut() {
    let body =
        [delta("card 4111 1111 "), delta("1111 1111, mail a"), delta("nn@example.com."), "data: [DONE]\n\n".into()];
    let body = body.concat();
    let whole = told(&Log::new(Limits::default()).chunk(RequestId::fresh(), 0, &body, true).findings);
    assert_eq!(whole.len(), 2);
    for size in 1..40 {
        let (mut log, id) = (Log::new(Limits::default()), RequestId::fresh());
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
        let mut cut = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let text = std::str::from_utf8(piece).unwrap();
            cut.extend(told(&log.chunk(id, index as i64, text, last).findings));
        }
        assert_eq!(cut, whole, "cut into pieces of {size}");
    }
}

#[test]
fn channels_do_not_run_together() {
    let event = |payload: serde_json::Value| format!("data: {payload}\n\n");
    let (mut log, id) = (Log::new(Limits::default()), RequestId::fresh());
    let first = event(serde_json::json!({"choices": [
        {"index": 0, "delta": {"content": "ann@", "reasoning_content": "bob@example"}},
        {"index": 1, "delta": {"tool_calls": [{"index": 2, "id": "x", "function": {"name": "f", "arguments": "{\"to\":\"cy@exam"}}]}},
    ]}));
    let second = event(serde_json::json!({"choices": [
        {"index": 1, "delta": {"content": "example.com", "tool_calls": [{"index": 2, "function": {"arguments": "ple.com\"}"}}]}},
        {"index": 0, "delta": {"reasoning_content": ".com"}},
    ]}));
    log.chunk(id, 0, &first, false);
    let mut rows = told(&log.chunk(id, 1, &second, false).findings);
    rows.extend(told(&log.chunk(id, 2, "", true).findings));
    rows.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        rows,
        [
            row("EMAIL_ADDRESS", "choices/0/reasoning", 0, 15, SeenBy::Log),
            row("EMAIL_ADDRESS", "choices/1/tool_calls/2/arguments", 7, 21, SeenBy::Log),
        ]
    );
}

#[test]
fn plain_answers_errors_and_foreign_text_are_scanned_too() {
    let plain = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"ann@example.com"}}]}"#;
    let cases = [
        (plain, "choices/0/content"),
        (r#"{"error":{"message":"ann@example.com is unknown","code":null}}"#, "error/message"),
        ("<html>ann@example.com</html>", "raw"),
        ("{broken ann@example.com", "raw"),
        ("data: not json, ann@example.com\n\n", "raw"),
        ("event: x\ndata: {\"type\":\"t\",\"delta\":{\"text\":\"ann@example.com\"}}\n\n", "delta/text"),
    ];
    for (body, channel) in cases {
        let seen = Log::new(Limits::default()).chunk(RequestId::fresh(), 0, body, true);
        let fields: Vec<_> = seen.findings.iter().map(|f| (f.kind.as_str(), f.field.as_str())).collect();
        assert_eq!(fields, [("EMAIL_ADDRESS", channel)], "{body}");
        assert!(!seen.hold && seen.releases.is_empty());
    }
}

#[test]
fn repeated_chunks_tell_nothing_new() {
    let (mut log, id) = (Log::new(Limits::default()), RequestId::fresh());
    log.chunk(id, 0, &delta("ann@"), false);
    log.chunk(id, 1, &delta("example.com and"), false);
    let again = log.chunk(id, 0, &delta("ann@"), false);
    assert!(again.findings.is_empty() && !again.hold && again.releases.is_empty());
    assert_eq!(log.chunk(id, 2, "", true).releases, [Offset(0)]);
    let after = log.chunk(id, 2, "", true);
    assert!(after.findings.is_empty() && !after.hold && after.releases.is_empty());
}

#[test]
fn each_bound_drops_the_oldest_answer_and_lets_its_offset_go() {
    let limits = Limits { answers: 2, ..Limits::default() };
    let mut log = Log::new(limits);
    let ids: Vec<RequestId> = (0..3).map(|_| RequestId::fresh()).collect();
    log.chunk(ids[0], 0, &delta("a"), false);
    log.chunk(ids[1], 0, &delta("b"), false);
    let seen = log.chunk(ids[2], 0, &delta("c"), false);
    assert_eq!((seen.releases, seen.evicted, seen.hold), (vec![Offset(0)], vec![Bound::Answers], true));

    let mut log = Log::new(Limits { bytes: 4_000, ..Limits::default() });
    log.chunk(ids[0], 0, "{\"choices\"", false);
    let long = format!("{{\"x\":\"{}", "y".repeat(4_000));
    let seen = log.chunk(ids[1], 0, &long, false);
    // The oldest first; then the long one itself, whose own offset goes with it.
    assert_eq!(seen.releases, [Offset(0), Offset(1)]);
    assert_eq!(seen.evicted, [Bound::Bytes, Bound::Bytes]);
    assert_eq!(log.open.open(), (0, 0));

    let mut log = Log::new(Limits::default());
    log.chunk(ids[0], 0, &delta("a"), false);
    log.now = Timestamp(0).plus(Duration::from_secs(299));
    assert!(log.chunk(ids[1], 0, &delta("b"), false).evicted.is_empty());
    log.now = log.now.plus(Duration::from_secs(2));
    assert_eq!(log.chunk(ids[1], 1, &delta("b"), false).evicted, [Bound::Idle]);
    for minute in 1..40 {
        log.now = log.now.plus(Duration::from_secs(60));
        let seen = log.chunk(ids[1], 1 + minute, &delta("b"), false);
        // It goes on as a new text: held again.
        assert_eq!(seen.hold, seen.evicted == [Bound::Age], "minute {minute}");
    }
    assert_eq!(log.open.open().0, 1);
}

#[test]
fn an_answer_has_a_bounded_number_of_channels() {
    let (mut log, id) = (Log::new(Limits { channels: 2, ..Limits::default() }), RequestId::fresh());
    let mut found = 0;
    for index in 0..50 {
        let body =
            format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"ann@example.com \"}}}}]}}\n\n");
        found += log.chunk(id, index, &body, false).findings.len();
    }
    found += log.chunk(id, 50, "", true).findings.len();
    assert_eq!(found, 50);
    assert!(log.open.open().1 == 0);
}

trait Plus {
    fn plus(self, time: Duration) -> Self;
}
impl Plus for Timestamp {
    fn plus(self, time: Duration) -> Self {
        Self(self.0 + time.as_micros() as i64)
    }
}
