//! A group of rows as a Parquet file: named by its content, described for the commit log. Pure.
//!
//! The same rows give the same bytes, and so the same name: what a crash left behind is written over by its retry. Payload
//! columns carry no statistics and no dictionary; the statistics of the commit log hold only what look-ups skip files by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use deltalake_core::kernel::Add;
use jiff::civil::Date;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use weir_schemas::{TenantId, Timestamp};
use weir_tables::{Kind, Table};

use crate::rows::Group;
use crate::settings::{MAX_TENANT_BYTES, ROW_GROUP_ROWS};

/// A finished file that no commit names yet.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    /// From the table's folder.
    pub(crate) path: String,
    pub(crate) bytes: Bytes,
    pub(crate) sha256: String,
    pub(crate) rows: usize,
    pub(crate) add: Add,
}

/// Columns whose least and greatest value the commit log tells, so that readers skip files.
const INDEXED: [&str; 4] = ["event_time", "kafka_partition", "kafka_offset", "request_id"];

/// Encodes one group. `now` is the file's time in the commit log.
pub(crate) fn encode(table: &'static Table, group: &Group, now: Timestamp) -> Result<DataFile, ParquetError> {
    let offsets = offset_ranges(&group.rows);
    let mut out = Vec::with_capacity(64 * 1024);
    let mut writer = ArrowWriter::try_new(&mut out, group.rows.schema(), Some(properties(table, &offsets)?))?;
    writer.write(&group.rows)?;
    writer.close()?;

    let sha256 = hex::encode(Sha256::digest(&out));
    let date = date_text(group.date);
    let path = format!("date={date}/tenant={}/part-{sha256}.parquet", folder_name(&group.tenant));
    let rows = group.rows.num_rows();
    let tags = [("weir.sha256", sha256.clone()), ("weir.rows", rows.to_string()), ("weir.offsets", offsets)];
    let add = Add {
        path: path.clone(),
        partition_values: HashMap::from([
            ("date".to_owned(), Some(date)),
            ("tenant".to_owned(), Some(group.tenant.to_string())),
        ]),
        size: i64::try_from(out.len()).unwrap_or(i64::MAX),
        modification_time: now.millis(),
        data_change: true,
        stats: Some(stats(&group.rows).to_string()),
        tags: Some(tags.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect()),
        ..Add::default()
    };
    Ok(DataFile { path, bytes: out.into(), sha256, rows, add })
}

fn properties(table: &'static Table, offsets: &str) -> Result<WriterProperties, ParquetError> {
    let footer = [("weir.table", table.name), ("weir.offsets", offsets)];
    let footer = footer.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("weir ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(footer.to_vec()));
    for column in table.columns.iter().filter(|c| c.kind == Kind::Bytes) {
        let path = ColumnPath::from(column.name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    Ok(properties.build())
}

fn date_text(days: i32) -> String {
    // Callers bound the day; what were out of the calendar's bounds would stay at its start.
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(days)).to_string()
}

/// A tenant as a folder's name: what is not plain is percent-encoded, as Hive and Spark do.
fn folder_name(tenant: &TenantId) -> String {
    let mut name = String::with_capacity(tenant.as_str().len());
    for byte in tenant.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

pub(crate) fn folder_too_long(tenant: &TenantId) -> bool {
    tenant.as_str().len() > MAX_TENANT_BYTES || folder_name(tenant).len() > MAX_TENANT_BYTES
}

/// First and last offset of each partition: `{"0":[3,9]}`.
fn offset_ranges(rows: &RecordBatch) -> String {
    let mut ranges: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
    if let (Some(partitions), Some(offsets)) =
        (rows.column_by_name("kafka_partition"), rows.column_by_name("kafka_offset"))
    {
        let partitions = partitions.as_primitive::<Int32Type>().values();
        let offsets = offsets.as_primitive::<Int64Type>().values();
        for (partition, offset) in partitions.iter().zip(offsets) {
            let range = ranges.entry(*partition).or_insert((*offset, *offset));
            *range = (range.0.min(*offset), range.1.max(*offset));
        }
    }
    let object: Map<String, Value> =
        ranges.into_iter().map(|(p, (a, b))| (p.to_string(), Value::from(vec![a, b]))).collect();
    Value::Object(object).to_string()
}

fn stats(rows: &RecordBatch) -> Value {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in INDEXED {
        let Some(column) = rows.column_by_name(name) else { continue };
        if let Some((low, high)) = bounds(column) {
            least.insert(name.to_owned(), low);
            greatest.insert(name.to_owned(), high);
            nulls.insert(name.to_owned(), Value::from(column.null_count()));
        }
    }
    serde_json::json!({
        "numRecords": rows.num_rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls,
    })
}

fn bounds(column: &ArrayRef) -> Option<(Value, Value)> {
    match column.data_type() {
        DataType::Int32 => ends(column.as_primitive::<Int32Type>().iter().flatten(), Value::from),
        DataType::Int64 => ends(column.as_primitive::<Int64Type>().iter().flatten(), Value::from),
        // Readers keep milliseconds of it: a bound is rounded outwards.
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMicrosecondType>().iter().flatten();
            let (low, high) = least_and_greatest(times)?;
            Some((time_text(low.div_euclid(1000))?, time_text(high.div_euclid(1000) + 1)?))
        }
        DataType::Utf8 => ends(column.as_string::<i32>().iter().flatten(), Value::from),
        _ => None,
    }
}

fn ends<T: Ord + Copy>(values: impl Iterator<Item = T>, show: impl Fn(T) -> Value) -> Option<(Value, Value)> {
    let (low, high) = least_and_greatest(values)?;
    Some((show(low), show(high)))
}

fn least_and_greatest<T: Ord + Copy>(mut values: impl Iterator<Item = T>) -> Option<(T, T)> {
    let first = values.next()?;
    Some(values.fold((first, first), |(low, high), v| (low.min(v), high.max(v))))
}

fn time_text(millis: i64) -> Option<Value> {
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(Value::from(format!("{time:.3}")))
}

/// What a commit says of its files, for people who read its `commitInfo`.
pub(crate) fn hashes(files: &[Arc<DataFile>]) -> Value {
    Value::Object(files.iter().map(|f| (f.path.clone(), Value::from(f.sha256.clone()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_plain_folder_name() {
        assert_eq!(folder_name(&"acme-1.eu_X".into()), "acme-1.eu_X");
        assert_eq!(folder_name(&"a b/ü%..".into()), "a%20b%2F%C3%BC%25..");
        assert!(!folder_too_long(&"x".repeat(MAX_TENANT_BYTES).as_str().into()));
        assert!(folder_too_long(&"ü".repeat(MAX_TENANT_BYTES / 3).as_str().into()));
    }

    #[test]
    fn days_and_bounds_are_written_as_the_format_wants_them() {
        assert_eq!(date_text(0), "1970-01-01");
        assert_eq!(date_text(20_781), "2026-11-24");
        assert_eq!(date_text(2_932_896), "9999-12-31");
        assert_eq!(time_text(1_790_000_000_123), Some(Value::from("2026-09-21T14:13:20.123Z")));
    }
}
