//! One intent in, at most one entry of the ledger out. Pure.

use weir_bus::partitioner::partition_of;
use weir_quota::Budget;
use weir_schemas::event::QuotaRecord;
use weir_schemas::{BudgetId, Intent, Offset, Partition, QuotaEntry, Timestamp};

use super::state::Owned;
use crate::runtime::Poison;

/// Answers the intent at `at`, appended at `appended`. `None` where nothing is to be written.
pub(super) fn answer(
    owned: &mut Owned,
    intent: &Intent,
    budget: Option<&Budget>,
    at: Offset,
    appended: Timestamp,
) -> Result<Option<QuotaEntry>, Poison> {
    // A budget with two ledgers would be spent twice.
    if home(&intent.budget_id, owned.partitions()) != owned.partition() {
        return Err(Poison("the intent stands in a partition that its budget does not belong to".to_owned()));
    }
    if intent.ask.is_some() == intent.r#return.is_some() {
        return Err(Poison("an intent is either an ask or a return".to_owned()));
    }
    if intent.ask.is_some_and(|ask| ask.need.picousd() < 0 || ask.want.picousd() < 0) {
        return Err(Poison("an ask for less than nothing".to_owned()));
    }
    let Some(record) = owned.ledger().decide(intent, budget, at, appended) else { return Ok(None) };
    // The log's clock, so that the same intent gives the same entry.
    Ok(Some(owned.enter(&intent.budget_id, at, appended, record)))
}

/// The partition of a budget's intents and of its ledger.
pub(super) fn home(budget: &BudgetId, partitions: i32) -> Partition {
    partition_of(budget.as_str().as_bytes(), partitions)
}

/// For the metric.
pub(super) const fn kind(record: &QuotaRecord) -> &'static str {
    match record {
        QuotaRecord { grant: Some(_), .. } => "grant",
        QuotaRecord { deny: Some(_), .. } => "deny",
        QuotaRecord { settle: Some(_), .. } => "settle",
        _ => "claim",
    }
}
