//! The audit tables: Arrow schemas, one file a table, every column documented. Shared by the writer (`sinks`) and the reader (`sql`).
