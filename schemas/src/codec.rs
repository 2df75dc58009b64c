//! The Confluent wire format: a zero byte, the schema id (four bytes, big-endian), the Avro body.
//!
//! A [`Codec`] knows which id to write for each record, and which schema each id names. By default both come
//! from the [`registry`](crate::registry) of this build; an outside registry replaces and adds ids at the rim.
//! Encoding reuses the record's writer and borrows the event: one pass, no intermediate value.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, RwLock};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

use crate::error::Error;
use crate::event::Event;
use crate::ids::SchemaId;
use crate::registry;

const MAGIC: u8 = 0;
/// Length of the magic byte and the schema id.
pub const FRAME_BYTES: usize = 5;
/// The largest value that is decoded: above the largest message of the log, below what would hurt.
pub const MAX_VALUE_BYTES: usize = 32 * 1024 * 1024;

/// An Avro body has no end mark: what is left over was not written by the schema that it names.
const LEFT_OVER: &str = "bytes after the value";

/// Encodes and decodes events. Cheap to clone; clones share what they learn.
#[derive(Clone)]
pub struct Codec {
    ids: Arc<HashMap<&'static str, SchemaId>>,
    writers: Arc<RwLock<HashMap<SchemaId, Arc<Known>>>>,
}

struct Known {
    schema: &'static Schema,
    record: String,
}

impl Default for Codec {
    fn default() -> Self {
        Self::embedded()
    }
}

impl Codec {
    /// The ids of the registry that is built in.
    pub fn embedded() -> Self {
        let ids = registry::LATEST.iter().map(|s| (s.record, s.id)).collect();
        Self::with_ids(ids)
    }

    /// Other ids for our records, as an outside registry gave them. A record that is not named keeps the built-in id.
    pub fn with_ids(ids: HashMap<&'static str, SchemaId>) -> Self {
        // The decoder allocates what a length claims before it looks whether there is so much. The first setting holds.
        apache_avro::util::max_allocation_bytes(MAX_VALUE_BYTES);
        let mut all: HashMap<&'static str, SchemaId> = registry::LATEST.iter().map(|s| (s.record, s.id)).collect();
        all.extend(ids);
        let mut writers = HashMap::new();
        for known in registry::LATEST {
            let id = all[known.record];
            let schema = known.parsed();
            writers.insert(id, Arc::new(Known { schema, record: known.record.to_owned() }));
        }
        Self { ids: Arc::new(all), writers: Arc::new(RwLock::new(writers)) }
    }

    /// Learns a schema that another writer used. Its parsed form is kept for the life of the process: a registry
    /// has few schemas, and callers ask for unknown ids at most once each.
    pub fn learn(&self, id: SchemaId, avsc: &str) -> Result<(), Error> {
        let schema = Schema::parse_str(avsc).map_err(|e| Error::BadSchema(id, Box::new(e)))?;
        let record = schema.name().map(|n| n.to_string()).unwrap_or_default();
        let known = Known { schema: Box::leak(Box::new(schema)), record };
        self.writers.write().unwrap_or_else(|e| e.into_inner()).insert(id, Arc::new(known));
        Ok(())
    }

    /// The id that this codec writes for a record.
    pub fn id_of<E: Event>(&self) -> SchemaId {
        self.ids[E::RECORD]
    }

    /// The id that this codec writes for a record by its full Avro name.
    pub fn id_of_record(&self, record: &str) -> Option<SchemaId> {
        self.ids.get(record).copied()
    }

    /// Encodes into a fresh buffer.
    pub fn encode<E: Event>(&self, event: &E) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(512);
        self.encode_into(event, &mut out)?;
        Ok(out)
    }

    /// Appends the framed value to `out`.
    pub fn encode_into<E: Event>(&self, event: &E, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(MAGIC);
        out.extend_from_slice(&self.id_of::<E>().0.to_be_bytes());
        let writer = writer_of::<E>();
        let failed = |source| Error::Encode { record: E::RECORD, source: Box::new(source) };
        writer.write_ser(out, event).map_err(failed)?;
        Ok(())
    }

    /// The schema id of a framed value.
    pub fn schema_id(value: &[u8]) -> Result<SchemaId, Error> {
        match value {
            [MAGIC, a, b, c, d, ..] => Ok(SchemaId(i32::from_be_bytes([*a, *b, *c, *d]))),
            [_, _, _, _, _, ..] => Err(Error::NotFramed("the first byte is not zero")),
            _ => Err(Error::NotFramed("shorter than five bytes")),
        }
    }

    /// Decodes a framed value, also one that an older or newer release wrote.
    pub fn decode<E: Event>(&self, value: &[u8]) -> Result<E, Error> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::TooLarge { bytes: value.len(), limit: MAX_VALUE_BYTES });
        }
        let id = Self::schema_id(value)?;
        let known = self.writers.read().unwrap_or_else(|e| e.into_inner()).get(&id).cloned();
        let Some(known) = known else { return Err(Error::UnknownSchema(id)) };
        if known.record != E::RECORD {
            return Err(Error::WrongRecord { id, wanted: E::RECORD });
        }
        let failed = |source| Error::Decode { record: E::RECORD, source: Box::new(source) };
        let mut body = &value[FRAME_BYTES..];
        let reader_schema = registry::schema_of::<E>();
        if std::ptr::eq(known.schema, reader_schema) {
            let event = reader_of::<E>().read_deser(&mut body).map_err(failed)?;
            return if body.is_empty() { Ok(event) } else { Err(Error::NotFramed(LEFT_OVER)) };
        }
        let reader = GenericDatumReader::builder(known.schema)
            .reader_schema(reader_schema)
            .human_readable(false)
            .build()
            .map_err(failed)?;
        let value = reader.read_value(&mut body).map_err(failed)?;
        if !body.is_empty() {
            return Err(Error::NotFramed(LEFT_OVER));
        }
        apache_avro::from_value(&value).map_err(failed)
    }
}

type Shared<T> = LazyLock<Mutex<HashMap<TypeId, &'static T>>>;
static WRITERS: Shared<GenericDatumWriter<'static>> = LazyLock::new(Mutex::default);
static READERS: Shared<GenericDatumReader<'static>> = LazyLock::new(Mutex::default);

fn writer_of<E: Event>() -> &'static GenericDatumWriter<'static> {
    let mut all = WRITERS.lock().unwrap_or_else(|e| e.into_inner());
    all.entry(TypeId::of::<E>()).or_insert_with(|| {
        let writer = GenericDatumWriter::builder(registry::schema_of::<E>()).human_readable(false).build();
        Box::leak(Box::new(writer.expect("the schemas of this build resolve: a test builds each")))
    })
}

fn reader_of<E: Event>() -> &'static GenericDatumReader<'static> {
    let mut all = READERS.lock().unwrap_or_else(|e| e.into_inner());
    all.entry(TypeId::of::<E>()).or_insert_with(|| {
        let reader = GenericDatumReader::builder(registry::schema_of::<E>()).human_readable(false).build();
        Box::leak(Box::new(reader.expect("the schemas of this build resolve: a test builds each")))
    })
}
