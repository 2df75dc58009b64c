use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::json;

/// Right-aligned by tables.
pub fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

/// One cell as people read it; `None` for null, and for floats that are no number.
pub fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let text = match array.data_type() {
        DataType::Null => return None,
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Binary => BASE64_STANDARD.encode(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => BASE64_STANDARD.encode(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => BASE64_STANDARD.encode(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => BASE64_STANDARD.encode(array.as_fixed_size_binary().value(row)),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Decimal32(..) => array.as_primitive::<Decimal32Type>().value_as_string(row),
        DataType::Decimal64(..) => array.as_primitive::<Decimal64Type>().value_as_string(row),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Timestamp(unit, _) => timestamp(array, row, *unit)?,
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(row)?.to_string(),
        DataType::Date64 => array.as_primitive::<Date64Type>().value_as_date(row)?.to_string(),
        kind if kind.is_floating() || kind.is_nested() || matches!(kind, DataType::Dictionary(..)) => {
            let mut out = Vec::new();
            json::write_value(&mut out, array, row).ok()?;
            if out == b"null" {
                return None;
            }
            let json = String::from_utf8(out).ok()?;
            // A dictionary of text is text, not JSON.
            serde_json::from_str::<String>(&json).unwrap_or(json)
        }
        _ => {
            let options = FormatOptions::new();
            ArrayFormatter::try_new(array, &options).ok()?.value(row).try_to_string().ok()?
        }
    };
    Some(text)
}

// With as many digits as the unit has: the width never changes within a column.
fn timestamp(array: &dyn Array, row: usize, unit: TimeUnit) -> Option<String> {
    let (time, format) = match unit {
        TimeUnit::Second => {
            (array.as_primitive::<TimestampSecondType>().value_as_datetime(row), "%Y-%m-%dT%H:%M:%S%.6fZ")
        }
        TimeUnit::Millisecond => {
            (array.as_primitive::<TimestampMillisecondType>().value_as_datetime(row), "%Y-%m-%dT%H:%M:%S%.6fZ")
        }
        TimeUnit::Microsecond => {
            (array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row), "%Y-%m-%dT%H:%M:%S%.6fZ")
        }
        TimeUnit::Nanosecond => {
            (array.as_primitive::<TimestampNanosecondType>().value_as_datetime(row), "%Y-%m-%dT%H:%M:%S%.9fZ")
        }
    };
    Some(time?.format(format).to_string())
}
