//! Where tables stand under the audit root: `AUDIT/TABLE`, and in it `date=YYYY-MM-DD/tenant=NAME/part-SHA256.parquet`
//! beside Delta's `_delta_log`. The same on a disk and in an object store.

use std::path::{Path, PathBuf};

use crate::Table;

/// Folder of a table under the audit root on a local disk.
pub fn table_dir(audit: &Path, table: &Table) -> PathBuf {
    audit.join(table.name)
}

/// URL of a table under the audit root's URL, with a slash at its end.
pub fn table_url(audit: &str, table: &Table) -> String {
    format!("{}/{}/", audit.trim_end_matches('/'), table.name)
}

/// True once the table has a commit log at a local audit root: before the first start of a sink there is none.
pub fn exists(audit: &Path, table: &Table) -> bool {
    table_dir(audit, table).join("_delta_log").is_dir()
}
