//! Only plans whose every node is known to read.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use super::ALLOWED;
use crate::Error;

/// Functions that turn a few bytes of question into gigabytes, outside the memory limit. `range` and `generate_series`
/// stay as tables, where rows come one batch at a time.
pub const FUNCTIONS_LEFT_OUT: &[&str] = &[
    "repeat",
    "lpad",
    "rpad",
    "space",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
    "gen_series",
];

/// Refuses a plan that holds anything but reading, at any depth, subqueries included.
pub fn check(plan: &LogicalPlan) -> Result<(), Error> {
    let seen = plan.apply_with_subqueries(|node| match refusal(node) {
        None => Ok(TreeNodeRecursion::Continue),
        Some(name) => {
            Err(DataFusionError::External(Box::new(Error::Refused(format!("{name} is not allowed; {ALLOWED}")))))
        }
    });
    seen.map(|_| ()).map_err(Error::of)
}

fn refusal(node: &LogicalPlan) -> Option<&str> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => None,
        LogicalPlan::Ddl(ddl) => Some(ddl.name()),
        LogicalPlan::Dml(_) => Some("changing data"),
        LogicalPlan::Copy(_) => Some("COPY"),
        LogicalPlan::Statement(statement) => Some(statement.name()),
        LogicalPlan::Extension(_) => Some("an extension"),
    }
}
