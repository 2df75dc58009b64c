//! What a call has spent of what was set aside for it.

use weir_providers::openai::answer::Facts;
use weir_schemas::event::ReservationRef;
use weir_schemas::{Money, Timestamp};

use super::{Billing, Call};

/// The exact cost where the provider told its usage. Where it did not: an upper bound of an answer that is complete, and all
/// that was set aside for one that broke off, since what the provider made and thought beyond what came is not known.
///
/// Never more than was set aside: what a provider takes beyond its cap is counted, and no lease covers it.
pub(super) fn spent(call: &Call, facts: &Facts, complete: bool) -> Money {
    let reserved = reserved(&call.request.reservations);
    let Some(model) = call.model.as_ref().filter(|_| call.billing == Billing::Something) else { return Money::ZERO };
    if reserved == Money::ZERO {
        return Money::ZERO;
    }
    let prices = &call.snapshot.prices;
    let now = Timestamp::now();
    let tier = facts.tier.as_deref();
    let cost = match &facts.usage {
        Some(tokens) => {
            // As the cost processor prices it: by the name of the model that answered where that has a price.
            let answered = facts.model.as_deref().filter(|name| prices.has_price(name, now));
            match answered.or_else(|| model.priced_as(prices, now)) {
                Some(name) => prices.cost(name, tier, tokens, now),
                None => Ok(None),
            }
        }
        None if !complete => Ok(None),
        None => {
            let output = i64::try_from(facts.output_bytes).unwrap_or(i64::MAX);
            match model.priced_as(prices, now) {
                Some(name) => prices.upper_bound(name, call.input_bound, output, now),
                None => Ok(None),
            }
        }
    };
    // A cost that cannot be told is all that it may have been.
    let cost = cost.ok().flatten().unwrap_or(reserved);
    if cost > reserved && facts.usage.is_some() {
        call.ingress.metrics.over_reservation.inc();
        tracing::warn!(request_id = %call.id(), %cost, %reserved, "a call cost more than was set aside for it");
    }
    cost.min(reserved)
}

/// What is set aside on each budget: the parts of one budget add up, and all budgets hold the same.
fn reserved(parts: &[ReservationRef]) -> Money {
    let Some(first) = parts.first() else { return Money::ZERO };
    let of_first = parts.iter().filter(|part| part.budget_id == first.budget_id);
    of_first.fold(Money::ZERO, |sum, part| sum.saturating_add(part.amount))
}
