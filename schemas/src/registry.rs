//! The schema registry that is built in: every schema of every release, with an id that never changes.
//!
//! Ids are given by hand in the order of release and never reused. A new version of a record is a new line in
//! [`RELEASED`] with a frozen file beside it.

use std::sync::LazyLock;

use apache_avro::Schema;

use crate::event::{Chunk, Cost, Event, FindingsFound, Intent, Outcome, QuotaEntry, Request, Usage};
use crate::ids::SchemaId;
use crate::topic::Topic;

/// One released schema.
pub struct Released {
    pub id: SchemaId,
    /// Full Avro name of the record.
    pub record: &'static str,
    pub topic: Topic,
    /// Version within the subject, from 1.
    pub version: i32,
    pub avsc: &'static str,
    parsed: &'static LazyLock<Schema>,
}

impl Released {
    /// The parsed form; parsed once.
    pub fn parsed(&self) -> &'static Schema {
        self.parsed
    }

    /// The registry's name for it under Confluent's topic name strategy: `weir.requests-value`.
    pub fn subject(&self, prefix: &str) -> String {
        format!("{}-value", self.topic.name(prefix))
    }
}

macro_rules! released {
    ($($id:literal: $event:ty, version $version:literal);* $(;)?) => {
        /// Every schema of every release.
        pub static RELEASED: &[Released] = &[$(
            Released {
                id: SchemaId($id),
                record: <$event as Event>::RECORD,
                topic: <$event as Event>::TOPIC,
                version: $version,
                avsc: <$event as Event>::AVSC,
                parsed: {
                    static PARSED: LazyLock<Schema> = LazyLock::new(|| {
                        Schema::parse_str(<$event as Event>::AVSC).expect("a test parses every schema of this build")
                    });
                    &PARSED
                },
            }
        ),*];
    };
}

released! {
    1: Request, version 1;
    2: Chunk, version 1;
    3: Usage, version 1;
    4: Outcome, version 1;
    5: FindingsFound, version 1;
    6: Cost, version 1;
    7: Intent, version 1;
    8: QuotaEntry, version 1;
}

/// The newest schema of each record: what this build writes.
pub static LATEST: &[Released] = RELEASED;

/// The schema that this build writes for a record.
pub fn schema_of<E: Event>() -> &'static Schema {
    let found = LATEST.iter().find(|s| s.record == E::RECORD);
    found.expect("every event type is listed in LATEST: a test holds it").parsed()
}

/// Finds a schema by its id.
pub fn by_id(id: SchemaId) -> Option<&'static Released> {
    RELEASED.iter().find(|s| s.id == id)
}
