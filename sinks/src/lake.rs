//! Where the tables are, and how one is opened: on a local disk ([`Lake::local`]) or in an object store ([`Lake::store`]).

use std::collections::HashMap;
use std::path::Path as FsPath;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories, logstore_with,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;
use weir_tables::{Column, Table, columns, layout};

use crate::durable::Durable;
use crate::error::Error;

/// The audit root. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    /// Without a slash at its end.
    url: String,
    store: Arc<dyn ObjectStore>,
}

impl Lake {
    /// A folder of this machine, created where it is missing. What is written survives power loss.
    pub fn local(folder: impl AsRef<FsPath>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let bad = |source: std::io::Error| Error::Location(folder.display().to_string(), source.into());
        std::fs::create_dir_all(folder).map_err(bad)?;
        let folder = folder.canonicalize().map_err(bad)?;
        let url = Url::from_directory_path(&folder)
            .map_err(|()| Error::Location(folder.display().to_string(), "no URL names it".into()))?;
        Ok(Self { url: url.as_str().trim_end_matches('/').to_owned(), store: Arc::new(Durable::new()) })
    }

    /// A place in an object store that honours "create only if it does not exist": commits rest on that. `store` stands at the
    /// root of the bucket, `url` names the audit root in it.
    pub fn store(url: &Url, store: Arc<dyn ObjectStore>) -> Self {
        let scheme = Url::parse(&format!("{}://", url.scheme()));
        if let Ok(scheme) = scheme {
            logstore_factories().entry(scheme).or_insert_with(|| Arc::new(PlainLogStores));
        }
        Self { url: url.as_str().trim_end_matches('/').to_owned(), store }
    }

    /// Opens a table at its newest version; creates it where there is none.
    pub(crate) async fn open(&self, table: &'static Table) -> Result<DeltaTable, Error> {
        let location = layout::table_url(&self.url, table);
        let location = Url::parse(&location).map_err(|e| Error::Location(location.clone(), e.into()))?;
        let log = logstore_with(self.store.clone(), &location, StorageConfig::default())
            .map_err(|e| Error::Location(location.to_string(), e.into()))?;
        let mut handle = DeltaTable::new(log.clone());
        let exists = handle.verify_deltatable_existence().await.map_err(failed(table, "look for its log"))?;
        if !exists && let Err(error) = create(table, log.clone()).await {
            // Two sinks may create it at once: what counts is that it opens.
            tracing::info!(table = table.name, %error, "table was not created here");
        }
        if let Err(source) = handle.load().await {
            let what =
                diagnose(&log.object_store(None)).await.unwrap_or_else(|| "its commit log does not read".to_owned());
            return Err(Error::Damaged { table: table.name, what, source: Box::new(source) });
        }
        check_columns(table, &handle)?;
        Ok(handle)
    }
}

pub(crate) fn failed(table: &'static Table, doing: &'static str) -> impl Fn(DeltaTableError) -> Error {
    move |source| Error::Delta { table: table.name, doing, source: Box::new(source) }
}

fn kernel_schema(table: &Table) -> Result<StructType, DeltaTableError> {
    let commented =
        |column: &Column| column.field().with_metadata(HashMap::from([("comment".to_owned(), column.doc.to_owned())]));
    let schema = Schema::new(table.all_columns().map(commented).collect::<Vec<Field>>());
    (&schema).try_into_kernel().map_err(|source| DeltaTableError::Arrow { source })
}

async fn create(table: &'static Table, log: Arc<dyn LogStore>) -> Result<(), DeltaTableError> {
    CreateBuilder::new()
        .with_log_store(log)
        .with_table_name(table.name)
        .with_comment(table.doc)
        .with_columns(kernel_schema(table)?.fields().cloned())
        .with_partition_columns(columns::PARTITION.iter().map(|c| c.name))
        // The log tells who wrote what; old entries of it are part of the audit.
        .with_configuration_property(deltalake_core::TableProperty::EnableExpiredLogCleanup, Some("false"))
        .await?;
    Ok(())
}

/// A table of another release is left alone: writing into it would mix rows of two meanings.
fn check_columns(table: &'static Table, handle: &DeltaTable) -> Result<(), Error> {
    let ours = kernel_schema(table).map_err(failed(table, "describe its columns"))?;
    let theirs = handle.snapshot().map_err(failed(table, "read its columns"))?.schema();
    let differs = |what: String| Err(Error::Columns { table: table.name, what });
    for field in ours.fields() {
        match theirs.field(field.name()) {
            None => return differs(format!("`{}` is missing", field.name())),
            Some(found) if found.data_type() != field.data_type() => {
                return differs(format!("`{}` is of type {}", field.name(), found.data_type()));
            }
            Some(_) => {}
        }
    }
    match theirs.fields().find(|f| ours.field(f.name()).is_none()) {
        Some(extra) => differs(format!("`{}` is not known", extra.name())),
        None => Ok(()),
    }
}

/// Names the newest file of a table's log that does not read, as far as it can be told.
async fn diagnose(store: &Arc<dyn ObjectStore>) -> Option<String> {
    let log = Path::from("_delta_log");
    let mut files: Vec<_> = store.list(Some(&log)).map_ok(|meta| meta.location).try_collect().await.ok()?;
    files.sort();
    for file in files.iter().rev().filter(|f| f.extension() == Some("json")) {
        let text = match store.get(file).await {
            Ok(found) => found.bytes().await.ok()?,
            Err(_) => return Some(format!("`{file}` cannot be read")),
        };
        if text.is_empty() {
            return Some(format!("`{file}` is empty"));
        }
        let broken = text.split(|b| *b == b'\n').position(|line| {
            !line.is_empty() && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).is_err()
        });
        if let Some(line) = broken {
            return Some(format!("line {} of `{file}` is not JSON: the file is cut off or damaged", line + 1));
        }
    }
    None
}

/// For stores whose own "create if absent" is the lock: no other is needed.
struct PlainLogStores;

impl LogStoreFactory for PlainLogStores {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}
