use crate::ids::SchemaId;

/// What can go wrong between bytes and events. No variant holds payload text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The value is not in the Confluent wire format (a zero byte and a four-byte schema id).
    #[error("not an Avro value in the Confluent wire format: {0}")]
    NotFramed(&'static str),
    /// The schema id is of no schema that this process knows. With an outside registry it may become known.
    #[error("schema id {0} is unknown")]
    UnknownSchema(SchemaId),
    /// The value's schema is known, but it is of another record than the one asked for.
    #[error("schema id {id} is not a schema of {wanted}")]
    WrongRecord { id: SchemaId, wanted: &'static str },
    /// The body does not decode by its schema.
    #[error("value of {record} does not decode")]
    Decode {
        record: &'static str,
        #[source]
        source: Box<apache_avro::Error>,
    },
    /// The event does not encode by its schema: a defect of Weir.
    #[error("event {record} does not encode")]
    Encode {
        record: &'static str,
        #[source]
        source: Box<apache_avro::Error>,
    },
    /// The value claims more bytes than any event may have.
    #[error("value of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// A schema text handed in by a registry does not parse.
    #[error("schema {0} does not parse")]
    BadSchema(SchemaId, #[source] Box<apache_avro::Error>),
}
