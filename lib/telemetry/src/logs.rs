//! Tracing, set up once per process.
//!
//! `WEIR_LOG` (else `RUST_LOG`) replaces the default filter, in the usual form: `info,weir_ingress=debug`. A filter that
//! is not understood is an error, not a silent default: somebody who raised a level wants to see it.

use std::env;
use std::io::{IsTerminal, stderr};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::Error;

/// Environment variables that replace the default filter; the first that is set and not empty counts.
pub const FILTER_VARS: [&str; 2] = ["WEIR_LOG", "RUST_LOG"];

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured where standard error is a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        match s {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(Error::UnknownFormat(other.to_owned())),
        }
    }
}

/// Sets up tracing for the whole process, on standard error. A second call is refused.
pub fn init(format: Format, default_filter: &str) -> Result<(), Error> {
    let filter = filter(from_environment().as_deref(), default_filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let set = match format {
        Format::Text => builder.with_ansi(stderr().is_terminal()).finish().try_init(),
        Format::Json => builder.json().flatten_event(true).with_current_span(true).finish().try_init(),
    };
    set.map_err(|_| Error::AlreadySetUp)
}

fn from_environment() -> Option<String> {
    FILTER_VARS.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
}

fn filter(asked: Option<&str>, default: &str) -> Result<EnvFilter, Error> {
    let text = asked.unwrap_or(default);
    EnvFilter::try_new(text).map_err(|source| Error::BadFilter { filter: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_text_or_json_and_nothing_else() {
        assert_eq!("text".parse::<Format>().unwrap(), Format::Text);
        assert_eq!("json".parse::<Format>().unwrap(), Format::Json);
        assert!(matches!("JSON".parse::<Format>(), Err(Error::UnknownFormat(f)) if f == "JSON"));
    }

    #[test]
    fn the_environment_wins_over_the_default_and_a_bad_filter_is_refused() {
        assert_eq!(filter(None, "info").unwrap().to_string(), "info");
        assert_eq!(filter(Some("warn"), "info").unwrap().to_string(), "warn");
        assert!(matches!(filter(Some("weir=loudly"), "info"), Err(Error::BadFilter { .. })));
    }

    #[test]
    fn a_second_set_up_is_refused() {
        init(Format::Json, "info").unwrap();
        assert!(matches!(init(Format::Text, "info"), Err(Error::AlreadySetUp)));
    }
}
