use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use futures_util::StreamExt;
use futures_util::stream::Stream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::running::Running;
use crate::{Error, Limits};

/// Batches that may wait for a slow reader.
const READ_AHEAD: usize = 2;

/// The answer to one question, as it comes. Dropping it ends the query.
pub struct Query {
    schema: SchemaRef,
    rows: mpsc::Receiver<Result<RecordBatch, Error>>,
    task: Option<JoinHandle<()>>,
    deadline: Instant,
    timeout: Duration,
    rows_left: Option<u64>,
    truncated: bool,
}

impl Query {
    /// Runs `plan` and the stream it gives on the threads of `engine`.
    pub(crate) async fn start<F>(engine: &Handle, limits: Limits, plan: F) -> Result<Self, Error>
    where
        F: Future<Output = Result<Running, Error>> + Send + 'static,
    {
        let deadline = Instant::now() + limits.timeout;
        let (send_schema, schema) = oneshot::channel();
        let (send_rows, rows) = mpsc::channel(READ_AHEAD);
        let task = engine.spawn(async move {
            match plan.await {
                Ok(running) => {
                    let schema = unique_names(&running.stream.schema());
                    if send_schema.send(Ok(Arc::clone(&schema))).is_ok() {
                        pump(running, schema, send_rows).await;
                    }
                }
                // Nobody is there to hear it when the query was dropped.
                Err(error) => drop(send_schema.send(Err(error))),
            }
        });
        let mut query = Self {
            schema: Arc::new(Schema::empty()),
            rows,
            task: Some(task),
            deadline,
            timeout: limits.timeout,
            rows_left: limits.rows,
            truncated: false,
        };
        query.schema = match timeout_at(deadline, schema).await {
            Ok(Ok(schema)) => schema?,
            Ok(Err(_)) => return Err(query.failure().await.unwrap_or(Error::Internal("no answer".into()))),
            Err(_) => return Err(Error::Timeout(limits.timeout)),
        };
        Ok(query)
    }

    /// The columns in the order of the `SELECT`. Names are unique: a second `id` is `id_2`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// True once rows were cut at [`Limits::rows`].
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// The next rows; `None` at the end. After an error there are no more.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        let received = match timeout_at(self.deadline, self.rows.recv()).await {
            Ok(received) => received,
            Err(_) => {
                self.stop();
                return Some(Err(Error::Timeout(self.timeout)));
            }
        };
        match received {
            Some(Ok(batch)) => self.cut(batch).map(Ok),
            Some(Err(error)) => {
                self.stop();
                Some(Err(error))
            }
            None => self.failure().await.map(Err),
        }
    }

    /// All rows at once: for answers that are known to be small.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, Error> {
        let mut all = Vec::new();
        while let Some(batch) = self.next().await {
            all.push(batch?);
        }
        Ok(all)
    }

    /// The same as a [`Stream`].
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, Error>> + Send {
        futures_util::stream::unfold(self, |mut query| async move { query.next().await.map(|batch| (batch, query)) })
    }

    fn cut(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let Some(left) = self.rows_left else {
            return Some(batch);
        };
        let rows = batch.num_rows() as u64;
        self.rows_left = Some(left.saturating_sub(rows));
        if rows <= left {
            return Some(batch);
        }
        self.truncated = true;
        self.stop();
        let keep = usize::try_from(left).unwrap_or(usize::MAX);
        (keep > 0).then(|| batch.slice(0, keep))
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.rows.close();
        while self.rows.try_recv().is_ok() {}
    }

    /// Why the stream ended, where it was not its end.
    async fn failure(&mut self) -> Option<Error> {
        let ended = self.task.take()?.await;
        ended.err().map(|_| Error::Internal("the query engine gave up on this query".into()))
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn pump(mut running: Running, schema: SchemaRef, rows: mpsc::Sender<Result<RecordBatch, Error>>) {
    while let Some(batch) = running.stream.next().await {
        let renamed = match batch {
            Ok(batch) => rename(batch, &schema),
            Err(error) => Err(running.explain(Error::of(error)).await),
        };
        let failed = renamed.is_err();
        if rows.send(renamed).await.is_err() || failed {
            return;
        }
    }
}

fn rename(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let renamed = RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &rows);
    renamed.map_err(|e| Error::Internal(e.to_string()))
}

/// `SELECT a.id, b.id` has two columns of one name; an object has room for one.
fn unique_names(schema: &Schema) -> SchemaRef {
    let mut taken: HashMap<String, usize> = schema.fields().iter().map(|f| (f.name().clone(), 0)).collect();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut copies = taken.get(&name).copied().unwrap_or_default() + 1;
        if copies > 1 {
            while taken.contains_key(&format!("{}_{copies}", field.name())) {
                copies += 1;
            }
            name = format!("{}_{copies}", field.name());
            taken.insert(name.clone(), 1);
        }
        taken.insert(field.name().clone(), copies);
        // Nullability is of no use to a reader, and literals of the engine do not always keep it.
        fields.push(field.as_ref().clone().with_name(name).with_nullable(true));
    }
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn a_second_column_of_a_name_gets_a_number() {
        let named = |names: &[&str]| {
            let fields: Vec<_> = names.iter().map(|n| Field::new(*n, DataType::Int32, false)).collect();
            let unique = unique_names(&Schema::new(fields));
            unique.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(&["id", "n"]), ["id", "n"]);
        assert_eq!(named(&["id", "id", "id"]), ["id", "id_2", "id_3"]);
        assert_eq!(named(&["id", "id_2", "id"]), ["id", "id_2", "id_3"]);
    }
}
