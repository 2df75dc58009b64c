//! Before a session: do the topics stand, and fit together?

use weir_schemas::{Event, Topic, TopicName};

use super::{Processor, Stop};
use crate::error::Error;
use crate::handle::Deps;

/// Inputs, output and dead letters must exist; inputs and output must have equal partition counts.
pub(super) async fn topics<P: Processor>(deps: &Deps) -> Result<(), Stop> {
    let prefix = &deps.topic_prefix;
    let mut first: Option<(TopicName, i32)> = None;
    for topic in P::inputs().iter().copied().chain([<P::Out as Event>::TOPIC]) {
        let name = topic.name(prefix);
        let count = deps.bus.partitions(&name).await?;
        match &first {
            None => first = Some((name, count)),
            Some((left, left_count)) if *left_count != count => {
                let (left, left_count) = (left.clone(), *left_count);
                let error = Error::UnequalPartitions { left, left_count, right: name, right_count: count };
                return Err(Stop::Failed(error));
            }
            Some(_) => {}
        }
    }
    for input in P::inputs() {
        deps.bus.partitions(&Topic::dead_letters(*input, prefix)).await?;
    }
    Ok(())
}
