use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use weir_tables::Table;
use weir_tables::columns::PARTITION;

use super::file::DataFile;
use super::pruning;
use super::reader::NamingReaderFactory;
use crate::engine::STORE_URL;

/// One table at one snapshot.
#[derive(Debug)]
pub(crate) struct LakeTable {
    schema: SchemaRef,
    parts: TableSchema,
    files: Vec<DataFile>,
}

impl LakeTable {
    pub(crate) fn new(table: &'static Table, files: Vec<DataFile>) -> Self {
        let partition: Vec<_> = PARTITION.iter().map(|column| Arc::new(column.field())).collect();
        let parts = TableSchema::builder(table.file_schema()).with_table_partition_cols(partition).build();
        Self { schema: table.arrow_schema(), parts, files }
    }

    fn pruned(&self, session: &dyn Session, filters: &[Expr]) -> Result<Vec<DataFile>> {
        let Some(predicate) = conjunction(filters.iter().cloned()) else {
            return Ok(self.files.clone());
        };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let predicate = session.create_physical_expr(predicate, &schema)?;
        pruning::keep(&self.files, predicate, &self.schema)
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // The filters leave out files here and rows in the Parquet reader; the engine keeps what neither can judge.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.pruned(session, filters)?;
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let environment = session.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            environment.object_store(&url)?,
            environment.cache_manager.get_file_metadata_cache(),
        );
        let source = ParquetSource::new(self.parts.clone())
            .with_table_parquet_options(session.table_options().parquet.clone())
            .with_parquet_file_reader_factory(Arc::new(NamingReaderFactory(Arc::new(reader))));
        let scan = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups(files, session.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

fn groups(files: Vec<DataFile>, wanted: usize) -> Vec<FileGroup> {
    let partitioned = files.into_iter().map(|file| {
        let values = file.partition_values();
        PartitionedFile::new_from_meta(file.meta).with_partition_values(values)
    });
    FileGroup::new(partitioned.collect()).split_files(wanted)
}
