//! What one record of the outbox holds: events that became durable together, each as topic, key and framed value.

use bytes::Bytes;
use weir_schemas::Topic;

/// One event on its way to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) topic: Topic,
    pub(crate) key: Bytes,
    pub(crate) value: Bytes,
}

/// Appends the head of an entry and returns where its length is to be filled in by [`finish`].
pub(super) fn begin(topic: Topic, key: &str, out: &mut Vec<u8>) -> usize {
    push_short(topic.suffix(), out);
    push_short(key, out);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    at
}

/// Fills in the length of the value that was appended since [`begin`].
pub(super) fn finish(at: usize, out: &mut [u8]) {
    let length = u32::try_from(out.len() - at - 4).expect("an event is bounded far below 4 GiB");
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn push_short(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("topic suffixes and request ids are short"));
    out.extend_from_slice(text.as_bytes());
}

/// The entries of a record; `None` where it is not one. They share its bytes.
pub(crate) fn entries(record: &Bytes) -> Option<Vec<Entry>> {
    let mut rest = record.clone();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let suffix = take_short(&mut rest)?;
        let topic = Topic::ALL.into_iter().find(|topic| topic.suffix().as_bytes() == suffix)?;
        let key = take_short(&mut rest)?;
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len() - 4)?;
        let mut value = rest.split_to(4 + length);
        entries.push(Entry { topic, key, value: value.split_off(4) });
    }
    Some(entries)
}

fn take_short(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::from(*rest.first()?);
    if rest.len() <= length {
        return None;
    }
    let mut text = rest.split_to(1 + length);
    Some(text.split_off(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut out = Vec::new();
        for (topic, key, value) in [(Topic::Requests, "k", &b"one"[..]), (Topic::Outcomes, "", b"")] {
            let at = begin(topic, key, &mut out);
            out.extend_from_slice(value);
            finish(at, &mut out);
        }
        out
    }

    #[test]
    fn entries_are_read_back() {
        let read = entries(&record().into()).unwrap();
        let expected = [(Topic::Requests, "k", "one"), (Topic::Outcomes, "", "")];
        assert_eq!(read, expected.map(|(topic, key, value)| Entry { topic, key: key.into(), value: value.into() }));
    }

    #[test]
    fn a_cut_or_foreign_record_is_none_and_does_not_panic() {
        let whole = record();
        let first = whole.len() - (1 + "outcomes".len() + 1 + 4);
        for cut in (1..whole.len()).filter(|cut| *cut != first) {
            assert_eq!(entries(&Bytes::copy_from_slice(&whole[..cut])), None, "cut at {cut}");
        }
        assert_eq!(entries(&Bytes::from_static(b"\x03abc\x00\x00\x00\x00\x00")), None);
    }
}
