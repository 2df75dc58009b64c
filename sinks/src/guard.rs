//! The judgement before a commit: does the batch begin where the table stands? Pure.
//!
//! Delta does not compare `txn` versions: a replay on a fresh snapshot would be taken. So every attempt judges against the
//! snapshot that it commits on.

use std::collections::BTreeMap;

use weir_schemas::{Offset, Partition};

/// The stretch of one partition that a batch covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the table stood when the stretch began: its last offset, `None` where it had none.
    pub before: Option<Offset>,
    pub first: Offset,
    /// The last offset that is done, be it a row, a repeat or a dead letter.
    pub last: Offset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The table stands where the batch begins.
    Next,
    /// The table has exactly this batch's offsets: an earlier attempt went through.
    Already,
    /// The table stands elsewhere: somebody else owns the partition, or did. Read on from the table.
    Moved(Partition),
}

/// Judges a batch by the last offsets that the table has.
pub fn judge(spans: &BTreeMap<Partition, Span>, stored: &BTreeMap<Partition, Offset>) -> Judgement {
    let at = |partition: &Partition| stored.get(partition).copied();
    if let Some((moved, _)) = spans.iter().find(|(p, s)| at(p) != s.before && at(p) != Some(s.last)) {
        return Judgement::Moved(*moved);
    }
    if !spans.is_empty() && spans.iter().all(|(p, s)| at(p) == Some(s.last)) {
        return Judgement::Already;
    }
    match spans.iter().find(|(p, s)| at(p) != s.before) {
        Some((moved, _)) => Judgement::Moved(*moved),
        None => Judgement::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(all: &[(i32, Option<i64>, i64)]) -> BTreeMap<Partition, Span> {
        let span = |before: Option<i64>, last| Span {
            before: before.map(Offset),
            first: Offset(before.map_or(0, |b| b + 1)),
            last: Offset(last),
        };
        all.iter().map(|(p, before, last)| (Partition(*p), span(*before, *last))).collect()
    }

    fn stored(all: &[(i32, i64)]) -> BTreeMap<Partition, Offset> {
        all.iter().map(|(p, o)| (Partition(*p), Offset(*o))).collect()
    }

    #[test]
    fn p2_only_a_batch_that_begins_where_the_table_stands_is_next() {
        let batch = spans(&[(0, None, 9), (1, Some(4), 7)]);
        assert_eq!(judge(&batch, &stored(&[(1, 4)])), Judgement::Next);
        assert_eq!(judge(&batch, &stored(&[(0, 9), (1, 7)])), Judgement::Already);
        // Half of it, less, more, a gap: somebody else was here.
        assert_eq!(judge(&batch, &stored(&[(0, 9), (1, 4)])), Judgement::Moved(Partition(0)));
        assert_eq!(judge(&batch, &stored(&[(1, 7)])), Judgement::Moved(Partition(1)));
        assert_eq!(judge(&batch, &stored(&[(1, 3)])), Judgement::Moved(Partition(1)));
        assert_eq!(judge(&batch, &stored(&[(0, 12), (1, 7)])), Judgement::Moved(Partition(0)));
        assert_eq!(judge(&batch, &stored(&[])), Judgement::Moved(Partition(1)));
    }
}
