use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;
use weir_schemas::Money;

use super::{Report, Section, closest, did_you_mean};

/// One value of the file, with its place. Each reading reports what is wrong and then gives `None`.
pub(crate) struct Value<'t, 'i> {
    value: &'t DeValue<'i>,
    span: Range<usize>,
    path: String,
}

impl<'t, 'i> Value<'t, 'i> {
    pub(super) fn new(value: &'t Spanned<DeValue<'i>>, path: String) -> Self {
        Self { value: value.get_ref(), span: value.span(), path }
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Says what is wrong with it.
    pub(crate) fn wrong<T>(&self, report: &mut Report, what: &str) -> Option<T> {
        report.add(&self.span, &self.path, what);
        None
    }
    /// Says what it refers to and is not there.
    pub(crate) fn dangling<T>(&self, report: &mut Report, what: &str) -> Option<T> {
        report.absence(&self.span, &self.path, what);
        None
    }
    fn expected<T>(&self, report: &mut Report, what: &str) -> Option<T> {
        let article = if matches!(self.value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
        self.wrong(report, &format!("expected {what}, found {article} {}", self.value.type_str()))
    }

    /// Any string, without control characters.
    pub(crate) fn text(&self, report: &mut Report) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) if text.chars().any(char::is_control) => {
                self.wrong(report, "must not have control characters")
            }
            DeValue::String(text) => Some(text),
            _ => self.expected(report, "a string"),
        }
    }

    /// A name that is safe in logs, URLs and metrics.
    pub(crate) fn name(&self, report: &mut Report) -> Option<&'t str> {
        /// Long enough for any name that people give, short enough for labels and keys.
        const MAX_NAME_BYTES: usize = 128;
        let text = self.text(report)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.bytes().all(allowed) {
            return self.wrong(report, "must be 1 to 128 of letters, digits and . _ : / @ + -");
        }
        Some(text)
    }

    pub(crate) fn boolean(&self, report: &mut Report) -> Option<bool> {
        match self.value {
            DeValue::Boolean(is) => Some(*is),
            _ => self.expected(report, "true or false"),
        }
    }

    pub(crate) fn integer(&self, range: RangeInclusive<i64>, report: &mut Report) -> Option<i64> {
        let DeValue::Integer(number) = self.value else { return self.expected(report, "an integer") };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.wrong(report, &format!("must be from {} to {}", range.start(), range.end())),
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&self, report: &mut Report) -> Option<f64> {
        let text = match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.expected(report, "a number from 0 to 1"),
        };
        match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Some(share),
            _ => self.wrong(report, "must be from 0 to 1"),
        }
    }

    /// Dollars, read exactly from the text: `50`, `0.05`, `"0.05"`.
    pub(crate) fn dollars(&self, report: &mut Report) -> Option<Money> {
        let text = match self.value {
            DeValue::String(text) => text,
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.expected(report, "an amount of dollars"),
        };
        match Money::parse_usd(text.strip_prefix('+').unwrap_or(text)) {
            Ok(money) if money < Money::ZERO => self.wrong(report, "must not be negative"),
            Ok(money) => Some(money),
            Err(error) => self.wrong(report, &error.to_string()),
        }
    }

    /// `"500ms"`, `"2s"`, `"1m"`, `"1h"`.
    pub(crate) fn duration(&self, range: RangeInclusive<Duration>, report: &mut Report) -> Option<Duration> {
        let text = self.text(report)?;
        let Some(duration) = parse_duration(text) else {
            return self.wrong(report, "expected a duration such as \"500ms\", \"2s\", \"1m\" or \"1h\"");
        };
        if !range.contains(&duration) {
            let (from, to) = (show_duration(*range.start()), show_duration(*range.end()));
            return self.wrong(report, &format!("must be from {from} to {to}"));
        }
        Some(duration)
    }

    /// Bytes: an integer, or `"10MiB"`.
    pub(crate) fn size(&self, range: RangeInclusive<u64>, report: &mut Report) -> Option<u64> {
        let size = match self.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => parse_size(text),
            _ => return self.expected(report, "a size such as 65536 or \"10MiB\""),
        };
        match size {
            Some(size) if range.contains(&size) => Some(size),
            Some(_) => {
                let (from, to) = (show_size(*range.start()), show_size(*range.end()));
                self.wrong(report, &format!("must be from {from} to {to}"))
            }
            None => self.wrong(report, "expected a size such as 65536, \"512KiB\", \"10MiB\" or \"1GiB\""),
        }
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)], report: &mut Report) -> Option<T> {
        let text = self.text(report)?;
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*choice);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let close = did_you_mean(closest(text, words.iter().copied()));
        self.wrong(report, &format!("must be one of {}{close}", words.join(", ")))
    }

    pub(crate) fn list(&self, report: &mut Report) -> Vec<Self> {
        let DeValue::Array(array) = self.value else {
            self.expected::<()>(report, "an array");
            return Vec::new();
        };
        array.iter().enumerate().map(|(at, value)| Value::new(value, format!("{}[{at}]", self.path))).collect()
    }

    pub(crate) fn section(&self, report: &mut Report) -> Option<Section<'t, 'i>> {
        match self.value {
            DeValue::Table(table) => {
                Some(Section { table: Some(table), span: self.span(), path: self.path.clone(), known: Vec::new() })
            }
            _ => self.expected(report, "a table"),
        }
    }

    /// A string, an integer or a boolean, as text.
    pub(crate) fn scalar(&self, report: &mut Report) -> Option<String> {
        match self.value {
            DeValue::String(_) => self.text(report).map(str::to_owned),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Boolean(is) => Some(is.to_string()),
            _ => self.expected(report, "a string, an integer or a boolean"),
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..unit].parse().ok()?, text[unit..].trim_start()))
}

pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let (_, ms) = SPANS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*ms).map(Duration::from_millis)
}

const SPANS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show_in(ms, &SPANS).unwrap_or_else(|| format!("{ms}ms"))
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

fn show_size(size: u64) -> String {
    show_in(size, &UNITS).unwrap_or_else(|| format!("{size}B"))
}

/// In the largest unit that needs no fraction.
fn show_in(number: u64, units: &[(&str, u64)]) -> Option<String> {
    let (name, unit) = units.iter().find(|(_, unit)| number >= *unit && number.is_multiple_of(*unit))?;
    Some(format!("{}{name}", number / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_they_are_shown() {
        for text in ["500ms", "2s", "90s", "1m", "3h", "0ms"] {
            assert_eq!(show_duration(parse_duration(text).expect(text)), text);
        }
        for text in ["1B", "1500B", "512KiB", "10MiB", "3GiB"] {
            assert_eq!(show_size(parse_size(text).expect(text)), text);
        }
        assert_eq!(parse_size("10 MiB"), Some(10 << 20));
        for text in ["", "5", "s", "-1s", "1.5s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["10MB", "MiB", "10mib", "18446744073709551615GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
