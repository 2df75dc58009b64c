//! Configuration to snapshot; snapshot and request to decision
