//! Events to rows: one file a table, the columns in the order of `weir_tables`.

mod chunks;
mod columns;
mod costs;
mod findings;
mod grants;
mod intents;
mod outcomes;
mod requests;
mod usage;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use weir_schemas::event::Origin;
use weir_schemas::{Codec, Event, Offset, Partition, TenantId, Timestamp, Topic};
use weir_tables::Table;

use columns::Columns;

/// Where an event stood in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    pub(crate) offset: Offset,
    pub(crate) appended: Timestamp,
}

/// An event that became, or becomes, rows.
pub(crate) struct Row<E> {
    event: E,
    place: Place,
}

/// What a table needs to know of its events.
trait Record: Event {
    fn tenant(&self) -> &TenantId;
    fn event_time(&self) -> Timestamp;
    /// Rows of a file stand in this order, so that a look-up by it reads few pages. Empty: as in the log.
    fn sort_key(&self) -> Option<uuid::Uuid>;
    /// Appends the columns of the table's files, in order.
    fn columns(rows: &[Row<Self>], to: &mut Columns)
    where
        Self: Sized;
}

/// Rows of one folder of a table.
#[derive(Debug)]
pub(crate) struct Group {
    /// Days since 1970-01-01.
    pub(crate) date: i32,
    pub(crate) tenant: TenantId,
    pub(crate) rows: RecordBatch,
}

/// Why a value can never become rows.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Not by this codec; with `UnknownSchema` perhaps once the schema is known.
    Codec(weir_schemas::Error),
    Meaning(&'static str),
}

/// The rows of one table that are not committed.
pub(crate) trait Buffer: Send + Sync {
    /// Decodes a value and holds it until [`keep`](Self::keep) or the next `decode`.
    fn decode(&mut self, codec: &Codec, value: &[u8]) -> Result<Origin, Unusable>;
    /// Makes rows of what was decoded last.
    fn keep(&mut self, place: Place);
    fn take(&mut self) -> Result<Vec<Group>, ArrowError>;
    fn clear(&mut self);
}

/// The buffer of a table.
pub(crate) fn buffer(table: &'static Table) -> Box<dyn Buffer> {
    match table.topic {
        Topic::Requests => typed::<weir_schemas::Request>(table),
        Topic::Chunks => typed::<weir_schemas::Chunk>(table),
        Topic::Usage => typed::<weir_schemas::Usage>(table),
        Topic::Outcomes => typed::<weir_schemas::Outcome>(table),
        Topic::Findings => typed::<weir_schemas::FindingsFound>(table),
        Topic::Costs => typed::<weir_schemas::Cost>(table),
        Topic::QuotaIntents => typed::<weir_schemas::Intent>(table),
        Topic::QuotaGrants => typed::<weir_schemas::QuotaEntry>(table),
    }
}

fn typed<E: Record>(table: &'static Table) -> Box<dyn Buffer> {
    Box::new(Typed::<E> { table, decoded: None, groups: BTreeMap::new() })
}

struct Typed<E> {
    table: &'static Table,
    decoded: Option<E>,
    groups: BTreeMap<(i32, TenantId), Vec<Row<E>>>,
}

/// Days that have a date of four digits: others no reader could name a folder by.
const DAYS: std::ops::Range<i32> = 0..2_932_897;

impl<E: Record> Buffer for Typed<E> {
    fn decode(&mut self, codec: &Codec, value: &[u8]) -> Result<Origin, Unusable> {
        self.decoded = None;
        let event: E = codec.decode(value).map_err(Unusable::Codec)?;
        if !DAYS.contains(&event.event_time().days()) {
            return Err(Unusable::Meaning("event_time is not between 1970 and 9999"));
        }
        if event.tenant().as_str().is_empty() || crate::parquet_file::folder_too_long(event.tenant()) {
            return Err(Unusable::Meaning("tenant is empty or too long for a folder's name"));
        }
        let origin = event.origin();
        if origin.position < 0 {
            return Err(Unusable::Meaning("seq is negative"));
        }
        self.decoded = Some(event);
        Ok(origin)
    }

    fn keep(&mut self, place: Place) {
        if let Some(event) = self.decoded.take() {
            let group = (event.event_time().days(), event.tenant().clone());
            self.groups.entry(group).or_default().push(Row { event, place });
        }
    }

    fn take(&mut self) -> Result<Vec<Group>, ArrowError> {
        let mut groups = Vec::with_capacity(self.groups.len());
        for ((date, tenant), mut rows) in std::mem::take(&mut self.groups) {
            // Stable: the rows of one request stay in stream order.
            rows.sort_by_key(|row| row.event.sort_key());
            let mut columns = Columns::new(self.table);
            E::columns(&rows, &mut columns);
            let rows = columns.finish()?;
            if rows.num_rows() > 0 {
                groups.push(Group { date, tenant, rows });
            }
        }
        Ok(groups)
    }

    fn clear(&mut self) {
        self.decoded = None;
        self.groups.clear();
    }
}

/// The tenant of tables that belong to the installation.
fn system() -> &'static TenantId {
    static SYSTEM: std::sync::LazyLock<TenantId> =
        std::sync::LazyLock::new(|| TenantId::from(weir_tables::SYSTEM_TENANT));
    &SYSTEM
}

/// The parts of [`Record`] that every event of a request answers alike.
macro_rules! of_a_request {
    () => {
        fn tenant(&self) -> &weir_schemas::TenantId {
            &self.header.tenant
        }
        fn event_time(&self) -> weir_schemas::Timestamp {
            self.header.event_time
        }
        fn sort_key(&self) -> Option<uuid::Uuid> {
            Some(self.header.request_id.0)
        }
    };
}
use of_a_request;
