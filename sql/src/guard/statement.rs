//! One statement, of a kind that reads.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{self, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;

use super::ALLOWED;
use super::text::MAX_BRANCHES;
use crate::Error;

/// The parser's own bound on nesting, above [`super::text::MAX_DEPTH`] brackets: each takes more than one level.
const PARSER_DEPTH: usize = 256;

/// `SHOW TABLES` is a question to our own list.
const SHOW_TABLES: &str = "SELECT table_name, table_type, description FROM tables ORDER BY table_type, table_name";

/// Parses the text that [`super::text::check`] let through. Needs a large stack.
pub fn parse(sql: &str) -> Result<Statement, Error> {
    let statement = parse_one(sql)?;
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::ShowTables { .. }) => {
            parse_one(SHOW_TABLES)
        }
        other => {
            kind(other)?;
            relations(other)?;
            Ok(statement)
        }
    }
}

fn parse_one(sql: &str) -> Result<Statement, Error> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(PARSER_DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(Error::of)?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (Some(_), more) => Err(Error::Refused(format!("{} statements; one is allowed", more + 1))),
        (None, _) => Err(Error::Syntax("there is no statement".into())),
    }
}

fn kind(statement: &Statement) -> Result<(), Error> {
    let refused = |name: &str| Err(Error::Refused(format!("{name} is not allowed; {ALLOWED}")));
    match statement {
        Statement::Statement(inner) => match inner.as_ref() {
            ast::Statement::Query(_) | ast::Statement::ExplainTable { .. } => Ok(()),
            ast::Statement::Explain { statement, .. } => kind(&Statement::Statement(statement.clone())),
            other => refused(&first_words(&other.to_string())),
        },
        Statement::Explain(explain) => kind(&explain.statement),
        Statement::CreateExternalTable(_) => refused("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refused("COPY"),
        Statement::Reset(_) => refused("RESET"),
    }
}

// What the statement is, without what it says: the text may hold secrets.
fn first_words(sql: &str) -> String {
    let words: Vec<_> =
        sql.split_whitespace().take(2).take_while(|w| w.chars().all(|c| c.is_ascii_uppercase())).collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ") }
}

// `FROM a, a, a …` has no keyword that the lexer could count.
fn relations(statement: &Statement) -> Result<(), Error> {
    struct Count(usize);
    impl Visitor for Count {
        type Break = ();
        fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<()> {
            self.0 += 1;
            if self.0 > MAX_BRANCHES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let inner = match statement {
        Statement::Statement(inner) => inner,
        Statement::Explain(explain) => return relations(&explain.statement),
        _ => return Ok(()),
    };
    match inner.visit(&mut Count(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Refused(format!("more than {MAX_BRANCHES} tables"))),
    }
}
