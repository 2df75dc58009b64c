//! SQL over the published audit tables
