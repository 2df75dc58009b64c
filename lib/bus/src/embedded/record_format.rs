//! How a record stands in the journal of a partition.
//!
//! ```text
//! data  0u8 | offset i64 | appended i64 | key length u32 | value length i32, -1 for none | header count u32
//!       | key | value | headers: (name length u32 | value length u32 | name | value) …
//! base  1u8 | first offset i64 | next offset i64
//! ```
//! Little-endian. A base stands where the records around it are gone: it keeps the offsets from starting anew.

use bytes::{Buf, Bytes};
use weir_schemas::{Offset, Partition, Timestamp, TopicName};

use crate::{Delivery, Record};

const DATA: u8 = 0;
const BASE: u8 = 1;
const DATA_HEAD_BYTES: usize = 28;

pub(super) enum Entry {
    Data(Delivery),
    Base { first: Offset, next: Offset },
}

pub(super) fn base(first: Offset, next: Offset) -> [u8; 17] {
    let mut out = [BASE; 17];
    out[1..9].copy_from_slice(&first.0.to_le_bytes());
    out[9..].copy_from_slice(&next.0.to_le_bytes());
    out
}

/// What stands before key and value, and what stands after them.
pub(super) fn around(record: &Record, offset: Offset, appended: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let mut head = Vec::with_capacity(1 + DATA_HEAD_BYTES);
    head.push(DATA);
    head.extend(offset.0.to_le_bytes());
    head.extend(appended.0.to_le_bytes());
    // Lengths fit: the record's size was checked before.
    head.extend((record.key.len() as u32).to_le_bytes());
    head.extend(record.value.as_ref().map_or(-1, |value| value.len() as i32).to_le_bytes());
    head.extend((record.headers.len() as u32).to_le_bytes());
    let mut tail = Vec::new();
    for (name, value) in &record.headers {
        tail.extend((name.len() as u32).to_le_bytes());
        tail.extend((value.len() as u32).to_le_bytes());
        tail.extend(name.as_bytes());
        tail.extend(value.as_ref());
    }
    (head, tail)
}

/// `None` if it is not what [`around`] and [`base`] write: the checksum held, so another version wrote it.
pub(super) fn read(topic: &TopicName, partition: Partition, mut bytes: Bytes) -> Option<Entry> {
    match bytes.try_get_u8().ok()? {
        DATA => {}
        BASE => {
            let first = Offset(bytes.try_get_i64_le().ok()?);
            let next = Offset(bytes.try_get_i64_le().ok()?);
            return Some(Entry::Base { first, next });
        }
        _ => return None,
    }
    let offset = Offset(bytes.try_get_i64_le().ok()?);
    let appended = Timestamp(bytes.try_get_i64_le().ok()?);
    let key_bytes = bytes.try_get_u32_le().ok()? as usize;
    let value_bytes = usize::try_from(bytes.try_get_i32_le().ok()?).ok();
    let header_count = bytes.try_get_u32_le().ok()?;
    let key = take(&mut bytes, key_bytes)?;
    let value = match value_bytes {
        Some(length) => Some(take(&mut bytes, length)?),
        None => None,
    };
    let mut headers = Vec::new();
    for _ in 0..header_count {
        let name_bytes = bytes.try_get_u32_le().ok()? as usize;
        let value_bytes = bytes.try_get_u32_le().ok()? as usize;
        let name = String::from_utf8(take(&mut bytes, name_bytes)?.to_vec()).ok()?;
        headers.push((name, take(&mut bytes, value_bytes)?));
    }
    Some(Entry::Data(Delivery { topic: topic.clone(), partition, offset, appended, key, value, headers }))
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (bytes.len() >= length).then(|| bytes.split_to(length))
}
