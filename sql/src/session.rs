use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;

use crate::engine::{CATALOG, Engine, SCHEMA};
use crate::lake::Lake;
use crate::running::Running;
use crate::{Error, Limits, Query, catalog, guard, subqueries};

/// An audit folder, open for questions. Cheap to clone; clones share handles and threads.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    lake: Arc<Lake>,
    engine: Engine,
}

impl Session {
    /// Opens the folder that holds the tables. It need not exist yet: its tables are empty until it does.
    pub fn open(audit_dir: &Path) -> Result<Self, Error> {
        let lake = Arc::new(Lake::new(audit_dir)?);
        let folder = |source| Error::Folder { path: audit_dir.to_owned(), source };
        let engine = Engine::new(Arc::clone(&lake)).map_err(folder)?;
        Ok(Self { inner: Arc::new(Inner { lake, engine }) })
    }

    /// Asks one question of the newest snapshot. Returns once its columns are known; rows follow from [`Query::next`].
    pub async fn query(&self, sql: &str, limits: &Limits) -> Result<Query, Error> {
        guard::text::check(sql)?;
        let (inner, sql, memory) = (Arc::clone(&self.inner), sql.to_owned(), limits.memory);
        Query::start(self.inner.engine.handle(), *limits, async move { inner.run(&sql, memory).await }).await
    }
}

impl Inner {
    /// On the engine's threads, from the text to the stream of its answer.
    async fn run(&self, sql: &str, memory: usize) -> Result<Running, Error> {
        let mut statement = guard::statement::parse(sql)?;
        subqueries::name(&mut statement);
        let context = self.context(&statement, memory).await?;
        let state = context.state();
        let plan = match state.statement_to_plan(statement.clone()).await {
            Ok(plan) => plan,
            Err(error) => return Err(unknown_table(&context, &statement).unwrap_or_else(|| Error::of(error))),
        };
        guard::plan::check(&plan)?;
        // Not `execute_logical_plan`: that one also runs DDL and statements.
        let plan = state.create_physical_plan(&plan).await.map_err(Error::of)?;
        let stream = execute_stream(Arc::clone(&plan), context.task_ctx()).map_err(Error::of)?;
        Ok(Running { stream, plan, store: self.lake.store() })
    }

    /// A context of this query's own: its snapshot, its memory.
    async fn context(&self, statement: &Statement, memory: usize) -> Result<SessionContext, Error> {
        let schema = Arc::new(MemorySchemaProvider::new());
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, Arc::clone(&schema) as _).map_err(Error::of)?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
        let shared = self.engine.state();
        let state = SessionStateBuilder::new_from_existing(shared.clone())
            .with_catalog_list(Arc::new(catalogs))
            .with_runtime_env(Engine::environment(shared, memory).map_err(Error::of)?)
            .build();
        let context = SessionContext::new_with_state(state);
        let names = references(&context, statement)?;
        catalog::schema_for(&self.lake, &context, &schema, names).await?;
        Ok(context)
    }
}

/// Names of relations in our schema; those of common table expressions and of other schemas are left out.
fn references(context: &SessionContext, statement: &Statement) -> Result<BTreeSet<String>, Error> {
    let all = context.state().resolve_table_references(statement).map_err(Error::of)?;
    let ours = |r: &datafusion::common::TableReference| {
        r.schema().is_none_or(|s| s == SCHEMA) && r.catalog().is_none_or(|c| c == CATALOG)
    };
    Ok(all.iter().filter(|r| ours(r)).map(|r| r.table().to_owned()).collect())
}

/// The reason behind a failed plan where it is a name that nothing has.
fn unknown_table(context: &SessionContext, statement: &Statement) -> Option<Error> {
    let state = context.state();
    let known: Vec<_> = catalog::relations().iter().map(|r| r.name).collect();
    let all = state.resolve_table_references(statement).ok()?;
    let unknown = all.iter().find(|r| {
        let elsewhere = r.schema().is_some_and(|s| s != SCHEMA) || r.catalog().is_some_and(|c| c != CATALOG);
        let function = state.table_functions().contains_key(r.table());
        elsewhere || (!known.contains(&r.table()) && !function)
    })?;
    Some(Error::UnknownTable { name: unknown.to_string(), hint: catalog::hint(unknown.table(), &known) })
}
