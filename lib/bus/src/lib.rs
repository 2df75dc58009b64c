//! Typed produce and consume over Kafka and the embedded log
