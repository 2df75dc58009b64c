//! Money as an integer. The unit is the pico-dollar (10⁻¹² USD): every published price per token is a whole
//! number of them, so that tokens × price is exact, and nine million dollars still fit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of US dollars in pico-dollars. Arithmetic is checked: an overflow is an error, never a wrap.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    pub const ZERO: Self = Self(0);
    /// The largest amount: some 9.2 million dollars.
    pub const MAX: Self = Self(i64::MAX);
    pub const PICO_PER_USD: i64 = 1_000_000_000_000;

    pub const fn from_picousd(pico: i64) -> Self {
        Self(pico)
    }
    pub const fn picousd(self) -> i64 {
        self.0
    }
    /// Whole dollars; `None` past [`Money::MAX`].
    pub fn from_usd(usd: i64) -> Option<Self> {
        usd.checked_mul(Self::PICO_PER_USD).map(Self)
    }
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
    /// The sum, or the largest amount. For bounds: too much is refused, never wrapped.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
    /// The difference, or zero where it would be negative.
    pub fn minus_or_zero(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// Reads a decimal number of dollars such as `12`, `0.05` or `1.5e-7`-free text; at most 12 decimal places.
    pub fn parse_usd(text: &str) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
            return Err(MoneyError::NotANumber);
        }
        if fraction.len() > 12 {
            return Err(MoneyError::TooFine);
        }
        let padded = format!("{whole}{fraction:0<12}");
        let pico: i64 = padded.parse().map_err(|_| MoneyError::TooLarge)?;
        Ok(Self(if negative { -pico } else { pico }))
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("not a decimal number of dollars")]
    NotANumber,
    #[error("more than 12 decimal places")]
    TooFine,
    #[error("over 9,223,372 dollars")]
    TooLarge,
}

/// Dollars without trailing zeros: `0.00015`, `12`, `-0.5`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = Self::PICO_PER_USD.unsigned_abs();
        let (whole, fraction) = (magnitude / unit, magnitude % unit);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:012}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_shows_dollars() {
        for (text, pico) in [("0", 0), ("0.00000015", 150_000), ("12", 12_000_000_000_000), ("-0.5", -500_000_000_000)]
        {
            assert_eq!(Money::parse_usd(text), Ok(Money(pico)));
            assert_eq!(Money(pico).to_string(), text);
        }
        assert_eq!(Money::parse_usd("1,5"), Err(MoneyError::NotANumber));
        assert_eq!(Money::parse_usd(""), Err(MoneyError::NotANumber));
        assert_eq!(Money::parse_usd("0.0000000000001"), Err(MoneyError::TooFine));
        assert_eq!(Money::parse_usd("10000000"), Err(MoneyError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(pico in -i64::MAX..i64::MAX) {
            prop_assert_eq!(Money::parse_usd(&Money(pico).to_string()), Ok(Money(pico)));
        }
    }
}
