use uuid::Uuid;
use weir_schemas::event::{QuotaRecord, Window};
use weir_schemas::{Deny, Grant, QuotaEntry, Settle, TenantId, Timestamp};

use super::{Columns, Record, Row, system};

impl Record for QuotaEntry {
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
        let grants = || events().map(|e| e.record.grant.as_ref());
        let denials = || events().map(|e| e.record.deny.as_ref());
        let settled = || events().map(|e| e.record.settle.as_ref());
        let windows = || events().map(|e| window(&e.record));
        to.text(events().map(|e| entry(&e.record)))
            .bigint(events().map(|e| e.epoch))
            .bigint(events().map(|e| e.seq.0))
            .text(events().map(|e| &e.owner))
            .int(events().map(|e| e.partition))
            .text_or_null(events().map(|e| e.budget_id.as_ref()))
            .bigint(events().map(|e| e.intent_offset.0))
            .time(events().map(|e| e.event_time))
            .text_or_null(events().map(|e| e.record.claim.as_ref().map(|c| &c.nonce)))
            .uuid_or_null(grants().zip(denials()).map(|(g, d)| either(g, d, |g| g.intent_id.0, |d| d.intent_id.0)))
            .uuid_or_null(
                grants().zip(settled()).map(|(g, s)| either(g, s, |g: &Grant| g.lease_id.0, |s: &Settle| s.lease_id.0)),
            )
            .text_or_null(grants().zip(denials()).map(|(g, d)| either(g, d, |g| &g.ingress_id, |d| &d.ingress_id)))
            .bigint_or_null(grants().zip(denials()).map(|(g, d)| either(g, d, |g| g.boot_epoch.0, |d| d.boot_epoch.0)))
            .money_or_null(grants().map(|g| g.map(|g| g.amount)))
            .bigint_or_null(grants().map(|g| g.map(|g| g.ttl_ms)))
            .money_or_null(denials().map(|d| d.map(|d| d.limit)))
            .money_or_null(denials().map(|d| d.map(|d| d.charged)))
            .money_or_null(denials().map(|d| d.map(|d| d.outstanding)))
            .bigint_or_null(denials().map(|d| d.and_then(|d: &Deny| d.retry_after_ms)))
            .money_or_null(settled().map(|s| s.map(|s| s.spent)))
            .time_or_null(windows().map(|w| w.map(|w| w.start)))
            .time_or_null(windows().map(|w| w.and_then(|w| w.end)))
            .place(rows.iter().map(|r| r.place));
    }
}

/// The record's field that is set; the first, where a writer set more than one.
fn entry(record: &QuotaRecord) -> &'static str {
    match record {
        QuotaRecord { claim: Some(_), .. } => "claim",
        QuotaRecord { grant: Some(_), .. } => "grant",
        QuotaRecord { deny: Some(_), .. } => "deny",
        QuotaRecord { settle: Some(_), .. } => "settle",
        QuotaRecord { claim: None, grant: None, deny: None, settle: None } => "empty",
    }
}

fn window(record: &QuotaRecord) -> Option<Window> {
    let grant = record.grant.as_ref().map(|g| g.window);
    let deny = || record.deny.as_ref().map(|d| d.window);
    let settle = || record.settle.as_ref().map(|s| s.window);
    grant.or_else(deny).or_else(settle)
}

fn either<'a, A, B, T>(
    first: Option<&'a A>,
    second: Option<&'a B>,
    of_first: impl Fn(&'a A) -> T,
    of_second: impl Fn(&'a B) -> T,
) -> Option<T> {
    first.map(of_first).or_else(|| second.map(of_second))
}
