//! Who this ingress is: its id, its boot epoch, the key of its body hashes. Kept in the data folder.
//!
//! The epoch rises with every start, and it is on disk before the first event bears it: no two lives share a `seq`. It is
//! the clock's microseconds where those are more than the last one: a life whose folder was lost, or two processes that were
//! given one id by mistake, are told apart too, and neither's events pass for repeats of the other's.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use rand::RngCore;
use weir_schemas::{BootEpoch, IngressId, Timestamp};

use crate::error::Error;

const KEY_BYTES: usize = 32;

/// What is read, made and kept at every start.
pub(crate) struct Identity {
    pub(crate) ingress: IngressId,
    pub(crate) epoch: BootEpoch,
    /// Keys the hashes of bodies as clients sent them. One per data folder.
    pub(crate) hmac_key: [u8; KEY_BYTES],
}

impl Identity {
    /// Reads `dir` and begins a new epoch. The caller holds the folder's lock.
    pub(crate) fn begin(dir: &Path, configured: Option<&str>, now: Timestamp) -> Result<Self, Error> {
        let ingress = match configured {
            Some(id) => IngressId::from(id),
            None => IngressId::from(kept_text(&dir.join("ingress-id"), || {
                let mut bytes = [0; 6];
                rand::rng().fill_bytes(&mut bytes);
                format!("ingress-{}", hex::encode(bytes))
            })?),
        };
        let epoch_file = dir.join("boot-epoch");
        let last = match read(&epoch_file)? {
            None => 0,
            Some(text) => text
                .trim()
                .parse::<i64>()
                .ok()
                .filter(|epoch| *epoch >= 0)
                .ok_or(Error::Damaged { path: epoch_file.clone(), what: "boot epoch" })?,
        };
        let epoch = BootEpoch(now.0.max(last + 1));
        store(&epoch_file, &epoch.to_string())?;
        let key_file = dir.join("hmac-key");
        let key = kept_text(&key_file, || {
            let mut bytes = [0; KEY_BYTES];
            rand::rng().fill_bytes(&mut bytes);
            hex::encode(bytes)
        })?;
        let mut hmac_key = [0; KEY_BYTES];
        hex::decode_to_slice(&key, &mut hmac_key).map_err(|_| Error::Damaged { path: key_file, what: "key" })?;
        Ok(Self { ingress, epoch, hmac_key })
    }
}

fn kept_text(path: &Path, make: impl FnOnce() -> String) -> Result<String, Error> {
    match read(path)? {
        Some(text) if text.trim().is_empty() => Err(Error::Damaged { path: path.to_owned(), what: "text" }),
        Some(text) => Ok(text.trim().to_owned()),
        None => {
            let text = make();
            store(path, &text)?;
            Ok(text)
        }
    }
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { action: "cannot read", path: path.to_owned(), source }),
    }
}

/// Replaces the file atomically and forces it to disk. Readable by its owner only: one of the files is a key.
fn store(path: &Path, text: &str) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        match path.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| Error::File { action: "cannot store", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_rises_with_every_start_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::begin(dir.path(), None, Timestamp(70)).unwrap();
        let second = Identity::begin(dir.path(), None, Timestamp(70)).unwrap();
        assert_eq!((first.epoch, second.epoch), (BootEpoch(70), BootEpoch(71)));
        assert_eq!((first.ingress, first.hmac_key), (second.ingress, second.hmac_key));
        let named = Identity::begin(dir.path(), Some("west-1"), Timestamp(900)).unwrap();
        assert_eq!((named.ingress.as_str(), named.epoch), ("west-1", BootEpoch(900)));
    }

    #[test]
    fn a_damaged_epoch_is_an_error_and_not_a_new_beginning() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "x", "-1"] {
            fs::write(dir.path().join("boot-epoch"), text).unwrap();
            assert!(matches!(Identity::begin(dir.path(), None, Timestamp(1)), Err(Error::Damaged { .. })), "{text:?}");
        }
    }
}
