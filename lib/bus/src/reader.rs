//! Reading without a group.

use crate::embedded::EmbeddedReader;
use crate::kafka::KafkaReader;
use crate::{Delivery, Error};

/// Yields records in offset order per partition.
pub struct Reader {
    backend: Backend,
}

enum Backend {
    Embedded(EmbeddedReader),
    Kafka(KafkaReader),
}

impl Reader {
    pub(crate) fn embedded(reader: EmbeddedReader) -> Self {
        Self { backend: Backend::Embedded(reader) }
    }

    pub(crate) fn kafka(reader: KafkaReader) -> Self {
        Self { backend: Backend::Kafka(reader) }
    }

    /// At least one record. Waits for more at the end of the log. Cancel-safe.
    ///
    /// [`Error::Unavailable`] is news, not the end: call again. [`Error::OffsetGone`] stays until a new reader is opened.
    pub async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        match &mut self.backend {
            Backend::Embedded(reader) => reader.next().await,
            Backend::Kafka(reader) => reader.next().await,
        }
    }
}
