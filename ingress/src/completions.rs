//! The way of one chat completion: authenticate, read, route, inspect, admit, forward; then the answer, observed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use sha2::Sha256;
use weir_policy::{Model, VirtualKey};
use weir_providers::openai::answer::{Facts, Piece, StreamReader, read_plain};
use weir_providers::openai::{ChatRequest, error_body, is_error_body};
use weir_schemas::event::Action;
use weir_schemas::{Money, Timestamp};

use crate::body::{self, Body};
use crate::call::{Billing, Call, Ending, UNCOUNTED_BYTES};
use crate::ingress::Ingress;
use crate::inspect::inspect;
use crate::refusal::Refusal;
use crate::relay::Relay;
use crate::respond;
use crate::upstream::read_whole;

/// A plain answer is held whole, to be read: this bounds it.
const MAX_PLAIN_BYTES: usize = 32 * 1024 * 1024;
/// An error of a provider that is longer is cut off.
const MAX_ERROR_BYTES: usize = 256 * 1024;
/// One event of the log takes so much of a plain answer.
const CHUNK_BYTES: usize = 256 * 1024;
/// Scanning more than this would hold up the other tasks of a thread.
const SCANNED_INLINE_BYTES: usize = 64 * 1024;

/// `POST /v1/chat/completions`.
pub(crate) async fn handle(ingress: &Arc<Ingress>, request: Request<Incoming>, arrived: Instant) -> Response<Body> {
    let snapshot = ingress.policy.load_full();
    let Some(key) = authenticate(&snapshot, request.headers()) else {
        return respond::unaudited(ingress, &Refusal::Unauthorized);
    };
    if !ingress.outbox.admits() {
        return respond::unaudited(ingress, &Refusal::AuditUnavailable);
    }
    let (head, body) = request.into_parts();
    let mut call = Call::begin(ingress.clone(), snapshot, key, head.uri.path(), &head.headers, arrived);
    match proceed(&mut call, body).await {
        Ok((answer, chat)) => give(call, answer, &chat).await,
        Err(refusal) => refuse(call, &refusal),
    }
}

/// The owner of the bearer token.
pub(crate) fn authenticate(snapshot: &weir_policy::Snapshot, headers: &HeaderMap) -> Option<Arc<VirtualKey>> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = Some(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    snapshot.authenticate(token).cloned()
}

/// What matters of a request when its answer comes.
struct Asked {
    strip_usage: bool,
    idle: Duration,
}

/// Everything up to the head of the provider's answer.
async fn proceed(call: &mut Call, body: Incoming) -> Result<(Response<Incoming>, Asked), Refusal> {
    let ingress = call.ingress().clone();
    if ingress.draining.load(Ordering::Relaxed) {
        return Err(Refusal::Draining);
    }
    if ingress.in_flight.load(Ordering::Relaxed) > ingress.config.max_in_flight {
        return Err(Refusal::Overloaded);
    }
    let raw = body::read(body, ingress.max_body_bytes, ingress.config.header_timeout).await?;
    call.request.original_bytes = i64::try_from(raw.len()).unwrap_or(i64::MAX);
    call.request.original_hmac = keyed_hash(&ingress.hmac_key, &raw);

    let mut chat = ChatRequest::parse(&raw).map_err(Refusal::Malformed)?;
    call.names_model(&chat.model);
    call.request.stream = chat.stream;
    let model = call.snapshot().route(call.key(), &chat.model)?.clone();
    call.routes_to(&model);

    chat = guard(call, chat, raw.len()).await?;
    call.is_of_user(chat.user());

    chat.set_model(&model.upstream_model);
    if chat.stream {
        chat.ask_for_usage();
    }
    let body = admit(call, &mut chat, &model, raw.len()).await?;
    drop(raw);

    let asked = Asked { strip_usage: chat.stream && !chat.include_usage, idle: model.provider.idle_timeout };
    call.sends(body.clone())?;
    match ingress.upstreams.chat(&model.provider, call.id(), chat.stream, body).await {
        Ok(answer) => Ok((answer, asked)),
        Err(failed) => {
            if !failed.reached {
                call.billing = Billing::Nothing;
            }
            Err(failed.refusal)
        }
    }
}

/// Inspects every string of the request; what it finds is in the event, what must not be sent is not in the request.
async fn guard(call: &mut Call, mut chat: ChatRequest, bytes: usize) -> Result<ChatRequest, Refusal> {
    let ingress = call.ingress().clone();
    let snapshot = call.snapshot().clone();
    let (chat, verdict) = if bytes > SCANNED_INLINE_BYTES {
        let detector = ingress.detector.clone();
        let scan = move || {
            let verdict = inspect(chat.tree_mut(), &detector, &snapshot.guardrails);
            (chat, verdict)
        };
        tokio::task::spawn_blocking(scan).await.map_err(|_| Refusal::Internal)?
    } else {
        let verdict = inspect(chat.tree_mut(), &ingress.detector, &snapshot.guardrails);
        (chat, verdict)
    };
    for finding in &verdict.findings {
        ingress.metrics.finding(&finding.kind, finding.action);
    }
    call.request.action = verdict.action;
    call.request.findings = verdict.findings;
    if verdict.action == Action::Block {
        return Err(Refusal::Blocked { kinds: verdict.blocked });
    }
    Ok(chat)
}

/// Sets aside what the call may cost at most, and returns the body that costs no more.
async fn admit(call: &mut Call, chat: &mut ChatRequest, model: &Model, bytes: usize) -> Result<Bytes, Refusal> {
    let budgeted = !call.key().budgets.is_empty();
    if budgeted {
        chat.cap_output(model.max_output_tokens);
    }
    let ingress = call.ingress().clone();
    let body = Bytes::from(chat.to_bytes(bytes + 128));
    if body.len() > ingress.max_body_bytes {
        return Err(Refusal::BodyTooLarge { limit: ingress.max_body_bytes });
    }
    if !budgeted {
        return Ok(body);
    }
    let now = Timestamp::now();
    let prices = &call.snapshot().prices;
    let Some(priced_as) = model.priced_as(prices, now) else {
        return if model.free { Ok(body) } else { Err(Refusal::Unpriced) };
    };
    let input = chat.input_bound(body.len()).map_err(|unbounded| Refusal::Unbounded(unbounded.0))?;
    let output = chat.max_output_tokens.unwrap_or(model.max_output_tokens).saturating_mul(chat.n);
    // An amount beyond all money is more than any budget has.
    let most = prices.upper_bound(priced_as, input, output, now).unwrap_or(Some(Money::MAX));
    let most = most.ok_or(Refusal::Unpriced)?;
    call.input_bound = input;
    let budgets = call.key().budgets.clone();
    call.request.reservations = ingress.quota.reserve(&budgets, most, ingress.config.lease_wait).await?;
    Ok(body)
}

/// Gives the client the provider's answer.
async fn give(mut call: Call, answer: Response<Incoming>, asked: &Asked) -> Response<Body> {
    let (head, upstream) = answer.into_parts();
    if head.status.is_redirection() || head.status.is_informational() {
        return refuse(call, &Refusal::UpstreamBroken("it is a redirect, which is not followed"));
    }
    if !head.status.is_success() {
        return give_error(call, head.status, &head.headers, upstream, asked.idle).await;
    }
    let streamed = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if streamed {
        call.status = Some(head.status.as_u16());
        let mut response = respond::audited(head.status, call.id());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let reader = StreamReader::new(asked.strip_usage, UNCOUNTED_BYTES);
        return response.map(|()| Body::Relay(Box::new(Relay::new(call, upstream, reader, asked.idle))));
    }
    give_plain(call, head.status, upstream, asked.idle).await
}

/// A plain answer: a stream of one piece, read whole before its first byte is given.
async fn give_plain(mut call: Call, status: StatusCode, upstream: Incoming, idle: Duration) -> Response<Body> {
    let body = match read_whole(upstream, MAX_PLAIN_BYTES, idle).await {
        Ok(body) => body,
        Err(refusal) => return refuse(call, &refusal),
    };
    let Ok(facts) = read_plain(&body, UNCOUNTED_BYTES) else {
        return refuse(call, &Refusal::UpstreamBroken("it is not JSON"));
    };
    let ending = if facts.provider_error {
        Ending::provider_failed("upstream_error".to_owned(), true)
    } else {
        Ending::COMPLETED
    };
    call.status = Some(status.as_u16());
    if call.end(&pieces_of(&body), &facts, &ending).is_err() {
        return respond::unaudited(call.ingress(), &Refusal::AuditLost);
    }
    let mut response = respond::audited(status, call.id());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.map(|()| body.into())
}

/// An error of the provider: its status and its words, in OpenAI's shape.
async fn give_error(
    mut call: Call,
    status: StatusCode,
    headers: &HeaderMap,
    upstream: Incoming,
    idle: Duration,
) -> Response<Body> {
    call.billing = Billing::Nothing;
    let said = read_whole(upstream, MAX_ERROR_BYTES, idle).await.unwrap_or_default();
    // Some providers repeat the key that they refuse, and it is Weir's: of that they tell nobody anything.
    let body = if status != StatusCode::UNAUTHORIZED && is_error_body(&said) {
        said
    } else {
        let message = format!("The provider answered with status {status}.");
        error_body(&message, "provider_error", None, Some("upstream_error")).into()
    };
    let advised = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
    let retry = match advised {
        Some("true") => true,
        Some("false") => false,
        _ => status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 429),
    };
    call.status = Some(status.as_u16());
    let ending = Ending::provider_failed(format!("upstream_{}", status.as_u16()), retry);
    if call.end(&pieces_of(&body), &Facts::default(), &ending).is_err() {
        return respond::unaudited(call.ingress(), &Refusal::AuditUnavailable);
    }
    let mut response = respond::audited(status, call.id());
    respond::mark_error(response.headers_mut(), weir_schemas::event::ErrorOrigin::Provider, retry);
    if let Some(after) = headers.get(RETRY_AFTER) {
        response.headers_mut().insert(RETRY_AFTER, after.clone());
    }
    response.map(|()| body.into())
}

/// Weir's own error: in the log before the client has it, as any answer.
fn refuse(mut call: Call, refusal: &Refusal) -> Response<Body> {
    let told = refusal.told();
    let body = Bytes::from(refusal.body());
    call.status = Some(told.status.as_u16());
    if call.end(&pieces_of(&body), &Facts::default(), &Ending::refused(refusal)).is_err() {
        let lost = if call.billing == Billing::Nothing { Refusal::AuditUnavailable } else { Refusal::AuditLost };
        return respond::unaudited(call.ingress(), &lost);
    }
    let response = respond::refused(refusal, call.id());
    response.map(|()| body.into())
}

fn pieces_of(body: &Bytes) -> Vec<Piece> {
    let mut rest = body.clone();
    let mut pieces = Vec::with_capacity(body.len().div_ceil(CHUNK_BYTES));
    while !rest.is_empty() {
        let bytes = rest.split_to(rest.len().min(CHUNK_BYTES));
        pieces.push(Piece { bytes, events: 0 });
    }
    pieces
}

fn keyed_hash(key: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
