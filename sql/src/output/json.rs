use std::io::{self, Write};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type, SchemaRef};

use super::cell::text;

/// JSON lines: one object a row, columns in the order of the `SELECT`.
pub struct Jsonl<W> {
    out: W,
    row: Row,
}

impl<W: Write> Jsonl<W> {
    pub fn new(out: W, schema: &SchemaRef) -> Self {
        Self { out, row: Row::new(schema) }
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let line = self.row.write(batch, row)?;
            line.push(b'\n');
            self.out.write_all(line)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One JSON array of such objects.
pub struct Json<W> {
    out: W,
    row: Row,
    rows: u64,
}

impl<W: Write> Json<W> {
    pub fn new(out: W, schema: &SchemaRef) -> Self {
        Self { out, row: Row::new(schema), rows: 0 }
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.out.write_all(if self.rows == 0 { b"[\n" } else { b",\n" })?;
            self.out.write_all(self.row.write(batch, row)?)?;
            self.rows += 1;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?;
        self.out.flush()
    }
}

/// Writes one row after the other into a buffer that is kept.
struct Row {
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    line: Vec<u8>,
}

impl Row {
    fn new(schema: &SchemaRef) -> Self {
        let key = |name: &str| {
            let mut key = serde_json::Value::from(name).to_string().into_bytes();
            key.push(b':');
            key
        };
        Self { keys: schema.fields().iter().map(|f| key(f.name())).collect(), line: Vec::new() }
    }

    fn write(&mut self, batch: &RecordBatch, row: usize) -> io::Result<&mut Vec<u8>> {
        self.line.clear();
        self.line.push(b'{');
        for (at, (key, column)) in self.keys.iter().zip(batch.columns()).enumerate() {
            if at > 0 {
                self.line.push(b',');
            }
            self.line.extend_from_slice(key);
            write_value(&mut self.line, column.as_ref(), row)?;
        }
        self.line.push(b'}');
        Ok(&mut self.line)
    }
}

/// One cell as JSON.
pub(super) fn write_value(out: &mut Vec<u8>, array: &dyn Array, row: usize) -> io::Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Utf8 => string(out, array.as_string::<i32>().value(row))?,
        DataType::LargeUtf8 => string(out, array.as_string::<i64>().value(row))?,
        DataType::Utf8View => string(out, array.as_string_view().value(row))?,
        DataType::Float16 => float(out, array.as_primitive::<Float16Type>().value(row).to_f64())?,
        // Through its own digits: 0.1 stays 0.1.
        DataType::Float32 => match serde_json::to_vec(&array.as_primitive::<Float32Type>().value(row)) {
            Ok(digits) => out.extend_from_slice(&digits),
            Err(_) => out.extend_from_slice(b"null"),
        },
        DataType::Float64 => float(out, array.as_primitive::<Float64Type>().value(row))?,
        DataType::List(_) => list(out, array.as_list::<i32>().value(row).as_ref())?,
        DataType::LargeList(_) => list(out, array.as_list::<i64>().value(row).as_ref())?,
        DataType::FixedSizeList(..) => list(out, array.as_fixed_size_list().value(row).as_ref())?,
        DataType::ListView(_) => list(out, array.as_list_view::<i32>().value(row).as_ref())?,
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|f| f.name()).zip(array.as_struct().columns());
            object(out, columns, row)?;
        }
        DataType::Map(..) => entries(out, &array.as_map().value(row))?,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            write_value(out, dictionary.values().as_ref(), key)?;
        }
        kind if kind.is_integer() || *kind == DataType::Boolean => {
            out.extend_from_slice(text(array, row).as_deref().unwrap_or("null").as_bytes());
        }
        _ => match text(array, row) {
            Some(text) => string(out, &text)?,
            None => out.extend_from_slice(b"null"),
        },
    }
    Ok(())
}

fn string(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::other)
}

// serde_json writes null for what is no number.
fn float(out: &mut Vec<u8>, value: f64) -> io::Result<()> {
    serde_json::to_writer(out, &value).map_err(io::Error::other)
}

fn list(out: &mut Vec<u8>, items: &dyn Array) -> io::Result<()> {
    out.push(b'[');
    for at in 0..items.len() {
        if at > 0 {
            out.push(b',');
        }
        write_value(out, items, at)?;
    }
    out.push(b']');
    Ok(())
}

fn object<'a>(
    out: &mut Vec<u8>,
    columns: impl Iterator<Item = (&'a String, &'a arrow::array::ArrayRef)>,
    row: usize,
) -> io::Result<()> {
    out.push(b'{');
    for (at, (name, column)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(out, name)?;
        out.push(b':');
        write_value(out, column.as_ref(), row)?;
    }
    out.push(b'}');
    Ok(())
}

fn entries(out: &mut Vec<u8>, map: &arrow::array::StructArray) -> io::Result<()> {
    let (keys, values) = (map.column(0), map.column(1));
    out.push(b'{');
    for at in 0..map.len() {
        if at > 0 {
            out.push(b',');
        }
        string(out, &text(keys.as_ref(), at).unwrap_or_default())?;
        out.push(b':');
        write_value(out, values.as_ref(), at)?;
    }
    out.push(b'}');
    Ok(())
}
