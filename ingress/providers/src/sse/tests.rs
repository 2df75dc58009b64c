use proptest::prelude::*;

use super::*;

/// Splits `bytes` cut at `cuts`, and returns the events and what was left.
fn split(bytes: &[u8], cuts: &[usize]) -> (Vec<Event>, Option<Event>) {
    let mut splitter = Splitter::default();
    let mut events = Vec::new();
    let mut begin = 0;
    for &cut in cuts.iter().chain([&bytes.len()]) {
        splitter.push(Bytes::copy_from_slice(&bytes[begin..cut]), &mut events).unwrap();
        begin = cut;
    }
    let rest = splitter.finish(&mut events).unwrap();
    (events, rest)
}

fn data(bytes: &[u8]) -> Vec<Option<String>> {
    let text = |b: Bytes| String::from_utf8(b.to_vec()).unwrap();
    split(bytes, &[]).0.into_iter().map(|e| e.data.map(text)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|t| Some((*t).to_owned())).collect()
}

#[test]
fn all_three_line_ends_end_an_event() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = format!("data: one{end}{end}data: two{end}{end}");
        assert_eq!(data(stream.as_bytes()), some(&["one", "two"]), "{end:?}");
    }
}

#[test]
fn data_lines_are_joined_and_one_space_is_dropped() {
    assert_eq!(data(b"data:a\ndata:  b\ndata\nevent: x\ndatax: no\n\n"), some(&["a\n b\n"]));
}

#[test]
fn comments_and_blank_lines_are_events_without_data() {
    assert_eq!(data(b": ping\n\n\ndata: x\n\n"), [None, None, Some("x".to_owned())]);
}

#[test]
fn a_byte_order_mark_at_the_start_is_skipped_and_later_ones_are_not() {
    assert_eq!(data(b"\xef\xbb\xbfdata: x\n\n"), some(&["x"]));
    assert_eq!(data(b"\xef\xbb\xbf\ndata: x\n\n"), [None, Some("x".to_owned())]);
    assert_eq!(data(b"data: x\n\n\xef\xbb\xbfdata: y\n\n"), [Some("x".to_owned()), None]);
}

#[test]
fn what_lacks_its_blank_line_is_left_over() {
    let (events, rest) = split(b"data: x\n\ndata: y\n", &[]);
    assert_eq!(events.len(), 1);
    assert_eq!(rest.unwrap().data.unwrap(), "y");
}

#[test]
fn an_event_is_held_only_until_its_last_byte() {
    let mut splitter = Splitter::default();
    let mut events = Vec::new();
    splitter.push(Bytes::from_static(b"data: x\n\nda"), &mut events).unwrap();
    assert_eq!((events.len(), splitter.held_bytes()), (1, 2));
}

#[test]
fn an_event_over_the_limit_is_an_error_however_it_comes() {
    let long = [b"data: ".as_slice(), &[b'x'; 100], b"\n\n"].concat();
    for cut in 1..long.len() {
        let mut splitter = Splitter::new(64);
        let mut events = Vec::new();
        let mut result = splitter.push(Bytes::copy_from_slice(&long[..cut]), &mut events);
        if result.is_ok() {
            result = splitter.push(Bytes::copy_from_slice(&long[cut..]), &mut events);
        }
        assert_eq!(result, Err(Error::EventTooLarge { limit: 64 }));
        assert!(splitter.held_bytes() <= 64);
    }
}

/// Pieces that make every kind of border likely.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"data: {\"a\":1}".to_vec()),
        Just(b"data".to_vec()),
        Just(b":c".to_vec()),
        Just(b"id: 7".to_vec()),
        Just(BOM.to_vec()),
        Just("data: \u{1f600}".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_events(
        bytes in streams(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = split(&bytes, &[]);
        prop_assert_eq!(&split(&bytes, &cuts), &whole);
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&split(&bytes, &every), &whole);
        let mut raw: Vec<u8> = whole.0.iter().flat_map(|e| e.raw.to_vec()).collect();
        raw.extend(whole.1.iter().flat_map(|e| e.raw.to_vec()));
        prop_assert_eq!(raw, bytes);
    }
}
