use weir_schemas::Usage;

use super::{Columns, Record, Row, of_a_request};

impl Record for Usage {
    of_a_request!();

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let events = || rows.iter().map(|r| &r.event);
        to.origin(events().map(|e| &e.header))
            .text(events().map(|e| &e.team))
            .text_or_null(events().map(|e| e.project.as_ref()))
            .text_or_null(events().map(|e| e.user_id.as_ref()))
            .text(events().map(|e| &e.key_id))
            .text(events().map(|e| &e.provider))
            .text(events().map(|e| &e.deployment))
            .text(events().map(|e| &e.request_model))
            .text_or_null(events().map(|e| e.response_model.as_ref()))
            .text_or_null(events().map(|e| e.tier.as_ref()))
            .text(events().map(|e| e.source.as_str()))
            .tokens(events().map(|e| e.tokens))
            .bigint_or_null(events().map(|e| e.uncounted.as_ref().map(|u| u.input_bytes)))
            .bigint_or_null(events().map(|e| e.uncounted.as_ref().map(|u| u.output_bytes)))
            .place(rows.iter().map(|r| r.place));
    }
}
