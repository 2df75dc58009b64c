//! Text functions whose answer may be far longer than what they are given. The memory limit of a query does not see what
//! a function builds, and a few of them within each other would take all the memory of the machine.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// The functions, by how their answer grows: as the sum of what they are given, or as one text put into another.
const SUMS: &[&str] = &["concat", "concat_ws"];
const REPLACING: &[&str] = &["replace", "regexp_replace"];
/// The most that one batch may become: half a megabyte a row, and well below the 2 GiB of an array.
const MOST_BYTES: usize = 512 << 20;

/// One of them, with its answer's size judged before it is built.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounded {
    inner: Arc<ScalarUDF>,
}

impl Bounded {
    /// The function as it is, or bounded where it has to be.
    pub(crate) fn wrap(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
        let grows = SUMS.contains(&function.name()) || REPLACING.contains(&function.name());
        if grows { Arc::new(ScalarUDF::from(Self { inner: function })) } else { function }
    }

    /// At most so many bytes.
    fn answer_bytes(&self, args: &ScalarFunctionArgs) -> usize {
        let sizes: Vec<Size> = args.args.iter().map(|arg| Size::of(arg, args.number_rows)).collect();
        let total = sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(size.total));
        match sizes.as_slice() {
            // Nothing grows where the new text is no longer than the old one.
            [text, old, by]
                if self.inner.name() == "replace" && (1..).contains(&old.shortest) && by.longest <= old.shortest =>
            {
                text.total
            }
            [text, _, by, ..] if REPLACING.contains(&self.inner.name()) => {
                let places = text.total.saturating_add(args.number_rows);
                places.saturating_mul(by.longest).saturating_add(total)
            }
            // A separator stands between each two.
            [separator, rest @ ..] if self.inner.name() == "concat_ws" => {
                separator.total.saturating_mul(rest.len()).saturating_add(total)
            }
            _ => total,
        }
    }
}

/// Bytes of an argument.
struct Size {
    total: usize,
    shortest: usize,
    longest: usize,
}

impl Size {
    fn of(argument: &ColumnarValue, rows: usize) -> Self {
        let lengths = |array: &dyn Array| -> Self {
            let fold = |lengths: &mut dyn Iterator<Item = usize>| {
                let none = Self { total: 0, shortest: usize::MAX, longest: 0 };
                lengths.fold(none, |seen, n| Self {
                    total: seen.total.saturating_add(n),
                    shortest: seen.shortest.min(n),
                    longest: seen.longest.max(n),
                })
            };
            match array.data_type() {
                DataType::Utf8 => fold(&mut array.as_string::<i32>().iter().flatten().map(str::len)),
                DataType::LargeUtf8 => fold(&mut array.as_string::<i64>().iter().flatten().map(str::len)),
                DataType::Utf8View => fold(&mut array.as_string_view().iter().flatten().map(str::len)),
                // Numbers and the like have short texts.
                _ => Self { total: array.len().saturating_mul(32), shortest: 0, longest: 32 },
            }
        };
        match argument {
            ColumnarValue::Array(array) => lengths(array.as_ref()),
            ColumnarValue::Scalar(scalar) => {
                let length = scalar.try_as_str().map_or(32, |text| text.map_or(0, str::len));
                Self { total: length.saturating_mul(rows), shortest: length, longest: length }
            }
        }
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.answer_bytes(&args) > MOST_BYTES {
            let what = format!("{} may give more than {MOST_BYTES} bytes", self.name());
            return Err(DataFusionError::ResourcesExhausted(what));
        }
        self.inner.invoke_with_args(args)
    }
}
