//! `grants`: the ledger of the quota processor.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Int, Money, Text, Timestamp};
use crate::column::{Column, join};
use crate::columns::PLACE;

pub static TABLE: Table = Table {
    name: "grants",
    topic: Topic::QuotaGrants,
    doc: "The ledger of budgets: one row an entry, `claim`, `grant`, `deny` or `settle`. An entry whose `epoch` is below the \
          last claim before it in the log is void. `tenant` is `_system`.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::is("entry", Text, "`claim`, `grant`, `deny` or `settle`: says which of the columns below are set."),
    Column::is("epoch", BigInt, "The claim under which it was written."),
    Column::is("seq", BigInt, "0, 1, 2 … within the claim, without a gap."),
    Column::is("owner", Text, "The process that wrote it."),
    Column::is("ledger_partition", Int, "The ledger's partition to which the claim is bound."),
    Column::may("budget_id", Text, "The budget; null on a claim, which is of the whole partition."),
    Column::is(
        "intent_offset",
        BigInt,
        "Every intent of the partition up to here has been answered; −1 before the first.",
    ),
    Column::is("event_time", Timestamp, "When it was decided, by the clock of the grantor."),
    Column::may("nonce", Text, "Claim: tells apart two processes that claim the same epoch."),
    Column::may("intent_id", Text, "Grant, deny: the intent that is answered."),
    Column::may("lease_id", Text, "Grant, settle: the lease."),
    Column::may("ingress_id", Text, "Grant, deny: the ingress that asked."),
    Column::may("boot_epoch", BigInt, "Grant, deny: the life of that ingress."),
    Column::may("amount_usd", Money, "Grant: what the holder may spend."),
    Column::may("ttl_ms", BigInt, "Grant: how long, counted from the sending of the ask."),
    Column::may("limit_usd", Money, "Deny: the budget's limit."),
    Column::may("charged_usd", Money, "Deny: what was spent of it in the window."),
    Column::may("outstanding_usd", Money, "Deny: what was out in leases."),
    Column::may("retry_after_ms", BigInt, "Deny: when the window ends and asking may help; null where it has no end."),
    Column::may("spent_usd", Money, "Settle: what was spent of the lease."),
    Column::may("window_start", Timestamp, "Grant, deny, settle: start of the budget's window."),
    Column::may("window_end", Timestamp, "Grant, deny, settle: its end, exclusive; null where it never ends."),
];

const COLUMNS: [Column; OWN.len() + PLACE.len()] = join(&[OWN, PLACE]);
