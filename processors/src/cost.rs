//! What each request cost: one `Cost` for each `Usage`, by the dated price table of the policy.
//!
//! - Exact where the provider gave the tokens; where it did not, Weir counts the texts and the event says `estimated`.
//! - A model without a price has no cost: null, never zero.
//! - No state: a repeat of a usage gives the same cost under the same prices.

mod config;
mod step;
#[cfg(test)]
mod tests;

use weir_bus::{Delivery, TopicPartition};
use weir_policy::Snapshot;
use weir_schemas::{Codec, Cost, Topic, Usage};

use crate::handle::{Deps, Kind};
use crate::runtime::{Poison, Processor, Stepped, value};

pub(crate) struct CostProcessor {
    codec: Codec,
}

pub(crate) fn make(deps: &Deps) -> CostProcessor {
    CostProcessor { codec: deps.codec.clone() }
}

impl Processor for CostProcessor {
    const KIND: Kind = Kind::Cost;
    // Counting tokens costs a millisecond for some 10 KB of text.
    const HEAVY: bool = true;
    type Out = Cost;

    fn inputs() -> &'static [Topic] {
        &[Topic::Usage]
    }

    fn forget(&mut self, _at: &TopicPartition) {}

    fn step(&mut self, delivery: &Delivery, policy: &Snapshot) -> Result<Stepped<Cost>, Poison> {
        let usage: Usage = self.codec.decode(value(delivery)?)?;
        Ok(Stepped::done(Some(step::cost_of(&usage, &policy.prices)?)))
    }
}
