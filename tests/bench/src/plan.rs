//! What `compare` runs: cases against targets, round after round.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::load::{Job, Length, Target};
use crate::verify::Usage;

/// A target as its file names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetEntry {
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default = "default_model")]
    pub model: String,
    #[serde(default)]
    pub pid: Option<u32>,
    /// The provider itself: latency is shown as what the others add to it, and it is no baseline.
    #[serde(default)]
    pub direct: bool,
    /// False where a gateway drops usage.
    #[serde(default = "yes")]
    pub usage: bool,
    /// True where a guardrail may cut the text of a stream otherwise than the provider did.
    #[serde(default)]
    pub any_cut: bool,
}

fn default_model() -> String {
    "sim-small".to_owned()
}

fn yes() -> bool {
    true
}

impl TargetEntry {
    pub fn read(path: &Path) -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let all: Vec<Self> = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        ensure!(all.iter().any(|t| !t.direct), "{}: at least one target that is not direct", path.display());
        Ok(all)
    }

    pub fn target(&self) -> Target {
        Target {
            url: self.url.clone(),
            key: self.key.clone(),
            model: self.model.clone(),
            pid: self.pid,
            usage: if self.usage { Usage::Required } else { Usage::Ignored },
            any_cut: self.any_cut,
        }
    }
}

/// One kind of load.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub name: String,
    pub connections: usize,
    pub stream: bool,
    pub chunks: usize,
    pub delay: Duration,
}

impl Case {
    fn plain(connections: usize) -> Self {
        Self { name: format!("plain c{connections}"), connections, stream: false, chunks: 20, delay: Duration::ZERO }
    }

    fn stream(connections: usize, delay_ms: u64) -> Self {
        let pace = if delay_ms == 0 { String::new() } else { format!(" {delay_ms}ms") };
        let name = format!("stream c{connections}{pace}");
        Self { name, connections, stream: true, chunks: 50, delay: Duration::from_millis(delay_ms) }
    }

    /// One at a time, some, and many; then streams at the pace at which models speak.
    pub fn all() -> Vec<Self> {
        vec![
            Self::plain(1),
            Self::plain(16),
            Self::plain(64),
            Self::stream(1, 0),
            Self::stream(16, 0),
            Self::stream(100, 20),
        ]
    }

    /// Cases whose name contains one of some words, all where none is given.
    pub fn chosen(words: &[String]) -> Vec<Self> {
        let wanted = |case: &Self| words.is_empty() || words.iter().any(|w| case.name.contains(w.as_str()));
        Self::all().into_iter().filter(wanted).collect()
    }

    pub fn job(&self, length: Duration, settle: Duration) -> Job {
        Job {
            connections: self.connections,
            length: Length::For(length),
            stream: self.stream,
            chunks: self.chunks,
            delay: self.delay,
            rate: None,
            warmup: Duration::from_millis(500),
            timeout: Duration::from_secs(30),
            settle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_chosen_by_a_part_of_their_name() {
        assert_eq!(Case::chosen(&[]).len(), Case::all().len());
        let names: Vec<String> =
            Case::chosen(&["plain c1".into(), "20ms".into()]).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["plain c1", "plain c16", "stream c100 20ms"]);
    }

    #[test]
    fn targets_are_read_strictly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("targets.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            TargetEntry::read(&path)
        };
        let all = read(r#"[{"name":"a","url":"http://127.0.0.1:1/v1"}]"#).unwrap();
        assert_eq!((all[0].model.as_str(), all[0].usage, all[0].direct), ("sim-small", true, false));
        assert!(read(r#"[{"name":"a","url":"x","kee":"k"}]"#).is_err());
        assert!(read(r#"[{"name":"a","url":"x","direct":true}]"#).is_err());
        assert!(read("[]").is_err());
    }
}
