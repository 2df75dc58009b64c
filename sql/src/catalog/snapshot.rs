//! The relations of one query, each at one snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::prelude::SessionContext;

use super::{columns_table, table_by_query_name, tables_table};
use crate::Error;
use crate::lake::{Lake, LakeTable};
use crate::views;

/// Opens what `names` ask for, and what the views among them read, and registers it in `schema`. Names that are not
/// known are left to the planner, which may find a function of that name.
pub(crate) async fn schema_for(
    lake: &Lake,
    context: &SessionContext,
    schema: &MemorySchemaProvider,
    names: BTreeSet<String>,
) -> Result<(), Error> {
    let wanted = with_views(names);
    let tables = wanted.iter().filter_map(|name| table_by_query_name(name).map(|table| (name, table)));
    let opened = tables.map(|(name, table)| async move {
        let files = lake.files(table).await?;
        Ok::<_, Error>((name.clone(), LakeTable::new(table, files)))
    });
    for (name, table) in futures_util::future::try_join_all(opened).await? {
        register(schema, name, Arc::new(table))?;
    }
    if wanted.contains("tables") {
        register(schema, "tables".into(), Arc::new(tables_table().map_err(Error::of)?))?;
    }
    if wanted.contains("columns") {
        register(schema, "columns".into(), Arc::new(columns_table().map_err(Error::of)?))?;
    }
    for view in views::all().iter().filter(|view| wanted.contains(view.name)) {
        let plan = context.state().create_logical_plan(view.sql).await.map_err(Error::of)?;
        register(schema, view.name.to_owned(), Arc::new(ViewTable::new(plan, Some(view.sql.to_owned()))))?;
    }
    Ok(())
}

fn register(schema: &MemorySchemaProvider, name: String, table: Arc<dyn TableProvider>) -> Result<(), Error> {
    schema.register_table(name, table).map(|_| ()).map_err(Error::of)
}

// A view may read views that come before it.
fn with_views(mut names: BTreeSet<String>) -> BTreeSet<String> {
    for view in views::all().iter().rev() {
        if names.contains(view.name) {
            names.extend(view.reads.iter().map(|&name| name.to_owned()));
        }
    }
    names
}
