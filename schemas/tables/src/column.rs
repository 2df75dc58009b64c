use arrow::datatypes::{DataType, Field, TimeUnit};

/// Digits of an amount: all that 128 bits hold.
pub const MONEY_PRECISION: u8 = 38;
/// Decimal places of an amount in dollars: pico-dollars, the unit of [`weir_schemas::Money`].
pub const MONEY_SCALE: i8 = 12;

/// One column. `doc` is its reference.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
    pub doc: &'static str,
}

/// What a column holds. Only what Delta, Parquet and SQL spell alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    BigInt,
    Double,
    Bool,
    Bytes,
    /// µs since the epoch, UTC.
    Timestamp,
    Date,
    /// Dollars with twelve decimal places.
    Money,
}

impl Kind {
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Bytes => DataType::Binary,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Money => DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE),
        }
    }

    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Double => "double",
            Self::Bool => "boolean",
            Self::Bytes => "binary",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Money => "decimal(38,12)",
        }
    }
}

impl Column {
    /// A column that every row has.
    pub(crate) const fn is(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, nullable: false, doc }
    }

    /// A column that may be null.
    pub(crate) const fn may(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, nullable: true, doc }
    }

    pub fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), self.nullable)
    }
}

/// Joins lists of columns while the program compiles. `N` is the sum of their lengths.
pub(crate) const fn join<const N: usize>(parts: &[&[Column]]) -> [Column; N] {
    let mut all = [Column::is("", Kind::Text, ""); N];
    let (mut filled, mut part) = (0, 0);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            all[filled] = parts[part][at];
            filled += 1;
            at += 1;
        }
        part += 1;
    }
    assert!(filled == N, "N is the sum of the lengths");
    all
}
