use std::collections::HashSet;

use weir_schemas::Topic;

use super::*;

#[test]
fn every_topic_fills_exactly_one_table() {
    let topics: Vec<_> = Table::all().iter().map(|t| t.topic).collect();
    assert_eq!(topics, Topic::ALL);
    for topic in Topic::ALL {
        assert_eq!(Table::of(topic).topic, topic);
    }
}

#[test]
fn names_are_unique_plain_and_found() {
    // Words that SQL dialects reserve would have to be quoted in every query.
    let reserved =
        ["end", "start", "index", "partition", "offset", "order", "limit", "user", "window", "grant", "return"];
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    for table in Table::all() {
        assert_eq!(Table::by_name(table.name).unwrap().name, table.name);
        let mut seen = HashSet::new();
        for column in table.all_columns() {
            assert!(seen.insert(column.name), "{}.{} twice", table.name, column.name);
            assert!(plain(column.name) && !reserved.contains(&column.name), "{}.{}", table.name, column.name);
        }
    }
    assert!(Table::by_name("nothing").is_none());
}

#[test]
fn every_column_and_table_is_documented() {
    for table in Table::all() {
        assert!(table.doc.ends_with('.'), "{}", table.name);
        for column in table.all_columns() {
            assert!(column.doc.ends_with('.'), "{}.{}", table.name, column.name);
        }
    }
}

#[test]
fn partition_columns_come_last_and_stay_out_of_the_files() {
    for table in Table::all() {
        let (query, file) = (table.arrow_schema(), table.file_schema());
        assert_eq!(query.fields().len(), file.fields().len() + 2);
        assert_eq!(query.field(file.fields().len()).name(), "date");
        assert_eq!(query.field(file.fields().len() + 1).name(), "tenant");
        assert!(file.field_with_name("date").is_err() && file.field_with_name("tenant").is_err());
    }
}

#[test]
fn every_table_tells_the_place_in_the_log() {
    for table in Table::all() {
        for name in ["kafka_partition", "kafka_offset", "appended_at", "event_time", "seq", "ingress_id"] {
            assert!(
                table.column(name).is_some() || (table.name == "grants" && name == "ingress_id"),
                "{}.{name}",
                table.name
            );
        }
    }
}
