use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

/// Reads files with their footers cached, and names the file in every error: Parquet's own do not.
#[derive(Debug)]
pub(crate) struct NamingReaderFactory(pub(crate) Arc<CachedParquetFileReaderFactory>);

impl ParquetFileReaderFactory for NamingReaderFactory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let name = file.object_meta.location.to_string();
        let inner = self.0.create_reader(partition, file, hint, metrics)?;
        Ok(Box::new(NamingReader { name, inner }))
    }
}

struct NamingReader {
    name: String,
    inner: Box<dyn AsyncFileReader + Send>,
}

fn named<T>(name: &str, result: parquet::errors::Result<T>) -> parquet::errors::Result<T> {
    result.map_err(|e| ParquetError::General(format!("{name}: {e}")))
}

impl AsyncFileReader for NamingReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        let Self { name, inner } = self;
        inner.get_bytes(range).map(|r| named(name, r)).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        let Self { name, inner } = self;
        inner.get_byte_ranges(ranges).map(|r| named(name, r)).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let Self { name, inner } = self;
        inner.get_metadata(options).map(|r| named(name, r)).boxed()
    }
}
