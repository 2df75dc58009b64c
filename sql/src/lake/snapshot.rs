use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::local::LocalFileSystem;
use object_store::{ObjectMeta, ObjectStore};
use tokio::sync::Mutex;
use url::Url;
use weir_tables::{Table, layout};

use super::file::{DataFile, partition};
use crate::Error;

/// Handles get slower with every update; a fresh one costs some milliseconds.
const REOPEN_AFTER: u32 = 50;

/// The tables under one audit folder.
#[derive(Debug)]
pub(crate) struct Lake {
    root: PathBuf,
    /// There once the folder is: a reader does not make folders.
    store: OnceLock<Arc<dyn ObjectStore>>,
    open: HashMap<&'static str, Mutex<Option<Open>>>,
}

#[derive(Debug)]
struct Open {
    handle: DeltaTable,
    updates: u32,
}

impl Lake {
    /// The folder need not be there yet, nor any table in it.
    pub(crate) fn new(root: &Path) -> Result<Self, Error> {
        let root = std::path::absolute(root).map_err(|source| Error::Folder { path: root.to_owned(), source })?;
        let open = Table::all().iter().map(|table| (table.name, Mutex::new(None))).collect();
        Ok(Self { root, store: OnceLock::new(), open })
    }

    /// The folder as a store; `None` until it is there.
    pub(crate) fn store(&self) -> Option<Arc<dyn ObjectStore>> {
        if let Some(store) = self.store.get() {
            return Some(Arc::clone(store));
        }
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(&self.root).ok()?);
        Some(Arc::clone(self.store.get_or_init(|| store)))
    }

    /// The live files of the newest snapshot; none where the table does not exist yet.
    pub(crate) async fn files(&self, table: &'static Table) -> Result<Vec<DataFile>, Error> {
        if !has_commits(&self.root, table)? {
            return Ok(Vec::new());
        }
        let failed = |source: DeltaTableError| Error::Table { table: table.name, source: Box::new(source) };
        let mut slot = self.open[table.name].lock().await;
        let open = match slot.take() {
            Some(mut open) if open.updates < REOPEN_AFTER => match open.handle.update_state().await {
                Ok(()) => Open { updates: open.updates + 1, ..open },
                // The folder may have been replaced under us; a fresh look decides.
                Err(_) => Open { handle: self.load(table).await.map_err(failed)?, updates: 0 },
            },
            _ => Open { handle: self.load(table).await.map_err(failed)?, updates: 0 },
        };
        let files = list(table, &open.handle)?;
        *slot = Some(open);
        Ok(files)
    }

    async fn load(&self, table: &Table) -> Result<DeltaTable, DeltaTableError> {
        let dir = layout::table_dir(&self.root, table);
        let url =
            Url::from_directory_path(&dir).map_err(|()| DeltaTableError::InvalidTableLocation(table.name.into()))?;
        DeltaTableBuilder::from_url(url)?.load().await
    }
}

fn list(table: &'static Table, handle: &DeltaTable) -> Result<Vec<DataFile>, Error> {
    let failed = |source: DeltaTableError| Error::Table { table: table.name, source: Box::new(source) };
    let foreign = |why: String| Error::Foreign { table: table.name, why };
    let log = handle.snapshot().map_err(failed)?.snapshot().try_log_data().map_err(failed)?;
    let mut files = Vec::with_capacity(log.num_files());
    for view in log.iter() {
        if view.deletion_vector_descriptor().is_some() {
            return Err(foreign("a file has a deletion vector".into()));
        }
        let (date, tenant) = partition(&view.partition_values_map()).map_err(foreign)?;
        let path = format!("{}/{}", table.name, view.object_store_path());
        let location = object_store::path::Path::parse(&path).map_err(|e| foreign(e.to_string()))?;
        let last_modified = view.modification_datetime().map_err(failed)?;
        let size = u64::try_from(view.size()).map_err(|_| foreign("a file of negative size".into()))?;
        let meta = ObjectMeta { location, last_modified, size, e_tag: None, version: None };
        files.push(DataFile { meta, date, tenant, stats: view.stats() });
    }
    Ok(files)
}

// The folder of the log exists some moments before its first commit does.
fn has_commits(root: &Path, table: &Table) -> Result<bool, Error> {
    if !layout::exists(root, table) {
        return Ok(false);
    }
    let path = layout::table_dir(root, table).join("_delta_log");
    let entries = std::fs::read_dir(&path).map_err(|source| Error::Folder { path: path.clone(), source })?;
    let commit = |name: &str| name.ends_with(".json") || name.ends_with(".checkpoint.parquet");
    Ok(entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(commit)))
}
