use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use object_store::{ObjectMeta, ObjectStore};

use crate::{Error, lake};

/// A planned question and the stream of its answer.
pub(crate) struct Running {
    pub(crate) stream: SendableRecordBatchStream,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) store: Option<Arc<dyn ObjectStore>>,
}

impl Running {
    /// Decoders do not know which file they read: the files of the plan are read again, one by one, until one fails.
    pub(crate) async fn explain(&mut self, error: Error) -> Error {
        let Error::Damaged(what) = error else {
            return error;
        };
        if what.contains(".parquet: ") {
            return Error::Damaged(what);
        }
        let Some(store) = &self.store else {
            return Error::Damaged(what);
        };
        match lake::first_damaged(store, &scanned(&self.plan)).await {
            Some(named) => Error::Damaged(named),
            None => Error::Damaged(what),
        }
    }
}

/// The files that a plan reads.
fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Vec<ObjectMeta> {
    let mut files = Vec::new();
    let mut plans = vec![plan];
    while let Some(plan) = plans.pop() {
        let source = plan.downcast_ref::<DataSourceExec>().map(|exec| exec.data_source());
        if let Some(scan) = source.and_then(|source| source.downcast_ref::<FileScanConfig>()) {
            files.extend(scan.file_groups.iter().flat_map(|g| g.files()).map(|file| file.object_meta.clone()));
        }
        plans.extend(plan.children());
    }
    files
}
