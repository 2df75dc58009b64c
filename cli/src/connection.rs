//! `<data>/connection.json`: how to reach a running `weir up`. Holds keys, so only its owner may read it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Keys are present when the part runs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Connection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit_dir: Option<PathBuf>,
}

impl Connection {
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("connection.json")
    }

    /// What the last start wrote; empty where there was none.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = Self::path(data);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is not JSON as weir writes it; remove it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    /// Replaces the file in one step.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<()> {
        let path = Self::path(data);
        let fresh = path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        write().with_context(|| format!("write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_owner_reads_it_and_it_names_only_what_runs() {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection { base_url: Some("http://127.0.0.1:1/v1".into()), ..Connection::default() };
        connection.write(dir.path()).unwrap();
        connection.write(dir.path()).unwrap();
        let path = Connection::path(dir.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains("api_key"));
        assert_eq!(Connection::read(dir.path()).unwrap().base_url, connection.base_url);
    }
}
