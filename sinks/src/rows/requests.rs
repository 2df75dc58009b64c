use weir_schemas::Request;
use weir_schemas::event::ReservationRef;

use super::{Columns, Record, Row, of_a_request};

impl Record for Request {
    of_a_request!();

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let events = || rows.iter().map(|r| &r.event);
        to.origin(events().map(|e| &e.header))
            .text(events().map(|e| &e.team))
            .text_or_null(events().map(|e| e.project.as_ref()))
            .text_or_null(events().map(|e| e.user_id.as_ref()))
            .text(events().map(|e| &e.key_id))
            .text_or_null(events().map(|e| e.app.as_ref()))
            .text_or_null(events().map(|e| e.app_version.as_ref()))
            .text(events().map(|e| &e.endpoint))
            .text(events().map(|e| &e.request_model))
            .text_or_null(events().map(|e| e.provider.as_ref()))
            .text_or_null(events().map(|e| e.deployment.as_ref()))
            .bool(events().map(|e| e.stream))
            .text(events().map(|e| e.action.as_str()))
            .bytes(events().map(|e| &e.body))
            .text(events().map(|e| &e.original_hmac))
            .bigint(events().map(|e| e.original_bytes))
            .int(events().map(|e| i32::try_from(e.findings.len()).unwrap_or(i32::MAX)))
            .text(events().map(|e| reservations(&e.reservations)))
            .place(rows.iter().map(|r| r.place));
    }
}

fn reservations(all: &[ReservationRef]) -> String {
    let object = |r: &ReservationRef| {
        serde_json::json!({
            "budget_id": r.budget_id.as_str(),
            "lease_id": r.lease_id.to_string(),
            "amount_usd": r.amount.to_string(),
        })
    };
    serde_json::Value::Array(all.iter().map(object).collect()).to_string()
}
