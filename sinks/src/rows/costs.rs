use weir_schemas::Cost;

use super::{Columns, Record, Row, of_a_request};

impl Record for Cost {
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
            .text(events().map(|e| e.source.as_str()))
            .tokens(events().map(|e| e.tokens))
            .money_or_null(events().map(|e| e.cost))
            .text_or_null(events().map(|e| e.price_version.as_ref()))
            .place(rows.iter().map(|r| r.place));
    }
}
