//! The audit tables: Arrow schemas, one file a table, every column documented
