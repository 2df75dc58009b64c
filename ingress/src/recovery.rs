//! Closes what a crash left open: every request in the outbox that has no outcome gets one at the next start.
//!
//! The outbox keeps a request's events until it has ended (see `Outbox::keep_from`), so what the client may have received
//! is there to be counted. The usage is the provider's where it is among the bytes that were sent on, and estimated from
//! them otherwise. Running it again changes nothing: what it wrote closes the requests.
//!
//! Not promised: an outcome for a request whose events the outbox had to free because it stayed open while half of the
//! outbox filled, or when the outbox is full to its end at the start. Such a request shows in SQL as one without an outcome.

use std::collections::HashMap;

use bytes::Bytes;
use weir_journal::Journal;
use weir_providers::openai::answer::{Facts, StreamReader, read_plain};
use weir_schemas::event::{ErrorOrigin, OutcomeKind};
use weir_schemas::{Chunk, Codec, Header, Outcome, Request, Timestamp, Topic, Usage};

use crate::call::{UNCOUNTED_BYTES, usage_of};
use crate::error::Error;
use crate::outbox::{Outbox, Unavailable, record};

/// The code of the outcome, and of nothing that a client ever got.
const CODE: &str = "crashed";
/// Of each answer so much is read again to count it.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

struct Open {
    request: Request,
    chunks: i64,
    response_bytes: i64,
    answer: Vec<u8>,
    used: bool,
    last_seen: Timestamp,
    first_chunk: Option<Timestamp>,
}

/// Writes the missing outcomes, as long as there is any room, and returns how many there were. To be called before the first request is taken.
pub(crate) fn close_left_open(outbox: &Outbox, codec: &Codec) -> Result<usize, Error> {
    let open = left_open(outbox.journal(), codec)?;
    let mut closed = 0;
    for open in open {
        // What is full is emptied by the shipper, which starts after this: it must start.
        if close(outbox, open).is_err() {
            tracing::error!("the outbox has no room for the outcomes of all requests that the last end left open");
            break;
        }
        closed += 1;
    }
    Ok(closed)
}

/// The requests without an outcome, in the order of their arrival.
fn left_open(journal: &Journal, codec: &Codec) -> Result<Vec<Open>, Error> {
    let mut open: HashMap<Bytes, Open> = HashMap::new();
    let mut reader = journal.read_from(journal.start())?;
    while let Some((at, record)) = reader.next()? {
        for entry in record::entries(&record).ok_or(Error::BadRecord(at))? {
            if entry.topic == Topic::Requests {
                let request: Request = codec.decode(&entry.value)?;
                open.insert(entry.key, Open::of(request));
                continue;
            }
            if entry.topic == Topic::Outcomes {
                open.remove(&entry.key);
                continue;
            }
            let Some(open) = open.get_mut(&entry.key) else { continue };
            match entry.topic {
                Topic::Chunks => open.saw(codec.decode(&entry.value)?),
                Topic::Usage => open.used = true,
                _ => {}
            }
        }
    }
    let mut open: Vec<Open> = open.into_values().collect();
    open.sort_by_key(|open| open.request.header.request_id);
    Ok(open)
}

impl Open {
    fn of(request: Request) -> Self {
        let last_seen = request.header.event_time;
        Self { request, chunks: 0, response_bytes: 0, answer: Vec::new(), used: false, last_seen, first_chunk: None }
    }

    fn saw(&mut self, chunk: Chunk) {
        self.chunks += 1;
        self.response_bytes += i64::try_from(chunk.body.len()).unwrap_or(i64::MAX);
        self.last_seen = chunk.header.event_time;
        self.first_chunk.get_or_insert(chunk.header.event_time);
        if self.answer.len() + chunk.body.len() <= ANSWER_BYTES {
            self.answer.extend_from_slice(&chunk.body);
        }
    }

    /// What the answer said of itself as far as it went on to the client.
    fn facts(&self) -> Facts {
        if !self.request.stream {
            return read_plain(&self.answer, UNCOUNTED_BYTES).unwrap_or_default();
        }
        let mut reader = StreamReader::new(false, UNCOUNTED_BYTES);
        // An answer that breaks off tells what it told until then.
        let _ = reader.push(Bytes::copy_from_slice(&self.answer), &mut Vec::new());
        reader.facts().clone()
    }
}

fn close(outbox: &Outbox, open: Open) -> Result<(), Unavailable> {
    let facts = open.facts();
    let Open { request, chunks, response_bytes, used, last_seen, first_chunk, .. } = open;
    let since_arrival = |at: Timestamp| (at.0 - request.header.event_time.0).max(0);
    let header = Header { event_time: Timestamp::now(), ..request.header.clone() };
    let mut outcome = Outcome {
        header: header.clone(),
        outcome: OutcomeKind::Internal,
        status: if chunks > 0 { 200 } else { 499 },
        error_origin: Some(ErrorOrigin::Weir),
        error_code: Some(CODE.to_owned()),
        // The provider may have worked on it.
        retry_safe: Some(false),
        action: request.action,
        finish_reason: facts.finish_reason.clone(),
        latency_us: since_arrival(last_seen),
        ttft_us: first_chunk.map(since_arrival),
        chunks,
        response_bytes,
    };
    let mut usage = (!used).then(|| usage(&request, header.clone(), &facts)).flatten();
    let mut closing = (chunks > 0).then(|| Chunk {
        header: header.clone(),
        index: chunks,
        body: Bytes::new(),
        events: 0,
        last: true,
        findings: Vec::new(),
    });
    outcome.chunks += i64::from(closing.is_some());
    outbox.write_end(|batch| {
        if let Some(closing) = &mut closing {
            batch.add(closing);
        }
        if let Some(usage) = &mut usage {
            batch.add(usage);
        }
        batch.add(&mut outcome);
    })
}

/// `None` where nothing went to a provider.
fn usage(request: &Request, header: Header, facts: &Facts) -> Option<Usage> {
    let (provider, deployment) = (request.provider.clone()?, request.deployment.clone()?);
    Some(usage_of(request, header, provider, deployment, facts))
}

#[cfg(test)]
mod tests;
