use weir_schemas::{BudgetId, Partition, TopicName};

/// Why a processor cannot go on. What passes by itself (a log that is away for a while) is not among these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log refuses, and trying again would not help: a topic is missing, the bus is misconfigured.
    #[error("the log refuses")]
    Bus(#[from] weir_bus::Error),
    /// Output is written to the partition of its input, so both topics need the same number of them.
    #[error("topics {left} ({left_count} partitions) and {right} ({right_count}) must have equal partition counts")]
    UnequalPartitions { left: TopicName, left_count: i32, right: TopicName, right_count: i32 },
    /// The partition count of the quota topics was changed after budgets were used: their ledgers are split.
    #[error(
        "budget {budget} has entries in partition {found} of {topic} but belongs to {expected}: the partition count \
         was changed; move the ledger to a new topic prefix"
    )]
    Repartitioned { topic: TopicName, budget: BudgetId, found: Partition, expected: Partition },
    /// A metric of this name is registered already.
    #[error("metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// The processor's own task panicked: a defect of Weir.
    #[error("the processor's task ended abnormally")]
    Panicked,
}
