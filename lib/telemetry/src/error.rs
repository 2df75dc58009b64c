/// What can go wrong while a process sets up. None of it passes by itself: a retry is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown log format `{0}`: use `text` or `json`")]
    UnknownFormat(String),
    #[error("log filter `{filter}` is not understood")]
    BadFilter {
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("logs are already set up in this process")]
    AlreadySetUp,
    #[error("metric `{name}` cannot be registered")]
    Register {
        name: String,
        #[source]
        source: prometheus::Error,
    },
    #[error("metrics cannot be written as text")]
    Encode(#[source] prometheus::Error),
    #[error("{tasks} tasks were still running when the time to stop was over")]
    Unfinished { tasks: usize },
    #[error("cannot listen for {signal}")]
    Signal {
        signal: &'static str,
        #[source]
        source: std::io::Error,
    },
}
