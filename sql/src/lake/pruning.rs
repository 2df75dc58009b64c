//! Which files cannot hold a row of the answer.
//!
//! By partition values (exact), then by minima and maxima of the log. Delta cuts timestamps to milliseconds and long
//! texts to a prefix, downwards for minima; maxima of times are raised by a millisecond, those of texts come raised.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;
use serde_json::{Map, Value};

use super::file::{DataFile, Stats};

/// The files that may hold a row for which `predicate` is true.
pub(crate) fn keep(files: &[DataFile], predicate: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Vec<DataFile>> {
    let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
    // What cannot be judged from statistics leaves out nothing.
    let Some(predicate) = builder.build(predicate) else {
        return Ok(files.to_vec());
    };
    let by_partition = FileStats { files, stats: None, schema };
    let kept = select(files, &predicate.prune(&by_partition)?);
    let stats: Vec<_> = kept.iter().map(|f| f.stats.as_deref().map(Stats::parse).unwrap_or_default()).collect();
    let by_stats = FileStats { files: &kept, stats: Some(&stats), schema };
    Ok(select(&kept, &predicate.prune(&by_stats)?))
}

fn select(files: &[DataFile], keep: &[bool]) -> Vec<DataFile> {
    files.iter().zip(keep).filter(|(_, keep)| **keep).map(|(file, _)| file.clone()).collect()
}

struct FileStats<'a> {
    files: &'a [DataFile],
    /// Of each file, once they are worth parsing.
    stats: Option<&'a [Stats]>,
    schema: &'a SchemaRef,
}

impl FileStats<'_> {
    fn partition_values(&self, column: &Column) -> Option<ArrayRef> {
        let at = match column.name() {
            "date" => 0,
            "tenant" => 1,
            _ => return None,
        };
        ScalarValue::iter_to_array(self.files.iter().map(|f| f.partition_values().swap_remove(at))).ok()
    }

    fn bounds(&self, column: &Column, side: Side) -> Option<ArrayRef> {
        if let Some(exact) = self.partition_values(column) {
            return Some(exact);
        }
        let kind = self.schema.field_with_name(column.name()).ok()?.data_type();
        let null = ScalarValue::try_from(kind).ok()?;
        let of = |stats: &Stats| {
            let map = if side == Side::Min { &stats.min } else { &stats.max };
            map.get(column.name()).and_then(|v| bound(v, kind, side)).unwrap_or_else(|| null.clone())
        };
        ScalarValue::iter_to_array(self.stats?.iter().map(of)).ok()
    }

    fn counts(&self, of: impl Fn(&Stats) -> Option<u64>) -> Option<ArrayRef> {
        Some(Arc::new(self.stats?.iter().map(of).collect::<UInt64Array>()))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Min,
    Max,
}

/// One bound as the log spells it. `None` where it is not understood.
fn bound(value: &Value, kind: &DataType, side: Side) -> Option<ScalarValue> {
    match kind {
        DataType::Int32 => Some(ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Utf8 => Some(ScalarValue::Utf8(Some(value.as_str()?.to_owned()))),
        DataType::Timestamp(_, zone) => {
            let micros = string_to_timestamp_nanos(value.as_str()?).ok()?.div_euclid(1_000);
            let raised = if side == Side::Max { micros.checked_add(999)? } else { micros };
            Some(ScalarValue::TimestampMicrosecond(Some(raised), zone.clone()))
        }
        _ => None,
    }
}

impl PruningStatistics for FileStats<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, Side::Min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, Side::Max)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        if self.partition_values(column).is_some() {
            return Some(Arc::new(UInt64Array::from(vec![0; self.files.len()])));
        }
        let count = |nulls: &Map<String, Value>| nulls.get(column.name()).and_then(Value::as_u64);
        self.counts(|stats| count(&stats.nulls))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        self.counts(|stats| stats.rows)
    }

    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let exact = self.partition_values(column)?;
        let of = |row| ScalarValue::try_from_array(&exact, row).ok().map(|value| values.contains(&value));
        Some((0..exact.len()).map(of).collect())
    }
}
