//! Logs, metrics and the drain signal
