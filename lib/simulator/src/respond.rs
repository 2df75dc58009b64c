//! From a request to its answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::answer::{self, Tokens};
use crate::chat::{Chat, Glance};
use crate::journal::{Arrival, Entry, Journal};
use crate::model::Model;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::tape::{Ending, Reel, Tape};
use crate::wire::{self, Events, Head};

pub(crate) const CHAT: &str = "/v1/chat/completions";
const MODELS: &str = "/v1/models";

/// What the connections share.
pub(crate) struct Provider {
    options: Options,
    journal: Journal,
    /// Parts the ids of this simulator from those of another.
    start: u64,
    calls: AtomicU64,
}

struct Name {
    request: String,
    answer: String,
}

impl Provider {
    pub(crate) fn new(options: Options, journal: Journal) -> Self {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        Self { options, journal, start, calls: AtomicU64::new(0) }
    }

    pub(crate) async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Tape>, Infallible> {
        let at = Instant::now();
        let name = self.name();
        let chat = request.uri().path() == CHAT && request.method() == Method::POST;
        let mut answer = if chat { self.chat(at, &name, request).await } else { self.rest(&request) };
        if let Ok(id) = HeaderValue::from_str(&name.request) {
            answer.headers_mut().insert("x-request-id", id);
        }
        Ok(answer)
    }

    fn name(&self) -> Name {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let mark = answer::seed([self.start.to_string().as_str(), &number.to_string()]);
        Name { request: format!("req_{mark:016x}{number:08x}"), answer: format!("chatcmpl-{mark:016x}{number:08x}") }
    }

    fn rest(&self, request: &Request<Incoming>) -> Response<Tape> {
        let path = request.uri().path();
        let model = path.strip_prefix(MODELS).and_then(|rest| rest.strip_prefix('/'));
        let known = path == MODELS || path == CHAT || model.is_some();
        let answer = if !known {
            Err(Refusal::no_route())
        } else if path == CHAT || request.method() != Method::GET {
            Err(Refusal::wrong_method())
        } else if !self.may_call(request) {
            Err(Refusal::wrong_key())
        } else {
            match model {
                None => Ok(wire::models()),
                Some(name) => Model::named(name).map(wire::model).ok_or_else(|| Refusal::no_model(name)),
            }
        };
        match answer {
            Ok(body) => json(StatusCode::OK, Tape::unjournaled(body)),
            Err(refusal) => refused(&refusal, Tape::unjournaled(refusal.body())),
        }
    }

    fn may_call(&self, request: &Request<Incoming>) -> bool {
        let Some(key) = &self.options.api_key else { return true };
        let given = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok());
        given.and_then(|v| v.strip_prefix("Bearer ")).is_some_and(|given| given == key)
    }

    async fn chat(&self, at: Instant, name: &Name, request: Request<Incoming>) -> Response<Tape> {
        let may_call = self.may_call(&request);
        let (parts, body) = request.into_parts();
        let limit = self.options.max_body_bytes;
        let body = match Limited::new(body, limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                let refusal =
                    if error.is::<LengthLimitError>() { Refusal::too_large(limit) } else { Refusal::broken_body() };
                return refused(&refusal, Tape::unjournaled(refusal.body()));
            }
        };
        let mut glance = Glance::default();
        let chat = Chat::read(&body, &mut glance);
        let mut entry = self.journal.begin(Arrival {
            at,
            path: parts.uri.path().to_owned(),
            headers: parts.headers.keys().cloned().collect(),
            request: body,
            model: glance.model,
            stream: glance.stream,
            request_id: name.request.clone(),
        });
        let chat = if may_call { chat.and_then(refuse_by_model) } else { Err(Refusal::wrong_key()) };
        match chat {
            Err(refusal) => {
                entry.answering(refusal.status.as_u16());
                let body = Reel::Whole(Some(refusal.body()));
                refused(&refusal, Tape::new(body, Tokens::default(), entry))
            }
            Ok(chat) => self.answer(chat, name, entry).await,
        }
    }

    async fn answer(&self, chat: Chat, name: &Name, mut entry: Entry) -> Response<Tape> {
        let slow = chat.model == Model::Slow;
        let first = if slow { self.options.slow_first } else { Duration::ZERO };
        let first = chat.directive.first.unwrap_or(first);
        if !first.is_zero() {
            // Hyper drops this future when the caller hangs up; the entry tells.
            tokio::time::sleep(first).await;
        }
        entry.answering(StatusCode::OK.as_u16());
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let head = Head { id: name.answer.clone(), created, model: chat.model };
        if !chat.stream {
            return plain(&head, &chat, entry);
        }
        let gap = if slow { self.options.slow_gap } else { self.options.gap };
        let gap = chat.directive.delay.unwrap_or(gap);
        stream(head, chat, entry, gap)
    }
}

fn refuse_by_model(chat: Chat) -> Result<Chat, Refusal> {
    match chat.model {
        Model::Fail => Err(Refusal::failed()),
        Model::Overloaded => Err(Refusal::overloaded()),
        _ => Ok(chat),
    }
}

fn plain(head: &Head, chat: &Chat, entry: Entry) -> Response<Tape> {
    let whole = wire::completion(head, &chat.answer);
    let tokens = chat.answer.tokens;
    match chat.model {
        Model::Broken => {
            let promised = whole.len();
            let half = whole.slice(..promised / 2);
            let tape = Tape::new(Reel::Whole(Some(half)), tokens, entry).cut(1, Ending::Break);
            let mut answer = json(StatusCode::OK, tape);
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(promised));
            answer
        }
        // A shorter answer of the right length: JSON that ends too early.
        Model::Truncated | Model::Garbage => {
            let half = whole.slice(..whole.len() / 2);
            json(StatusCode::OK, Tape::new(Reel::Whole(Some(half)), tokens, entry))
        }
        _ => json(StatusCode::OK, Tape::new(Reel::Whole(Some(whole)), tokens, entry)),
    }
}

fn stream(head: Head, chat: Chat, entry: Entry, gap: Duration) -> Response<Tape> {
    let tokens = chat.answer.tokens;
    let choices = chat.answer.choices.len();
    let events = Events::new(head, chat.answer, chat.include_usage);
    // The role of each choice, then half of the pieces.
    let half = choices + events.pieces() / 2;
    let tape = match chat.model {
        Model::Broken => Tape::new(Reel::Stream(Box::new(events)), tokens, entry).cut(half, Ending::Break),
        Model::Truncated => Tape::new(Reel::Stream(Box::new(events)), tokens, entry).cut(half, Ending::Clean),
        Model::Garbage => Tape::new(Reel::Given(garbage(events)), tokens, entry),
        _ => Tape::new(Reel::Stream(Box::new(events)), tokens, entry),
    };
    let mut answer = Response::new(tape.paced(gap));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    answer
}

/// One good event, then everything that is no event of a chat completion.
fn garbage(mut events: Events) -> VecDeque<Bytes> {
    let good = events.next().unwrap_or_default();
    let bad: [&'static [u8]; 7] = [
        b"data: {\"id\":\"chatcmpl-1\",\"choices\":[{\n\n",
        b": a comment\n\n",
        b"data: \xff\xfe\x80\n\n",
        b"data: []\n\n",
        b"event: surprise\ndata: {\"choices\":\"none\"}\n\n",
        b"<html>502 Bad Gateway</html>\r\n",
        b"data: {\"half",
    ];
    [good].into_iter().chain(bad.map(Bytes::from_static)).collect()
}

fn refused(refusal: &Refusal, tape: Tape) -> Response<Tape> {
    let mut answer = json(refusal.status, tape);
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn json(status: StatusCode, tape: Tape) -> Response<Tape> {
    let mut answer = Response::new(tape);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
