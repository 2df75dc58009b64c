use std::net::SocketAddr;
use std::path::PathBuf;

/// Why an ingress cannot start or go on. What a client is told is another matter: see `refusal`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {at}")]
    Listen {
        at: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("{action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} holds no {what}")]
    Damaged { path: PathBuf, what: &'static str },
    #[error("outbox")]
    Outbox(#[from] weir_journal::Error),
    /// Not written by this version of Weir, or by something else.
    #[error("outbox record before {0:?} cannot be read")]
    BadRecord(weir_journal::Position),
    /// An event in the outbox does not decode.
    #[error("outbox event")]
    Event(#[from] weir_schemas::Error),
    #[error("metrics")]
    Metrics(#[from] weir_telemetry::Error),
    #[error("no TLS")]
    Tls(#[from] rustls::Error),
    #[error("log")]
    Bus(#[from] weir_bus::Error),
    /// A background task ended although it never should.
    #[error("the {0} has stopped")]
    Stopped(&'static str),
}
