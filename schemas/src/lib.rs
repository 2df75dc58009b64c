//! The vocabulary of Weir: ids, money, events, topics and their Avro form
