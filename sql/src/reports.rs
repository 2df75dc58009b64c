//! Named queries: one file each in `queries/`. The first line says what it answers.

use crate::{Error, catalog};

/// A question that people ask again and again.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! reports {
    ($($name:literal),* $(,)?) => {
        &[$(Report { name: $name, sql: include_str!(concat!("../queries/", $name, ".sql")) }),*]
    };
}

/// Every report. A test holds it to the files.
pub const ALL: &[Report] = reports![
    "spend_by_team",
    "spend_by_key",
    "spend_by_model",
    "spend_by_day",
    "findings",
    "outcomes",
    "errors",
    "slowest_requests",
    "requests_per_minute",
    "top_users",
    "budgets",
    "loss",
];

impl Report {
    /// What it answers, in one line.
    pub fn title(&self) -> &'static str {
        self.sql.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap_or_default()
    }
}

/// The report of this name; `-` serves as `_`.
pub fn by_name(name: &str) -> Result<&'static Report, Error> {
    let wanted = name.replace('-', "_");
    let known: Vec<_> = ALL.iter().map(|report| report.name).collect();
    let found = ALL.iter().find(|report| report.name == wanted);
    found.ok_or_else(|| Error::UnknownReport { name: name.to_owned(), hint: catalog::hint(&wanted, &known) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_report_and_says_what_it_answers() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
        let mut files: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut listed: Vec<_> = ALL.iter().map(|r| format!("{}.sql", r.name)).collect();
        listed.sort();
        assert_eq!(files, listed);
        for report in ALL {
            assert!(report.title().ends_with('.'), "{}", report.name);
        }
    }

    #[test]
    fn an_unknown_report_names_the_nearest() {
        assert_eq!(by_name("spend-by-team").unwrap().name, "spend_by_team");
        let error = by_name("spend_by_taem").unwrap_err().to_string();
        assert_eq!(error, "there is no report `spend_by_taem`; did you mean `spend_by_team`?");
    }
}
