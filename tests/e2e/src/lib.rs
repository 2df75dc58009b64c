//! End-to-end proofs: the `weir` binary as people run it, on both logs, looked at from outside. See `tests/e2e/`.
