use weir_schemas::Chunk;

use super::{Columns, Record, Row, of_a_request};

impl Record for Chunk {
    of_a_request!();

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let events = || rows.iter().map(|r| &r.event);
        to.origin(events().map(|e| &e.header))
            .bigint(events().map(|e| e.index))
            .bytes(events().map(|e| &e.body))
            .bigint(events().map(|e| e.events))
            .bool(events().map(|e| e.last))
            .int(events().map(|e| i32::try_from(e.findings.len()).unwrap_or(i32::MAX)))
            .place(rows.iter().map(|r| r.place));
    }
}
