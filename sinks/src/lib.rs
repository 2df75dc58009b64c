//! The audit lake: every topic into a Delta table, exactly once
