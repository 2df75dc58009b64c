//! What a broker needs: Java, and the jars, fetched once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const VERSION: &str = "4.3.0";
const MIN_JAVA: u32 = 17;

/// Whether there is a Java that is new enough.
pub(super) fn java() -> Result<(), String> {
    let said = Command::new("java").arg("-version").output().map_err(|_| "there is no java".to_owned())?;
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    // openjdk version "17.0.15" 2025-04-15
    let version = text.split('"').nth(1).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match version {
        Some(version) if version >= MIN_JAVA => Ok(()),
        Some(version) => Err(format!("java is {version}")),
        None => Err("java does not tell its version".to_owned()),
    }
}

/// The folder of jars: from the cache, or fetched now.
pub(super) fn jars() -> Result<PathBuf, String> {
    static JARS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    JARS.get_or_init(|| {
        let cache = cache()?.join("weir");
        let jars = cache.join(format!("kafka-{VERSION}"));
        if !jars.is_dir() {
            fetch(&cache, &jars)?;
        }
        Ok(jars)
    })
    .clone()
}

fn cache() -> Result<PathBuf, String> {
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()) {
        return Ok(cache.into());
    }
    std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")).ok_or_else(|| "HOME is not set".to_owned())
}

fn fetch(cache: &Path, jars: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", cache.display());
    fs::create_dir_all(cache).map_err(failed)?;
    let fresh = tempfile::Builder::new().prefix("kafka-new-").tempdir_in(cache).map_err(failed)?;
    let done = Command::new("mvn")
        .args(["-q", "-B", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/kafka/pom.xml")])
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", fresh.path().display()))
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "there is no mvn".to_owned())?;
    if !done.status.success() {
        return Err(format!("mvn could not fetch Kafka {VERSION}: {}", String::from_utf8_lossy(&done.stdout)));
    }
    // Another run may have been faster; its jars are the same.
    match fs::rename(fresh.path(), jars) {
        Ok(()) => {
            let _ = fresh.keep();
            Ok(())
        }
        Err(_) if jars.is_dir() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
