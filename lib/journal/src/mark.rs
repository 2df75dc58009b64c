//! The lock file of a journal. It also tells up to where the journal was known to be on disk when last synced:
//! what is broken before that mark is damage, what is broken after it is a torn tail.
//!
//! The mark itself is not forced to disk. It is written after the sync that it tells of, so it is never too high;
//! one that was lost only makes recovery less strict.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::Error;

const FILE: &str = "journal.lock";

pub(crate) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    pub(crate) fn lock(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open lock file", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path, source }),
        }
    }

    pub(crate) fn unlock(&self) {
        // Closing the file unlocks it too; this only frees it for those who reopen while readers linger.
        if let Err(error) = self.file.unlock() {
            tracing::debug!(path = %self.path.display(), %error, "journal lock");
        }
    }

    pub(crate) fn read(&self) -> u64 {
        let mut found = [0; 12];
        if self.file.read_exact_at(&mut found, 0).is_err() {
            return 0;
        }
        let position: [u8; 8] = found[..8].try_into().expect("eight bytes");
        if found[8..] == crc32fast::hash(&position).to_le_bytes() { u64::from_le_bytes(position) } else { 0 }
    }

    pub(crate) fn write(&self, position: u64) {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&position.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..8]);
        bytes[8..].copy_from_slice(&crc.to_le_bytes());
        if let Err(error) = self.file.write_all_at(&bytes, 0) {
            tracing::debug!(path = %self.path.display(), %error, "journal mark");
        }
    }
}
