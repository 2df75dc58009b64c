//! `tables` and `columns`: the reference as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::error::Result;

use super::{ColumnInfo, Relation, info};

const TABLES: &str = "tables";
const COLUMNS: &str = "columns";

const OF_TABLES: &[ColumnInfo] = &[
    info("table_name", "text", "The name to select from."),
    info("table_type", "text", "`table`, or `view`."),
    info("description", "text", "What a row is."),
];

const OF_COLUMNS: &[ColumnInfo] = &[
    info("table_name", "text", "The table or view."),
    info("ordinal_position", "int", "1, 2 … as `SELECT *` has them."),
    info("column_name", "text", "The column."),
    info("data_type", "text", "Its type."),
    info("description", "text", "What it holds."),
];

pub(super) fn relations() -> [Relation; 2] {
    let relation = |name, doc, columns: &[ColumnInfo]| Relation { name, kind: "table", doc, columns: columns.to_vec() };
    [
        relation(TABLES, "What can be queried: one row a table or view.", OF_TABLES),
        relation(COLUMNS, "Every column of every table and view, with what it means.", OF_COLUMNS),
    ]
}

pub(crate) fn tables_table() -> Result<MemTable> {
    let all = super::relations();
    let text =
        |of: fn(&Relation) -> &'static str| Arc::new(StringArray::from_iter_values(all.iter().map(of))) as ArrayRef;
    table([("table_name", text(|r| r.name)), ("table_type", text(|r| r.kind)), ("description", text(|r| r.doc))])
}

pub(crate) fn columns_table() -> Result<MemTable> {
    let all = super::relations();
    let rows: Vec<_> =
        all.iter().flat_map(|r| r.columns.iter().zip(1_i32..).map(move |(c, at)| (r.name, at, c))).collect();
    let text = |of: fn(&(&'static str, i32, &ColumnInfo)) -> &'static str| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef
    };
    let positions: ArrayRef = Arc::new(rows.iter().map(|(_, at, _)| *at).collect::<Int32Array>());
    table([
        ("table_name", text(|(table, ..)| table)),
        ("ordinal_position", positions),
        ("column_name", text(|(.., c)| c.name)),
        ("data_type", text(|(.., c)| c.data_type)),
        ("description", text(|(.., c)| c.doc)),
    ])
}

fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<MemTable> {
    let batch = RecordBatch::try_from_iter(columns)?;
    MemTable::try_new(batch.schema(), vec![vec![batch]])
}
