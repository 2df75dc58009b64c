//! `intents`: what ingresses ask of budgets.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Money, Text, Timestamp};
use crate::column::{Column, join};
use crate::columns::PLACE;

pub static TABLE: Table = Table {
    name: "intents",
    topic: Topic::QuotaIntents,
    doc: "What holders ask of a budget (`ask`), and the leases that they give back (`return`). `tenant` is `_system`.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::is("intent_id", Text, "Identity (UUIDv7): a grantor answers each once."),
    Column::is("budget_id", Text, "The budget that is asked."),
    Column::is("ingress_id", Text, "The ingress that asks."),
    Column::is("boot_epoch", BigInt, "The life of that ingress."),
    Column::is("seq", BigInt, "Place among the intents of this ingress and boot epoch: 0, 1, 2 … without a gap."),
    Column::is("event_time", Timestamp, "When it asked, by the clock of the ingress."),
    Column::is("intent", Text, "`ask` or `return`."),
    Column::may("need_usd", Money, "Ask: less is of no use."),
    Column::may("want_usd", Money, "Ask: so much would be welcome."),
    Column::may("ttl_ms", BigInt, "Ask: how long the holder would keep the lease, from the sending of the ask."),
    Column::may("lease_id", Text, "Return: the lease that is over."),
    Column::may("spent_usd", Money, "Return: what was spent of it."),
];

const COLUMNS: [Column; OWN.len() + PLACE.len()] = join(&[OWN, PLACE]);
