use std::collections::HashMap;

use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use serde_json::{Map, Value};

/// A live data file, as the commit log has it.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    /// Its place in the store of the audit folder.
    pub(crate) meta: ObjectMeta,
    /// Days since 1970-01-01.
    pub(crate) date: i32,
    pub(crate) tenant: String,
    /// Statistics as the log has them: a JSON text.
    pub(crate) stats: Option<String>,
}

impl DataFile {
    /// The values of the partition columns, in their order.
    pub(crate) fn partition_values(&self) -> Vec<ScalarValue> {
        vec![ScalarValue::Date32(Some(self.date)), ScalarValue::Utf8(Some(self.tenant.clone()))]
    }
}

/// Reads the partition values of a file; `Err` says what is wrong.
pub(crate) fn partition(values: &HashMap<String, Option<String>>) -> Result<(i32, String), String> {
    let value = |name: &str| {
        let value = values.get(name).and_then(Option::as_deref);
        value.ok_or_else(|| format!("a file without a value of the partition column `{name}`"))
    };
    let date = value("date")?;
    let parsed = ScalarValue::try_from_string(date.to_owned(), &arrow::datatypes::DataType::Date32);
    match parsed {
        Ok(ScalarValue::Date32(Some(days))) => Ok((days, value("tenant")?.to_owned())),
        _ => Err(format!("a file of the date {date:?}")),
    }
}

/// Statistics of one file. Whatever does not read is as if it were not there: it only leaves out files.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) rows: Option<u64>,
    pub(crate) min: Map<String, Value>,
    pub(crate) max: Map<String, Value>,
    pub(crate) nulls: Map<String, Value>,
}

impl Stats {
    pub(crate) fn parse(json: &str) -> Self {
        let Ok(Value::Object(mut all)) = serde_json::from_str(json) else {
            return Self::default();
        };
        let mut map = |name: &str| match all.remove(name) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (min, max, nulls) = (map("minValues"), map("maxValues"), map("nullCount"));
        Self { rows: all.get("numRecords").and_then(Value::as_u64), min, max, nulls }
    }
}
