use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {addr}")]
    Listen {
        addr: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot open the journal file {path}")]
    JournalFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
