//! Reads a spanned TOML tree and collects mistakes rather than stopping at the first: a value that is wrong is reported where
//! it stands and then treated as absent.

mod report;
mod value;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use report::Report;
pub(crate) use value::{Value, parse_duration};

/// One table of the file. Every key that is asked for is known; what is left over at [`Section::finish`] is a mistake.
pub(crate) struct Section<'t, 'i> {
    table: Option<&'t DeTable<'i>>,
    /// Where to point when something is missing: the table's header.
    span: Range<usize>,
    path: String,
    known: Vec<&'static str>,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(crate) fn root(document: &'t Spanned<DeTable<'i>>) -> Self {
        Self { table: Some(document.get_ref()), span: 0..0, path: String::new(), known: Vec::new() }
    }

    /// A section that the file does not have: every key is at its default.
    fn absent(path: String) -> Self {
        Self { table: None, span: 0..0, path, known: Vec::new() }
    }

    /// The value of a key, where it is set.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Value<'t, 'i>> {
        self.known.push(key);
        let value = self.table?.get(key)?;
        Some(Value::new(value, self.join(key)))
    }

    /// The value of a key that must be set.
    pub(crate) fn need(&mut self, key: &'static str, report: &mut Report) -> Option<Value<'t, 'i>> {
        let value = self.get(key);
        if value.is_none() {
            report.absence(&self.span, &self.join(key), "is missing");
        }
        value
    }

    /// A table in it; one without keys where it is not set.
    pub(crate) fn section(&mut self, key: &'static str, report: &mut Report) -> Self {
        let path = self.join(key);
        self.get(key).and_then(|value| value.section(report)).unwrap_or_else(|| Self::absent(path))
    }

    /// An array of tables in it, `[[key]]`.
    pub(crate) fn sections(&mut self, key: &'static str, report: &mut Report) -> Vec<Self> {
        let values = self.get(key).map(|value| value.list(report)).unwrap_or_default();
        values.into_iter().filter_map(|value| value.section(report)).collect()
    }

    /// All keys, for a table whose keys are the user's own words.
    pub(crate) fn entries(&self) -> Vec<(&'t str, Range<usize>, Value<'t, 'i>)> {
        let entry = |(key, value): (&'t Spanned<_>, &'t Spanned<DeValue<'i>>)| {
            let name: &'t str = AsRef::<std::borrow::Cow<'i, str>>::as_ref(key);
            (name, key.span(), Value::new(value, self.join(name)))
        };
        self.table.into_iter().flat_map(DeTable::iter).map(entry).collect()
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whatever was not asked for is a mistake.
    pub(crate) fn finish(self, report: &mut Report) {
        for (key, span, value) in self.entries() {
            if !self.known.contains(&key) {
                let close = closest(key, self.known.iter().copied());
                report.add(&span, value.path(), &format!("unknown key{}", did_you_mean(close)));
            }
        }
    }

    fn join(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

/// The word that was probably meant.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// As a share of the longer word; below it a suggestion misleads more than it helps.
    const ALIKE: f64 = 0.6;
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&word.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

pub(crate) fn did_you_mean(close: Option<&str>) -> String {
    close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default()
}
