use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::text;

/// Comma-separated values after RFC 4180, with a line of names. Null is empty, and an empty text is `""`.
pub struct Csv<W> {
    out: W,
    line: String,
}

impl<W: Write> Csv<W> {
    pub fn new(mut out: W, schema: &SchemaRef) -> io::Result<Self> {
        let mut line = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            separate(&mut line, at);
            quote(&mut line, field.name());
        }
        line.push_str("\r\n");
        out.write_all(line.as_bytes())?;
        Ok(Self { out, line })
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (at, column) in batch.columns().iter().enumerate() {
                separate(&mut self.line, at);
                if let Some(text) = text(column.as_ref(), row) {
                    quote(&mut self.line, &text);
                }
            }
            self.line.push_str("\r\n");
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn separate(line: &mut String, at: usize) {
    if at > 0 {
        line.push(',');
    }
}

fn quote(line: &mut String, text: &str) {
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}
