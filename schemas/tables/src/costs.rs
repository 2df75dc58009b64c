//! `costs`: what each request cost.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{Money, Text};
use crate::column::{Column, join};
use crate::columns::{CALLED, CALLER, ORIGIN, PLACE, TOKENS};

pub static TABLE: Table = Table {
    name: "costs",
    topic: Topic::Costs,
    doc: "What each request that reached a provider cost, with the tokens that were priced: one row a request.",
    columns: &COLUMNS,
};

const SOURCE: &[Column] =
    &[Column::is("source", Text, "`provider` where the provider counted the tokens, `estimated` where Weir did.")];

const PRICE: &[Column] = &[
    Column::may("cost_usd", Money, "Dollars, exact; null where the model has no price, never 0 for that."),
    Column::may("price_version", Text, "Version of the price table; null where the model has no price."),
];

const LEN: usize = ORIGIN.len() + CALLER.len() + CALLED.len() + SOURCE.len() + TOKENS.len() + PRICE.len() + PLACE.len();
const COLUMNS: [Column; LEN] = join(&[ORIGIN, CALLER, CALLED, SOURCE, TOKENS, PRICE, PLACE]);
