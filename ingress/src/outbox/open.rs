//! Which requests have not ended, and where in the journal they began: the next start closes what a crash leaves open.

use std::collections::{BTreeSet, HashMap};

use weir_journal::Position;
use weir_schemas::RequestId;

/// As many as are in flight, so it needs no limit of its own.
#[derive(Debug, Default)]
pub(crate) struct OpenRequests {
    began: HashMap<RequestId, Position>,
    in_order: BTreeSet<(Position, RequestId)>,
}

impl OpenRequests {
    pub(crate) fn began(&mut self, id: RequestId, at: Position) {
        self.began.insert(id, at);
        self.in_order.insert((at, id));
    }

    pub(crate) fn ended(&mut self, id: RequestId) {
        if let Some(at) = self.began.remove(&id) {
            self.in_order.remove(&(at, id));
        }
    }

    /// Where the oldest of them began.
    pub(crate) fn oldest(&self) -> Option<Position> {
        self.in_order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_first_that_has_not_ended() {
        let mut open = OpenRequests::default();
        let (a, b) = (RequestId::fresh(), RequestId::fresh());
        assert_eq!(open.oldest(), None);
        open.began(a, Position(5));
        open.began(b, Position(9));
        open.ended(a);
        assert_eq!(open.oldest(), Some(Position(9)));
        open.ended(b);
        open.ended(b);
        assert_eq!(open.oldest(), None);
    }
}
