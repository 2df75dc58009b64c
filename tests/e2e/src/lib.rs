//! End-to-end proofs, a file per promise
