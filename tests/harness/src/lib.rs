//! Test set-up: a real Kafka, processes to kill, clients that journal
