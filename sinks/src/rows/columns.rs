use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use uuid::Uuid;
use weir_schemas::event::TokenCounts;
use weir_schemas::{Header, Money, Timestamp};
use weir_tables::{MONEY_PRECISION, MONEY_SCALE, Table};

use super::Place;

/// Columns of a batch, appended in the table's order; [`finish`](Self::finish) holds them against its schema.
pub(super) struct Columns {
    table: &'static Table,
    arrays: Vec<ArrayRef>,
    failed: Option<ArrowError>,
}

impl Columns {
    pub(super) fn new(table: &'static Table) -> Self {
        Self { table, arrays: Vec::with_capacity(table.columns.len()), failed: None }
    }

    pub(super) fn finish(self) -> Result<RecordBatch, ArrowError> {
        match self.failed {
            Some(error) => Err(error),
            None => RecordBatch::try_new(self.table.file_schema(), self.arrays),
        }
    }

    fn push(&mut self, array: impl arrow::array::Array + 'static) -> &mut Self {
        self.arrays.push(Arc::new(array));
        self
    }

    pub(super) fn text<T: AsRef<str>>(&mut self, values: impl Iterator<Item = T>) -> &mut Self {
        self.text_or_null(values.map(Some))
    }

    pub(super) fn text_or_null<T: AsRef<str>>(&mut self, values: impl Iterator<Item = Option<T>>) -> &mut Self {
        self.push(values.collect::<StringArray>())
    }

    pub(super) fn uuid(&mut self, values: impl Iterator<Item = Uuid>) -> &mut Self {
        self.uuid_or_null(values.map(Some))
    }

    pub(super) fn uuid_or_null(&mut self, values: impl Iterator<Item = Option<Uuid>>) -> &mut Self {
        let mut column = StringBuilder::new();
        let mut buffer = Uuid::encode_buffer();
        for value in values {
            match value {
                Some(id) => column.append_value(id.hyphenated().encode_lower(&mut buffer)),
                None => column.append_null(),
            }
        }
        self.push(column.finish())
    }

    pub(super) fn int(&mut self, values: impl Iterator<Item = i32>) -> &mut Self {
        self.push(Int32Array::from_iter_values(values))
    }

    pub(super) fn bigint(&mut self, values: impl Iterator<Item = i64>) -> &mut Self {
        self.push(Int64Array::from_iter_values(values))
    }

    pub(super) fn bigint_or_null(&mut self, values: impl Iterator<Item = Option<i64>>) -> &mut Self {
        self.push(values.collect::<Int64Array>())
    }

    pub(super) fn double(&mut self, values: impl Iterator<Item = f64>) -> &mut Self {
        self.push(Float64Array::from_iter_values(values))
    }

    pub(super) fn bool(&mut self, values: impl Iterator<Item = bool>) -> &mut Self {
        self.bool_or_null(values.map(Some))
    }

    pub(super) fn bool_or_null(&mut self, values: impl Iterator<Item = Option<bool>>) -> &mut Self {
        self.push(values.collect::<BooleanArray>())
    }

    pub(super) fn bytes<T: AsRef<[u8]>>(&mut self, values: impl Iterator<Item = T>) -> &mut Self {
        self.push(values.map(Some).collect::<BinaryArray>())
    }

    pub(super) fn time(&mut self, values: impl Iterator<Item = Timestamp>) -> &mut Self {
        self.time_or_null(values.map(Some))
    }

    pub(super) fn time_or_null(&mut self, values: impl Iterator<Item = Option<Timestamp>>) -> &mut Self {
        let micros = values.map(|v| v.map(|t| t.0));
        self.push(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    }

    /// An amount in pico-dollars is a decimal with twelve places as it stands.
    pub(super) fn money_or_null(&mut self, values: impl Iterator<Item = Option<Money>>) -> &mut Self {
        let column: Decimal128Array = values.map(|v| v.map(|m| i128::from(m.picousd()))).collect();
        match column.with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE) {
            Ok(column) => self.push(column),
            Err(error) => {
                self.failed = Some(error);
                self
            }
        }
    }

    /// `columns::ORIGIN` of the tables.
    pub(super) fn origin<'a>(&mut self, headers: impl Iterator<Item = &'a Header> + Clone) -> &mut Self {
        self.uuid(headers.clone().map(|h| h.event_id.0))
            .text(headers.clone().map(|h| &h.ingress_id))
            .bigint(headers.clone().map(|h| h.boot_epoch.0))
            .bigint(headers.clone().map(|h| h.seq.0))
            .uuid(headers.clone().map(|h| h.request_id.0))
            .time(headers.clone().map(|h| h.event_time))
            .text(headers.map(|h| &h.policy_version))
    }

    /// `columns::PLACE` of the tables.
    pub(super) fn place(&mut self, places: impl Iterator<Item = Place> + Clone) -> &mut Self {
        self.int(places.clone().map(|p| p.partition.0))
            .bigint(places.clone().map(|p| p.offset.0))
            .time(places.map(|p| p.appended))
    }

    /// The tables' columns of tokens.
    pub(super) fn tokens(&mut self, tokens: impl Iterator<Item = TokenCounts> + Clone) -> &mut Self {
        self.bigint(tokens.clone().map(|t| t.input_tokens))
            .bigint(tokens.clone().map(|t| t.output_tokens))
            .bigint(tokens.clone().map(|t| t.cache_read_input_tokens))
            .bigint(tokens.clone().map(|t| t.cache_creation_input_tokens))
            .bigint(tokens.map(|t| t.reasoning_tokens))
    }
}
