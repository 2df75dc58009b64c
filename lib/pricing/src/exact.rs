//! Exact decimal numbers: an integer and a count of decimal places.
//!
//! General decimal types round silently once a product has more digits than they hold. Here that is an error.

use std::fmt;

use crate::error::Error;

/// More than any price has; tokens × price stays far from the integer's limit.
const MAX_DIGITS: usize = 20;
const MAX_PLACES: i32 = 30;

/// A decimal number, not negative: `units` × 10^-`places`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact {
    units: i128,
    places: u32,
}

impl Exact {
    pub const ZERO: Self = Self { units: 0, places: 0 };

    /// Reads `12`, `0.15`, `1.5e-07`. `Err` says why it is no such number.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| "not a decimal number")?),
            None => (text, 0),
        };
        let number = number.strip_prefix('+').unwrap_or(number);
        if number.starts_with('-') {
            return Err("negative");
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err("not a decimal number");
        }
        // Zeros on both sides carry nothing but the place of the point.
        let kept = digits.trim_end_matches('0');
        let dropped = digits.len() - kept.len();
        let units = kept.trim_start_matches('0');
        if units.is_empty() {
            return Ok(Self::ZERO);
        }
        if units.len() > MAX_DIGITS {
            return Err("more than 20 digits");
        }
        let too_far = || "too large or too small";
        let shift = i32::try_from(fraction.len()).ok().zip(i32::try_from(dropped).ok()).ok_or_else(too_far)?;
        let places = shift.0.checked_sub(shift.1).and_then(|p| p.checked_sub(exponent)).ok_or_else(too_far)?;
        let units: i128 = units.parse().map_err(|_| "not a decimal number")?;
        match places {
            0..=MAX_PLACES => Ok(Self { units, places: places.unsigned_abs() }),
            -10..=-1 => Ok(Self { units: units * 10_i128.pow(places.unsigned_abs()), places: 0 }),
            _ => Err(too_far()),
        }
    }

    /// The number divided by ten so many times.
    pub(crate) const fn shifted(self, places: u32) -> Self {
        Self { units: self.units, places: self.places + places }
    }
    pub(crate) const fn half(self) -> Self {
        Self { units: self.units * 5, places: self.places + 1 }
    }
    pub(crate) fn times(self, count: i64) -> Result<Self, Error> {
        let units = self.units.checked_mul(i128::from(count)).ok_or(Error::Overflow)?;
        Ok(Self { units, places: self.places })
    }
    pub(crate) fn plus(self, other: Self) -> Result<Self, Error> {
        let places = self.places.max(other.places);
        let sum = self.at(places)?.checked_add(other.at(places)?).ok_or(Error::Overflow)?;
        Ok(Self { units: sum, places })
    }

    /// The units at a finer place.
    fn at(self, places: u32) -> Result<i128, Error> {
        let factor = 10_i128.checked_pow(places - self.places).ok_or(Error::Overflow)?;
        self.units.checked_mul(factor).ok_or(Error::Overflow)
    }

    /// Whole units of 10^-`places`; what is finer is rounded half up, or all up.
    pub(crate) fn in_units_of(self, places: u32, up: bool) -> Result<i128, Error> {
        if self.places <= places {
            return self.at(places);
        }
        let Some(divisor) = 10_i128.checked_pow(self.places - places) else { return Ok(i128::from(up)) };
        let (whole, rest) = (self.units / divisor, self.units % divisor);
        let rounds_up = if up { rest > 0 } else { rest >= divisor - rest };
        Ok(whole + i128::from(rounds_up))
    }

    fn normal(self) -> Self {
        let Self { mut units, mut places } = self;
        while places > 0 && units % 10 == 0 {
            units /= 10;
            places -= 1;
        }
        Self { units, places }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.normal(), other.normal());
        (a.units, a.places) == (b.units, b.places)
    }
}
impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Exact {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Whole parts first: bringing both to one place could overflow.
        let split = |n: &Self| {
            let divisor = 10_i128.checked_pow(n.places).unwrap_or(i128::MAX);
            (n.units / divisor, n.units % divisor)
        };
        let ((whole, rest), (other_whole, other_rest)) = (split(self), split(other));
        whole.cmp(&other_whole).then_with(|| {
            let (a, b) = (Self { units: rest, places: self.places }, Self { units: other_rest, places: other.places });
            let places = a.places.max(b.places);
            match (a.at(places), b.at(places)) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                // Only the coarser one can overflow when made finer, so it is the larger.
                (Err(_), _) => std::cmp::Ordering::Greater,
                (_, Err(_)) => std::cmp::Ordering::Less,
            }
        })
    }
}

/// Plain decimal, without an exponent and without trailing zeros.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, places } = self.normal();
        let digits = format!("{units:0>width$}", width = places as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places as usize);
        if fraction.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_read_from_their_text() {
        for (text, shown) in [
            ("1.5e-07", "0.00000015"),
            ("2.4999999999999998e-07", "0.00000024999999999999998"),
            ("0", "0"),
            ("0.0", "0"),
            ("-0e9", ""),
            ("3E2", "300"),
            ("1200", "1200"),
            ("1.20", "1.2"),
            (".5", "0.5"),
            ("1e-99", ""),
            ("1e999999999999", ""),
            ("abc", ""),
            ("1.2.3", ""),
            ("", ""),
            ("NaN", ""),
        ] {
            assert_eq!(Exact::parse(text).map(|n| n.to_string()).unwrap_or_default(), shown, "{text}");
        }
    }

    #[test]
    fn rounding_is_half_up_or_all_up() {
        assert_eq!(exact("1.25").in_units_of(1, false).unwrap(), 13);
        assert_eq!(exact("1.24").in_units_of(1, false).unwrap(), 12);
        assert_eq!(exact("1.21").in_units_of(1, true).unwrap(), 13);
        assert_eq!(exact("1.2").in_units_of(1, true).unwrap(), 12);
        assert_eq!(exact("1.2").in_units_of(3, false).unwrap(), 1_200);
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_integers(a in 0_u32..1_000_000, b in 0_u32..1_000_000, n in 0_i64..1_000_000) {
            let price = |units: u32| Exact { units: i128::from(units), places: 9 };
            let sum = price(a).times(n).unwrap().plus(price(b).half()).unwrap();
            let expected = i128::from(a) * i128::from(n) * 10 + i128::from(b) * 5;
            prop_assert_eq!(sum, Exact { units: expected, places: 10 });
            prop_assert_eq!(price(a).cmp(&price(b)), a.cmp(&b));
            prop_assert_eq!(exact(&sum.to_string()), sum);
        }
    }
}
