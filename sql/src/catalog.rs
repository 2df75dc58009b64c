//! What can be queried: tables, views, and `tables` and `columns`, which describe them all.

mod describe;
mod snapshot;

use weir_tables::{Kind, Table};

pub(crate) use describe::{columns_table, tables_table};
pub(crate) use snapshot::schema_for;

use crate::{Error, views};

/// The raw rows of findings: the name `findings` is the stable view's.
pub const FINDING_DETAILS: &str = "finding_details";

/// Something to select from.
#[derive(Clone, Debug)]
pub struct Relation {
    pub name: &'static str,
    /// `table` or `view`.
    pub kind: &'static str,
    pub doc: &'static str,
    pub columns: Vec<ColumnInfo>,
}

#[derive(Clone, Debug)]
pub struct ColumnInfo {
    pub name: &'static str,
    pub data_type: &'static str,
    pub doc: &'static str,
}

/// Everything there is, views first.
pub fn relations() -> Vec<Relation> {
    let views = views::all().iter().map(|view| Relation {
        name: view.name,
        kind: "view",
        doc: view.doc,
        columns: view.columns.iter().map(|c| info(c.name, c.data_type, c.doc)).collect(),
    });
    let tables = Table::all().iter().map(|table| Relation {
        name: query_name(table),
        kind: "table",
        doc: table.doc,
        columns: table.all_columns().map(|c| info(c.name, c.kind.sql(), c.doc)).collect(),
    });
    views.chain(tables).chain(describe::relations()).collect()
}

/// The relation of this name.
pub fn relation(name: &str) -> Result<Relation, Error> {
    let all = relations();
    let names: Vec<_> = all.iter().map(|r| r.name).collect();
    let unknown = || Error::UnknownTable { name: name.to_owned(), hint: hint(name, &names) };
    all.iter().find(|r| r.name == name).cloned().ok_or_else(unknown)
}

const fn info(name: &'static str, data_type: &'static str, doc: &'static str) -> ColumnInfo {
    ColumnInfo { name, data_type, doc }
}

/// Under which name queries see a table.
pub fn query_name(table: &Table) -> &'static str {
    if table.name == weir_tables::findings::TABLE.name { FINDING_DETAILS } else { table.name }
}

pub(crate) fn table_by_query_name(name: &str) -> Option<&'static Table> {
    Table::all().iter().copied().find(|table| query_name(table) == name)
}

/// ` (did you mean …?)` for a name that is nearly one of `known`, else the list.
pub(crate) fn hint(name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|k| (distance(name, k), *k)).min();
    match near {
        Some((distance, best)) if distance <= 1 + best.len() / 4 => format!("; did you mean `{best}`?"),
        _ => format!("; there are {}", known.join(", ")),
    }
}

// Edits between two short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

/// How the reference spells an Arrow type.
pub fn sql_type(kind: &arrow::datatypes::DataType) -> String {
    let known =
        [Kind::Text, Kind::Int, Kind::BigInt, Kind::Double, Kind::Bool, Kind::Bytes, Kind::Timestamp, Kind::Date];
    match kind {
        arrow::datatypes::DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => match known.iter().find(|k| k.arrow() == *other) {
            Some(kind) => kind.sql().to_owned(),
            None => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_has_a_name_of_its_own() {
        let mut names: Vec<_> = relations().iter().map(|r| r.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.contains(&"audit") && names.contains(&FINDING_DETAILS));
    }

    #[test]
    fn a_slip_of_the_pen_gets_the_right_word() {
        let known = ["audit", "requests", "chunks"];
        assert_eq!(hint("request", &known), "; did you mean `requests`?");
        assert_eq!(hint("audt", &known), "; did you mean `audit`?");
        assert_eq!(hint("invoices", &known), "; there are audit, requests, chunks");
    }
}
