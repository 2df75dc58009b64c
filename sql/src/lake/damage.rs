use std::sync::Arc;

use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Reads files from end to end until one fails; gives its name and what is wrong with it. One file is in memory at a time.
pub(crate) async fn first_damaged(store: &Arc<dyn ObjectStore>, files: &[ObjectMeta]) -> Option<String> {
    for file in files {
        if let Err(error) = read(store, file).await {
            return Some(format!("{}: {error}", file.location));
        }
    }
    None
}

async fn read(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<(), Error> {
    let bytes = store.get(&file.location).await?.bytes().await?;
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
        batch?;
    }
    Ok(())
}
