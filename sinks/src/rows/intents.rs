use uuid::Uuid;
use weir_schemas::{Intent, TenantId, Timestamp};

use super::{Columns, Record, Row, system};

impl Record for Intent {
    fn tenant(&self) -> &TenantId {
        system()
    }
    fn event_time(&self) -> Timestamp {
        self.event_time
    }
    fn sort_key(&self) -> Option<Uuid> {
        None
    }

    fn columns(rows: &[Row<Self>], to: &mut Columns) {
        let events = || rows.iter().map(|r| &r.event);
        to.uuid(events().map(|e| e.intent_id.0))
            .text(events().map(|e| &e.budget_id))
            .text(events().map(|e| &e.ingress_id))
            .bigint(events().map(|e| e.boot_epoch.0))
            .bigint(events().map(|e| e.seq.0))
            .time(events().map(|e| e.event_time))
            .text(events().map(|e| if e.ask.is_some() { "ask" } else { "return" }))
            .money_or_null(events().map(|e| e.ask.map(|a| a.need)))
            .money_or_null(events().map(|e| e.ask.map(|a| a.want)))
            .bigint_or_null(events().map(|e| e.ask.map(|a| a.ttl_ms)))
            .uuid_or_null(events().map(|e| e.r#return.map(|r| r.lease_id.0)))
            .money_or_null(events().map(|e| e.r#return.map(|r| r.spent)))
            .place(rows.iter().map(|r| r.place));
    }
}
