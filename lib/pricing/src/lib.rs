//! Token counting, dated price tables and exact cost
