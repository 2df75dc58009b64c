//! A small lake of hand-made rows, written as the sinks write: Parquet files without the partition columns, named in Delta
//! commits.

// Each test binary uses its part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add, StructType};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use serde_json::{Value, json};
use url::Url;
use weir_sql::output::Jsonl;
use weir_sql::{Error, Limits, Session};
use weir_tables::{Column, Kind, MONEY_PRECISION, MONEY_SCALE, Table, layout};

pub struct TestLake {
    _dir: tempfile::TempDir,
    pub audit: PathBuf,
    files: usize,
}

impl TestLake {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { audit: dir.path().join("audit"), _dir: dir, files: 0 }
    }

    pub fn session(&self) -> Session {
        Session::open(&self.audit).unwrap()
    }

    /// Commits one file of one partition; gives its path. Columns that a row leaves out are null, or zero.
    pub async fn add(&mut self, table: &str, date: &str, tenant: &str, rows: &[Value]) -> PathBuf {
        self.add_with(table, date, tenant, rows, None).await
    }

    pub async fn add_with(
        &mut self,
        table: &str,
        date: &str,
        tenant: &str,
        rows: &[Value],
        stats: Option<Value>,
    ) -> PathBuf {
        let table = Table::by_name(table).unwrap();
        let dir = layout::table_dir(&self.audit, table);
        let mut handle = open(&dir, table).await;
        self.files += 1;
        let folder: String = tenant.chars().map(|c| if c == ' ' { "%20".into() } else { c.to_string() }).collect();
        let path = format!("date={date}/tenant={folder}/part-{}.parquet", self.files);
        let file = dir.join(&path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let columns = table.columns.iter().map(|c| array(c, rows)).collect();
        let batch = RecordBatch::try_new(table.file_schema(), columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::write(&file, &bytes).unwrap();

        let add = Add {
            path,
            partition_values: HashMap::from([
                ("date".to_owned(), Some(date.to_owned())),
                ("tenant".to_owned(), Some(tenant.to_owned())),
            ]),
            size: bytes.len() as i64,
            modification_time: 1_790_000_000_000,
            data_change: true,
            stats: Some(stats.unwrap_or_else(|| json!({ "numRecords": rows.len() })).to_string()),
            ..Add::default()
        };
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let done = CommitBuilder::from(CommitProperties::default())
            .with_actions(vec![Action::Add(add)])
            .build(Some(handle.snapshot().unwrap()), handle.log_store(), operation)
            .await
            .unwrap();
        handle.state = Some(done.snapshot());
        file
    }
}

async fn open(dir: &Path, table: &'static Table) -> DeltaTable {
    std::fs::create_dir_all(dir).unwrap();
    let url = Url::from_directory_path(dir).unwrap();
    if let Ok(table) = DeltaTableBuilder::from_url(url.clone()).unwrap().load().await {
        return table;
    }
    let schema: StructType = table.arrow_schema().as_ref().try_into_kernel().unwrap();
    CreateBuilder::new()
        .with_location(url.as_str())
        .with_columns(schema.fields().cloned())
        .with_partition_columns(["date", "tenant"])
        .await
        .unwrap()
}

fn array(column: &Column, rows: &[Value]) -> ArrayRef {
    let filler = |zero: Value| if column.nullable { Value::Null } else { zero };
    let values = |zero: Value| {
        let filler = filler(zero);
        rows.iter().map(move |row| row.get(column.name).unwrap_or(&filler).clone()).collect::<Vec<_>>()
    };
    match column.kind {
        Kind::Text => Arc::new(values(json!("")).iter().map(|v| v.as_str()).collect::<StringArray>()),
        Kind::Int => Arc::new(values(json!(0)).iter().map(|v| v.as_i64().map(|n| n as i32)).collect::<Int32Array>()),
        Kind::BigInt => Arc::new(values(json!(0)).iter().map(Value::as_i64).collect::<Int64Array>()),
        Kind::Double => Arc::new(values(json!(0.0)).iter().map(Value::as_f64).collect::<Float64Array>()),
        Kind::Bool => Arc::new(values(json!(false)).iter().map(Value::as_bool).collect::<BooleanArray>()),
        Kind::Bytes => {
            let values = values(json!(""));
            Arc::new(values.iter().map(|v| v.as_str().map(str::as_bytes)).collect::<BinaryArray>())
        }
        Kind::Date => Arc::new(values(json!(0)).iter().map(|v| v.as_i64().map(|n| n as i32)).collect::<Date32Array>()),
        Kind::Timestamp => {
            let micros = |v: &Value| v.as_str().map(|text| string_to_timestamp_nanos(text).unwrap() / 1_000);
            let times: TimestampMicrosecondArray = values(json!("2026-11-23T10:00:00Z")).iter().map(micros).collect();
            Arc::new(times.with_timezone("UTC"))
        }
        Kind::Money => {
            let pico = |v: &Value| v.as_str().map(pico);
            let money: Decimal128Array = values(json!("0")).iter().map(pico).collect();
            Arc::new(money.with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE).unwrap())
        }
    }
}

fn pico(usd: &str) -> i128 {
    let (whole, fraction) = usd.split_once('.').unwrap_or((usd, ""));
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

/// The answer as JSON lines.
pub async fn jsonl(session: &Session, sql: &str) -> Result<String, Error> {
    let mut query = session.query(sql, &Limits::default()).await?;
    let mut out = Vec::new();
    let mut writer = Jsonl::new(&mut out, query.schema());
    while let Some(batch) = query.next().await {
        writer.batch(&batch?)?;
    }
    writer.finish()?;
    Ok(String::from_utf8(out).unwrap())
}

/// The answer as JSON values.
pub async fn rows(session: &Session, sql: &str) -> Vec<Value> {
    let text = jsonl(session, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The refusal, with its sources.
pub async fn error(session: &Session, sql: &str) -> String {
    match jsonl(session, sql).await {
        Ok(answer) => panic!("{sql} was answered: {answer}"),
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        }
    }
}
