//! A durable place in a journal, for whoever carries its records elsewhere.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Position};

const MAGIC: &[u8; 8] = b"WEIRCUR1";
const BYTES: usize = 20;

/// A position in a file of its own. Storing replaces the file atomically and forces it to disk, so that after any
/// crash it holds the old place or the new one.
pub struct Cursor {
    path: PathBuf,
    position: Option<Position>,
}

impl Cursor {
    /// Reads the place in `path`; there is none before the first [`store`](Self::store).
    pub fn open(path: &Path) -> Result<Self, Error> {
        let position = match fs::read(path) {
            Ok(bytes) => Some(parse(&bytes).ok_or_else(|| Error::Damaged {
                path: path.to_owned(),
                at: 0,
                what: "not a cursor",
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Io { action: "read cursor", path: path.to_owned(), source }),
        };
        Ok(Self { path: path.to_owned(), position })
    }

    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns when the place is on disk.
    pub fn store(&mut self, position: Position) -> Result<(), Error> {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&position.0.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&crc.to_le_bytes());

        let fresh = self.path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)?;
            match self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                Some(parent) => File::open(parent)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(Error::io("store cursor", &self.path))?;
        self.position = Some(position);
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Option<Position> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let whole = bytes[..8] == MAGIC[..] && bytes[16..] == crc32fast::hash(&bytes[..16]).to_le_bytes();
    whole.then(|| Position(u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes"))))
}
