use proptest::prelude::*;

use super::*;

const HELLO: &str = r#"{"id":"c","model":"m-1","service_tier":"flex","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel\n"}}],"usage":null}"#;
const STOP: &str = r#"{"model":"m-1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#;
const USAGE: &str =
    r#"{"model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

fn stream(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

struct Read {
    sent: String,
    events: i64,
    facts: Facts,
    end: Result<Progress, Error>,
}

fn read_in(pieces: &[&[u8]], strip: bool) -> Read {
    let mut reader = StreamReader::new(strip, 100);
    let mut out = Vec::new();
    let mut end = Ok(Progress::Open);
    for piece in pieces {
        if end == Ok(Progress::Open) {
            end = reader.push(Bytes::copy_from_slice(piece), &mut out);
        }
    }
    if end == Ok(Progress::Open) {
        end = reader.finish(&mut out);
    }
    let sent = String::from_utf8(out.iter().flat_map(|piece| piece.bytes.to_vec()).collect()).unwrap();
    Read { sent, events: out.iter().map(|piece| piece.events).sum(), facts: reader.facts().clone(), end }
}

fn read(text: &str, strip: bool) -> Read {
    read_in(&[text.as_bytes()], strip)
}

#[test]
fn a_stream_passes_byte_for_byte_and_says_what_it_is() {
    let text = format!(": ping\n\n{}", stream(&[HELLO, STOP, USAGE, "[DONE]"]));
    let got = read(&text, false);
    assert_eq!((got.sent, got.events, got.end), (text, 4, Ok(Progress::Done)));
    assert_eq!(got.facts.model.as_deref(), Some("m-1"));
    assert_eq!(got.facts.tier.as_deref(), Some("flex"));
    assert_eq!(got.facts.finish_reason.as_deref(), Some("stop"));
    assert_eq!(got.facts.usage.unwrap().input_tokens, 3);
    assert_eq!((got.facts.output.as_str(), got.facts.output_bytes), ("Hel\nlo", 6));
}

#[test]
fn the_usage_chunk_is_stripped_for_a_client_that_did_not_ask_and_still_read() {
    let got = read(&stream(&[HELLO, STOP, USAGE, "[DONE]"]), true);
    assert_eq!(got.sent, stream(&[HELLO, STOP, "[DONE]"]));
    assert!(got.facts.usage.is_some());
}

#[test]
fn usage_beside_a_choice_is_not_stripped() {
    let both = r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let got = read(&stream(&[both, "[DONE]"]), true);
    assert_eq!(got.sent, stream(&[both, "[DONE]"]));
    assert!(got.facts.usage.is_some());
}

#[test]
fn a_stream_without_done_is_truncated() {
    assert_eq!(read(&stream(&[HELLO]), false).end, Err(Error::Truncated));
    assert_eq!(read("", false).end, Err(Error::Truncated));
    assert_eq!(read(&format!("{}data: {{\"x\":1}}\n", stream(&[HELLO])), false).end, Err(Error::Truncated));
}

#[test]
fn done_without_its_blank_line_gets_one() {
    let got = read(&format!("{}data: [DONE]", stream(&[STOP])), false);
    assert_eq!((got.sent, got.end), (stream(&[STOP, "[DONE]"]), Ok(Progress::Done)));
}

#[test]
fn what_is_not_json_breaks_the_stream_after_what_was_good() {
    let got = read(&stream(&[HELLO, "{\"x\":"]), false);
    assert_eq!((got.sent, got.end), (stream(&[HELLO]), Err(Error::NotJson("an event"))));
}

#[test]
fn nothing_passes_after_done_or_an_error_of_the_provider() {
    let error = r#"{"error":{"message":"overloaded"}}"#;
    let got = read(&stream(&[HELLO, error, STOP, "[DONE]"]), false);
    assert_eq!((got.sent, got.end), (stream(&[HELLO, error]), Ok(Progress::Failed)));
    assert!(got.facts.provider_error);
    let got = read(&format!("{}junk\n\n", stream(&[STOP, "[DONE]"])), false);
    assert_eq!((got.sent, got.end), (stream(&[STOP, "[DONE]"]), Ok(Progress::Done)));
}

#[test]
fn json_of_another_shape_passes_and_is_read_as_far_as_it_goes() {
    let parts = r#"{"model":"x","choices":[{"delta":{"role":"assistant","content":[{"text":"hey"}]},"finish_reason":"length"}]}"#;
    let got = read(&stream(&[parts, "7", "[DONE]"]), false);
    assert_eq!(got.sent, stream(&[parts, "7", "[DONE]"]));
    assert_eq!((got.facts.output.as_str(), got.facts.finish_reason.as_deref()), ("hey", Some("length")));
}

#[test]
fn tool_calls_and_reasoning_count_as_output() {
    let chunk = r#"{"choices":[{"delta":{"reasoning_content":"hm","tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}}]}"#;
    assert_eq!(read(&stream(&[chunk, "[DONE]"]), false).facts.output, "hmf{}");
}

#[test]
fn the_kept_text_is_cut_at_the_limit_and_its_length_is_not() {
    let chunk = format!(r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#, "ü".repeat(80));
    let facts = read(&stream(&[&chunk, "[DONE]"]), false).facts;
    assert_eq!((facts.output.len(), facts.output_bytes), (100, 160));
}

#[test]
fn a_plain_answer_is_read_like_a_chunk() {
    let body = br#"{"model":"m","choices":[{"message":{"content":"hi","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let facts = read_plain(body, 10).unwrap();
    assert_eq!((facts.output.as_str(), facts.finish_reason.as_deref()), ("hi", Some("stop")));
    assert!(facts.usage.is_some() && !facts.provider_error);
    assert_eq!(read_plain(b"<html>", 10), Err(Error::NotJson("an answer")));
    assert!(read_plain(br#"{"error":{"message":"x"}}"#, 10).unwrap().provider_error);
}

#[test]
fn no_piece_is_over_the_limit_and_events_count_where_they_end() {
    let long = format!(r#"{{"x":"{}"}}"#, "y".repeat(3 * MAX_PIECE_BYTES));
    let text = stream(&[STOP, &long, STOP, "[DONE]"]);
    let mut reader = StreamReader::new(false, 0);
    let mut out = Vec::new();
    reader.push(Bytes::from(text.clone()), &mut out).unwrap();
    assert!(out.iter().all(|piece| piece.bytes.len() <= MAX_PIECE_BYTES));
    assert_eq!(out.iter().map(|piece| piece.events).collect::<Vec<_>>(), [1, 0, 0, 0, 1, 2]);
    assert_eq!(out.iter().map(|piece| piece.bytes.len()).sum::<usize>(), text.len());
}

proptest! {
    #[test]
    fn any_cutting_sends_the_same_bytes_and_learns_the_same(cuts in proptest::collection::vec(0usize..500, 0..10)) {
        let text = stream(&[HELLO, STOP, USAGE, "[DONE]"]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % text.len()).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut begin = 0;
        let pieces: Vec<&[u8]> = cuts.iter().map(|&cut| {
            let piece = &text.as_bytes()[begin..cut];
            begin = cut;
            piece
        }).collect();
        let (got, whole) = (read_in(&pieces, true), read(&text, true));
        prop_assert_eq!(got.sent, whole.sent);
        prop_assert_eq!(got.events, whole.events);
        prop_assert_eq!(got.facts, whole.facts);
    }
}
