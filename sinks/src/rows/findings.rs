use weir_schemas::FindingsFound;

use super::{Columns, Record, Row, of_a_request};

/// One row a finding.
impl Record for FindingsFound {
    of_a_request!();

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let all = || rows.iter().flat_map(|r| r.event.findings.iter().zip(0_i32..).map(move |(f, at)| (r, f, at)));
        to.origin(all().map(|(r, _, _)| &r.event.header))
            .text(all().map(|(r, _, _)| &r.event.source))
            .text(all().map(|(r, _, _)| r.event.direction.as_str()))
            .int(all().map(|(_, _, at)| at))
            .text(all().map(|(_, f, _)| &f.recognizer))
            .text(all().map(|(_, f, _)| &f.kind))
            .text(all().map(|(_, f, _)| &f.category))
            .text(all().map(|(_, f, _)| &f.field))
            .bigint(all().map(|(_, f, _)| f.start))
            .bigint(all().map(|(_, f, _)| f.end))
            .double(all().map(|(_, f, _)| f.score))
            .text(all().map(|(_, f, _)| f.action.as_str()))
            .text(all().map(|(_, f, _)| f.seen_by.as_str()))
            .place(all().map(|(r, _, _)| r.place));
    }
}
