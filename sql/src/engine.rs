//! Threads and settings of the query engine.
//!
//! Parsing, planning and running happen on threads of their own, with large stacks: an expression that the guard lets
//! through may be thousands of nodes deep, and a stack overflow ends the process, not the query.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use tokio::runtime::{Builder, Handle, Runtime};
use url::Url;

use crate::bounded::Bounded;
use crate::guard::plan::FUNCTIONS_LEFT_OUT;
use crate::lake::Lake;
use crate::utf8::Utf8Lossy;

/// Eight times what the deepest legal expression took in a debug build.
const STACK: usize = 64 << 20;
/// Rows a batch. Bodies of a megabyte each are legal, and a batch must stay under the 2 GiB of its offsets.
const BATCH_ROWS: usize = 1_024;
/// Catalog and schema in which everything stands: `public`, as PostgreSQL's clients expect.
pub(crate) const CATALOG: &str = "weir";
pub(crate) const SCHEMA: &str = "public";

/// The store of the audit folder, by the only URL that the engine resolves.
pub(crate) const STORE_URL: &str = "audit://lake/";

pub(crate) struct Engine {
    runtime: Option<Runtime>,
    state: SessionState,
}

impl Engine {
    pub(crate) fn new(lake: Arc<Lake>) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.max(2))
            .thread_name("weir-sql")
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        let state = state(lake, cores).map_err(std::io::Error::other)?;
        Ok(Self { runtime: Some(runtime), state })
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("it is taken on drop only").handle()
    }

    pub(crate) fn state(&self) -> &SessionState {
        &self.state
    }

    /// The state's environment with a memory pool of one query's own.
    pub(crate) fn environment(state: &SessionState, memory: usize) -> Result<Arc<RuntimeEnv>> {
        let tracked = std::num::NonZeroUsize::new(3).expect("three is not zero");
        let pool = TrackConsumersPool::new(GreedyMemoryPool::new(memory), tracked);
        RuntimeEnvBuilder::from_runtime_env(state.runtime_env()).with_memory_pool(Arc::new(pool)).build_arc()
    }
}

impl Drop for Engine {
    // A runtime may not be dropped on another runtime's thread; queries that still run are aborted.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn state(lake: Arc<Lake>, cores: usize) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_target_partitions(cores)
        .with_batch_size(BATCH_ROWS);
    let options = config.options_mut();
    // Look-ups of one request are seven times faster with it.
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    // Our columns are Utf8; so are casts and literals.
    options.sql_parser.map_string_types_to_utf8view = false;
    // `0.1 + 0.2` is 0.3, and dollars compare with dollars.
    options.sql_parser.parse_float_as_decimal = true;

    let environment = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(OnlyTheLake(lake)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let mut builder =
        SessionStateBuilder::new().with_config(config).with_runtime_env(environment).with_default_features();
    if let Some(functions) = builder.scalar_functions() {
        let kept = |f: &Arc<ScalarUDF>| {
            !FUNCTIONS_LEFT_OUT.contains(&f.name())
                && f.aliases().iter().all(|a| !FUNCTIONS_LEFT_OUT.contains(&a.as_str()))
        };
        functions.retain(kept);
        *functions = std::mem::take(functions).into_iter().map(Bounded::wrap).collect();
        functions.push(Arc::new(ScalarUDF::from(Utf8Lossy::new())));
    }
    // Formats and factories are for COPY and CREATE EXTERNAL TABLE, which the guard refuses; this is the second lock.
    *builder.file_formats() = None;
    *builder.table_factories() = None;
    Ok(builder.build())
}

/// Resolves the audit folder's URL and nothing else: no local file, no bucket.
#[derive(Debug)]
struct OnlyTheLake(Arc<Lake>);

impl ObjectStoreRegistry for OnlyTheLake {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let known = url.as_str().trim_end_matches('/') == STORE_URL.trim_end_matches('/');
        let store = if known { self.0.store() } else { None };
        store.ok_or_else(|| DataFusionError::Plan("only the audit tables can be read".into()))
    }
}
