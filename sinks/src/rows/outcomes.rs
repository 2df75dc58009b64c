use weir_schemas::Outcome;

use super::{Columns, Record, Row, of_a_request};

impl Record for Outcome {
    of_a_request!();

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let events = || rows.iter().map(|r| &r.event);
        to.origin(events().map(|e| &e.header))
            .text(events().map(|e| e.outcome.as_str()))
            .int(events().map(|e| e.status))
            .text_or_null(events().map(|e| e.error_origin.map(|o| o.as_str())))
            .text_or_null(events().map(|e| e.error_code.as_ref()))
            .bool_or_null(events().map(|e| e.retry_safe))
            .text(events().map(|e| e.action.as_str()))
            .text_or_null(events().map(|e| e.finish_reason.as_ref()))
            .bigint(events().map(|e| e.latency_us))
            .bigint_or_null(events().map(|e| e.ttft_us))
            .bigint(events().map(|e| e.chunks))
            .bigint(events().map(|e| e.response_bytes))
            .place(rows.iter().map(|r| r.place));
    }
}
