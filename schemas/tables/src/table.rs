use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_schemas::Topic;

use crate::column::Column;
use crate::columns::PARTITION;
use crate::{chunks, costs, findings, grants, intents, outcomes, requests, usage};

/// One audit table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    /// The topic whose events are its rows.
    pub topic: Topic,
    pub doc: &'static str,
    /// The columns that stand in the files, in order. The partition columns follow: see [`Table::all_columns`].
    pub columns: &'static [Column],
}

static ALL: [&Table; 8] = [
    &requests::TABLE,
    &chunks::TABLE,
    &usage::TABLE,
    &outcomes::TABLE,
    &findings::TABLE,
    &costs::TABLE,
    &intents::TABLE,
    &grants::TABLE,
];

impl Table {
    /// Every table, in the order of [`Topic::ALL`].
    pub fn all() -> &'static [&'static Self] {
        &ALL
    }

    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::all().iter().copied().find(|t| t.name == name)
    }

    /// The table that a topic fills.
    pub fn of(topic: Topic) -> &'static Self {
        let found = Self::all().iter().copied().find(|t| t.topic == topic);
        found.expect("every topic has a table: a test holds it")
    }

    /// The columns of a query: those of the files, then the partition columns.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().chain(PARTITION)
    }

    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.all_columns().find(|c| c.name == name)
    }

    /// What a query sees: the columns of the files, then `date` and `tenant`.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.all_columns().map(Column::field).collect::<Vec<_>>()))
    }

    /// What a Parquet file holds: without the partition columns, which Delta keeps out of the files.
    pub fn file_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }
}
