//! What librdkafka says by itself goes to the log.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        Emerg | Alert | Critical | Error | Warning => tracing::warn!(target: "kafka", facility, "{message}"),
        // librdkafka tells every reconnection as a notice.
        Notice | Info => tracing::debug!(target: "kafka", facility, "{message}"),
        Debug => tracing::trace!(target: "kafka", facility, "{message}"),
    }
}

pub(super) fn error(error: &KafkaError, reason: &str) {
    tracing::warn!(target: "kafka", %error, reason, "Kafka client");
}

/// Only logs.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }
    fn error(&self, found: KafkaError, reason: &str) {
        error(&found, reason);
    }
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

impl rdkafka::consumer::ConsumerContext for Quiet {}
