use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::cast::{as_binary_array, as_large_binary_array};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// `utf8(body)`: the bytes as text, so that people can read payloads. What is no UTF-8 becomes U+FFFD.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Utf8Lossy {
    signature: Signature,
}

impl Utf8Lossy {
    pub(crate) fn new() -> Self {
        let one_of =
            vec![TypeSignature::Exact(vec![DataType::Binary]), TypeSignature::Exact(vec![DataType::LargeBinary])];
        Self { signature: Signature::one_of(one_of, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Utf8Lossy {
    fn name(&self) -> &str {
        "utf8"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [bytes] = arrays.as_slice() else {
            return Err(DataFusionError::Execution("utf8 takes one argument".into()));
        };
        let text: ArrayRef = match bytes.data_type() {
            DataType::Binary => decode(as_binary_array(bytes)?.iter(), bytes.len()),
            DataType::LargeBinary => decode(as_large_binary_array(bytes)?.iter(), bytes.len()),
            other => return Err(DataFusionError::Execution(format!("utf8 takes bytes, not {other}"))),
        };
        Ok(ColumnarValue::Array(text))
    }
}

fn decode<'a>(values: impl Iterator<Item = Option<&'a [u8]>>, rows: usize) -> ArrayRef {
    let mut text = StringBuilder::with_capacity(rows, 0);
    for value in values {
        text.append_option(value.map(String::from_utf8_lossy));
    }
    Arc::new(text.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, LargeBinaryArray};

    use super::*;

    #[test]
    fn bytes_become_text_and_what_is_none_is_marked() {
        let bytes = BinaryArray::from(vec![Some("grün".as_bytes()), None, Some(&[0x61, 0xff])]);
        let text = decode(bytes.iter(), 3);
        let text = datafusion::common::cast::as_string_array(&text).unwrap();
        assert_eq!(text.iter().collect::<Vec<_>>(), [Some("grün"), None, Some("a\u{fffd}")]);
        let large = LargeBinaryArray::from(vec![Some("x".as_bytes())]);
        assert_eq!(decode(large.iter(), 1).len(), 1);
    }
}
