//! One authenticated call, and its duty to end in the log exactly once.
//!
//! A [`Call`] gathers what its events tell. [`Call::end`] writes what is still missing: the Request, the last chunks, the
//! Usage and the Outcome, as one record of the outbox. A call that is dropped without it, because the client left, because
//! Weir is cut short or because something panicked, ends by itself, and says so.
//!
//! - Chunks are in the outbox before their bytes are handed on, and the Outcome before the last of them.
//! - What was set aside for the call is settled exactly once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use weir_detect::{ACT_SCORE, Detector, redact};
use weir_policy::{Model, Snapshot, VirtualKey};
use weir_providers::openai::answer::{Facts, Piece};
use weir_schemas::event::{Action, ErrorOrigin, OutcomeKind, TokenCounts, Uncounted, UsageSource};
use weir_schemas::{
    BootEpoch, Chunk, EventId, Header, IngressId, Money, Outcome, Request, RequestId, Seq, Timestamp, Usage,
};

use crate::ingress::Ingress;
use crate::outbox::{Batch, Unavailable};
use crate::refusal::Refusal;

mod settle;

/// Of each text that the provider did not count, so many bytes are handed to who counts.
pub(crate) const UNCOUNTED_BYTES: usize = 768 * 1024;
/// Names that a client chooses are cut here before they become columns.
const NAME_BYTES: usize = 256;
/// Chunks of one call that are written as one record.
const BATCH_BYTES: usize = 1024 * 1024;

const APP_HEADER: &str = "x-weir-app";
const APP_VERSION_HEADER: &str = "x-weir-app-version";
/// The status of a call whose client left before there was one.
const CLIENT_CLOSED: i32 = 499;

/// What the provider will bill for, as far as Weir can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Billing {
    /// It never got the request, or refused it.
    Nothing,
    /// It got the request and may have worked on it.
    Something,
}

/// How a call ends.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: OutcomeKind,
    pub(crate) error: Option<EndError>,
}

#[derive(Clone, Debug)]
pub(crate) struct EndError {
    pub(crate) origin: ErrorOrigin,
    pub(crate) code: String,
    pub(crate) retry_safe: bool,
}

impl Ending {
    pub(crate) const COMPLETED: Self = Self { outcome: OutcomeKind::Completed, error: None };

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let told = refusal.told();
        let error = EndError { origin: told.origin, code: told.code.to_owned(), retry_safe: told.retry };
        Self { outcome: told.outcome, error: Some(error) }
    }

    pub(crate) fn provider_failed(code: String, retry_safe: bool) -> Self {
        let error = EndError { origin: ErrorOrigin::Provider, code, retry_safe };
        Self { outcome: OutcomeKind::UpstreamError, error: Some(error) }
    }
}

pub(crate) struct Call {
    ingress: Arc<Ingress>,
    snapshot: Arc<Snapshot>,
    key: Arc<VirtualKey>,
    arrived: Instant,
    /// The Request event, filled in on the way; written once.
    pub(crate) request: Box<Request>,
    request_logged: bool,
    model: Option<Arc<Model>>,
    pub(crate) billing: Billing,
    /// Bound on the input tokens, for the settlement of calls without usage.
    pub(crate) input_bound: i64,
    /// The status that the client gets; known when the head of the answer goes out.
    pub(crate) status: Option<u16>,
    first_byte: Option<Duration>,
    chunks: i64,
    response_bytes: i64,
    ended: bool,
}

impl Call {
    pub(crate) fn begin(
        ingress: Arc<Ingress>,
        snapshot: Arc<Snapshot>,
        key: Arc<VirtualKey>,
        endpoint: &str,
        headers: &HeaderMap,
        arrived: Instant,
    ) -> Self {
        ingress.in_flight.fetch_add(1, Ordering::Relaxed);
        ingress.metrics.in_flight.inc();
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(|value| chosen_name(&ingress.detector, value))
        };
        let request = Request {
            header: Header {
                // Filled in by the outbox.
                event_id: EventId(uuid::Uuid::nil()),
                ingress_id: IngressId::from(""),
                boot_epoch: BootEpoch(0),
                seq: Seq(0),
                request_id: RequestId::fresh(),
                event_time: Timestamp::now(),
                tenant: key.tenant.clone(),
                policy_version: snapshot.version.clone(),
            },
            team: key.team.clone(),
            project: key.project.clone(),
            user_id: None,
            key_id: key.id.clone(),
            app: key.app.clone().or_else(|| text(APP_HEADER)),
            app_version: text(APP_VERSION_HEADER),
            endpoint: endpoint.to_owned(),
            request_model: String::new(),
            provider: None,
            deployment: None,
            stream: false,
            action: Action::Allow,
            body: Bytes::new(),
            original_hmac: String::new(),
            original_bytes: 0,
            findings: Vec::new(),
            reservations: Vec::new(),
        };
        Self {
            ingress,
            snapshot,
            key,
            arrived,
            request: Box::new(request),
            request_logged: false,
            model: None,
            billing: Billing::Nothing,
            input_bound: 0,
            status: None,
            first_byte: None,
            chunks: 0,
            response_bytes: 0,
            ended: false,
        }
    }

    pub(crate) fn id(&self) -> RequestId {
        self.request.header.request_id
    }

    pub(crate) fn ingress(&self) -> &Arc<Ingress> {
        &self.ingress
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    pub(crate) fn key(&self) -> &Arc<VirtualKey> {
        &self.key
    }

    /// The client's name for a model, as the events tell it.
    pub(crate) fn names_model(&mut self, name: &str) {
        self.request.request_model = chosen_name(&self.ingress.detector, name);
    }

    /// Where the call goes. Told in the event only with a body: [`Call::sends`].
    pub(crate) fn routes_to(&mut self, model: &Arc<Model>) {
        self.model = Some(model.clone());
    }

    /// The user as the body names it, after inspection.
    pub(crate) fn is_of_user(&mut self, user: Option<&str>) {
        self.request.user_id = user.map(|user| name_of(user).into());
    }

    /// Writes the Request: from here on the provider may get it.
    pub(crate) fn sends(&mut self, body: Bytes) -> Result<(), Unavailable> {
        if let Some(model) = &self.model {
            self.request.provider = Some(model.provider.name.clone());
            self.request.deployment = Some(deployment_of(model));
        }
        self.request.body = body;
        let (request, ingress) = (&mut *self.request, &self.ingress);
        let written = ingress.outbox.write(|batch| batch.add(request));
        if written.is_err() {
            // Nothing is sent now, and the event that ends the call must not say so.
            self.request.provider = None;
            self.request.deployment = None;
            self.request.body = Bytes::new();
            return written;
        }
        self.request_logged = true;
        self.billing = Billing::Something;
        Ok(())
    }

    /// Writes chunks that are not the last. On an error none of their bytes may be handed on.
    pub(crate) fn chunks(&mut self, pieces: &[Piece]) -> Result<(), Unavailable> {
        if pieces.is_empty() {
            return Ok(());
        }
        let mut events = self.chunk_events(pieces, false);
        self.ingress.outbox.write(|batch| events.iter_mut().for_each(|event| batch.add(event)))?;
        self.count(pieces);
        Ok(())
    }

    /// Ends the call: writes the Request if that is missing, the last chunks, the Usage and the Outcome. On an error none
    /// of the bytes may be handed on.
    pub(crate) fn end(&mut self, last: &[Piece], facts: &Facts, ending: &Ending) -> Result<(), Unavailable> {
        if self.ended {
            // What has an Outcome gets no more bytes.
            return if last.is_empty() { Ok(()) } else { Err(Unavailable) };
        }
        let mut last = last;
        // An answer of many megabytes does not fit into one record.
        if self.request_logged && last.iter().map(|piece| piece.bytes.len()).sum::<usize>() > BATCH_BYTES {
            let (first, rest) = last.split_at(last.len() - 1);
            for piece in first {
                if let Err(error) = self.chunks(std::slice::from_ref(piece)) {
                    // The first failure is the one that is told.
                    let _ = self.finish(&[], facts, &Ending::refused(&Refusal::AuditLost));
                    return Err(error);
                }
            }
            last = rest;
        }
        self.finish(last, facts, ending)
    }

    fn finish(&mut self, last: &[Piece], facts: &Facts, ending: &Ending) -> Result<(), Unavailable> {
        self.ended = true;
        // Who puts the answer together from the log waits for its last chunk: an answer that breaks off has an empty one.
        let closing = [Piece { bytes: Bytes::new(), events: 0 }];
        let last = if last.is_empty() && self.chunks > 0 { &closing[..] } else { last };
        let spent = self.settle(facts, ending.outcome == OutcomeKind::Completed);
        let mut chunks = self.chunk_events(last, true);
        let latency = self.arrived.elapsed();
        let mut usage = self.usage_event(facts);
        let first_byte = self.first_byte.or((!last.is_empty()).then_some(latency));
        let mut outcome = self.outcome_event(facts, ending, last, latency, first_byte);
        let request = (!self.request_logged).then_some(&mut *self.request);
        let fill = |batch: &mut Batch<'_>| {
            if let Some(request) = request {
                batch.add(request);
            }
            chunks.iter_mut().for_each(|chunk| batch.add(chunk));
            if let Some(usage) = &mut usage {
                batch.add(usage);
            }
            batch.add(&mut outcome);
        };
        let written = self.ingress.outbox.write_end(fill);
        self.request_logged = true;
        match &written {
            Ok(()) => self.count(last),
            Err(_) => {
                self.ingress.metrics.lost_endings.inc();
                tracing::error!(request_id = %self.id(), "the end of a call is not in the audit");
            }
        }
        let metrics = &self.ingress.metrics;
        metrics.outcome(ending.outcome);
        metrics.seconds.observe(latency.as_secs_f64());
        if let Some(first) = first_byte {
            metrics.first_byte_seconds.observe(first.as_secs_f64());
        }
        tracing::debug!(
            request_id = %self.id(),
            outcome = ending.outcome.as_str(),
            status = outcome.status,
            spent = %spent,
            latency_us = outcome.latency_us,
            "a call ended"
        );
        written
    }

    fn chunk_events(&self, pieces: &[Piece], with_last: bool) -> Vec<Chunk> {
        let header = self.header();
        let events = pieces.iter().enumerate().map(|(place, piece)| Chunk {
            header: header.clone(),
            index: self.chunks + signed(place),
            body: piece.bytes.clone(),
            events: piece.events,
            last: with_last && place + 1 == pieces.len(),
            findings: Vec::new(),
        });
        events.collect()
    }

    fn count(&mut self, pieces: &[Piece]) {
        if pieces.is_empty() {
            return;
        }
        if self.first_byte.is_none() {
            self.first_byte = Some(self.arrived.elapsed());
        }
        let bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        self.chunks += signed(pieces.len());
        self.response_bytes += signed(bytes);
        self.ingress.metrics.chunks.inc_by(pieces.len() as u64);
        self.ingress.metrics.chunk_bytes.inc_by(bytes as u64);
    }

    fn usage_event(&self, facts: &Facts) -> Option<Usage> {
        let model = self.model.as_ref().filter(|_| self.billing == Billing::Something)?;
        Some(usage_of(&self.request, self.header(), model.provider.name.clone(), deployment_of(model), facts))
    }

    fn outcome_event(
        &self,
        facts: &Facts,
        ending: &Ending,
        last: &[Piece],
        latency: Duration,
        first_byte: Option<Duration>,
    ) -> Outcome {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let bytes: usize = last.iter().map(|piece| piece.bytes.len()).sum();
        Outcome {
            header: self.header(),
            outcome: ending.outcome,
            status: self.status.map_or(CLIENT_CLOSED, i32::from),
            error_origin: ending.error.as_ref().map(|error| error.origin),
            error_code: ending.error.as_ref().map(|error| error.code.clone()),
            retry_safe: ending.error.as_ref().map(|error| error.retry_safe),
            action: self.request.action,
            finish_reason: facts.finish_reason.as_deref().map(name_of),
            latency_us: micros(latency),
            ttft_us: first_byte.map(micros),
            chunks: self.chunks + signed(last.len()),
            response_bytes: self.response_bytes + signed(bytes),
        }
    }

    /// A header of now; its place is given by the outbox.
    fn header(&self) -> Header {
        Header { event_time: Timestamp::now(), ..self.request.header.clone() }
    }

    /// What was spent; the rest of the reservations is free again.
    fn settle(&self, facts: &Facts, complete: bool) -> Money {
        let spent = settle::spent(self, facts, complete);
        self.ingress.quota.settle(&self.request.reservations, spent);
        spent
    }
}

/// The Usage of a request that reached a provider, by what its answer said of itself.
pub(crate) fn usage_of(
    request: &Request,
    header: Header,
    provider: String,
    deployment: String,
    facts: &Facts,
) -> Usage {
    let (source, tokens, texts) = match facts.usage {
        Some(tokens) => (UsageSource::Provider, tokens, None),
        None => (UsageSource::Estimated, TokenCounts::default(), Some(uncounted(&request.body, facts))),
    };
    Usage {
        header,
        team: request.team.clone(),
        project: request.project.clone(),
        user_id: request.user_id.clone(),
        key_id: request.key_id.clone(),
        provider,
        deployment,
        request_model: request.request_model.clone(),
        response_model: facts.model.as_deref().map(name_of),
        tier: facts.tier.as_deref().map(name_of),
        source,
        tokens,
        uncounted: texts,
    }
}

/// What is to be counted of a call whose provider did not.
fn uncounted(body: &[u8], facts: &Facts) -> Uncounted {
    // The body was written from strings; the cut may part a character, and then the part is left out.
    let input = String::from_utf8_lossy(&body[..body.len().min(UNCOUNTED_BYTES)]);
    let output = &facts.output[..facts.output.floor_char_boundary(UNCOUNTED_BYTES)];
    Uncounted {
        input: input.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned(),
        input_bytes: signed(body.len()),
        output: output.to_owned(),
        output_bytes: signed(facts.output_bytes),
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.abandon(&Facts::default());
        self.ingress.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.ingress.metrics.in_flight.dec();
    }
}

impl Call {
    /// Ends a call that nobody will end any more.
    pub(crate) fn abandon(&mut self, facts: &Facts) {
        if self.ended {
            return;
        }
        let mut ending = if std::thread::panicking() {
            Ending::refused(&Refusal::Internal)
        } else if self.ingress.is_cut() {
            Ending::refused(&Refusal::Draining)
        } else {
            Ending { outcome: OutcomeKind::ClientCancelled, error: None }
        };
        if let Some(error) = &mut ending.error {
            // What the provider works on already may be billed twice.
            error.retry_safe &= self.billing == Billing::Nothing;
        }
        // There is nobody to tell; the failure is counted and logged.
        let _ = self.end(&[], facts, &ending);
    }
}

/// `PROVIDER/MODEL`, the model as the provider knows it.
fn deployment_of(model: &Model) -> String {
    [model.provider.name.as_str(), model.upstream_model.as_str()].join("/")
}

fn name_of(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_BYTES)].to_owned()
}

/// A name that the client made up, such as a model that does not exist: what must not be sent must not be kept either.
fn chosen_name(detector: &Detector, text: &str) -> String {
    let name = name_of(text);
    let mut matches = detector.scan(&name);
    matches.retain(|found| found.score >= ACT_SCORE);
    if matches.is_empty() { name } else { redact(&name, &matches) }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
