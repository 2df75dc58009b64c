//! Gives every subquery in a `FROM` a name of its own.
//!
//! The engine's optimizer takes two projections that follow each other for one where they read alike, also where the
//! outer one reads the inner one's answer: `SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM …)` added 1 once. A name
//! between them keeps them apart.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, TableAlias, TableFactor, VisitMut, VisitorMut};

/// Names the subqueries that have no name: `_1`, `_2` …
pub(crate) fn name(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => {
            // It never breaks off.
            let _ = inner.visit(&mut Names(0));
        }
        Statement::Explain(explain) => name(&mut explain.statement),
        _ => {}
    }
}

struct Names(usize);

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            self.0 += 1;
            let name = Ident::new(format!("_{}", self.0));
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }
}
