//! The processors dlp, cost and quota: one pure step each, over the log
