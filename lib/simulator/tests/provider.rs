//! The simulator over real sockets, as a gateway sees it.
#![allow(clippy::unwrap_used, reason = "tests may")]

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use weir_simulator::{Call, How, Model, Options, Simulator, answer};

const SOON: Duration = Duration::from_secs(10);

struct Caller {
    simulator: Simulator,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Caller {
    async fn with(options: Options) -> Self {
        let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        Self { simulator, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, method: &str, path: &str, key: Option<&str>, body: impl Into<Bytes>) -> Response<Incoming> {
        let url = format!("http://{}{path}", self.simulator.addr());
        let mut request = Request::builder().method(method).uri(url);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap()
    }

    async fn chat(&self, body: Value) -> Response<Incoming> {
        self.send("POST", "/v1/chat/completions", None, body.to_string()).await
    }

    fn last(&self) -> Call {
        self.simulator.journal().calls().pop().unwrap()
    }
}

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

fn streamed(mut body: Value, include_usage: bool) -> Value {
    body["stream"] = json!(true);
    if include_usage {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

async fn whole(answer: Response<Incoming>) -> Value {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// The `data:` lines of a stream, and whether it ended well.
async fn events(answer: Response<Incoming>) -> (Vec<String>, usize, bool) {
    assert_eq!(answer.status(), StatusCode::OK);
    let mut body = answer.into_body();
    let (mut bytes, mut well) = (Vec::new(), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => {
                well = false;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let events = text.split("\n\n").filter_map(|e| e.strip_prefix("data: ")).map(str::to_owned).collect();
    (events, bytes.len(), well)
}

fn content(events: &[String]) -> String {
    let delta = |e: &String| {
        let event: Value = serde_json::from_str(e).ok()?;
        event["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
    };
    events.iter().filter_map(delta).collect()
}

#[tokio::test]
async fn a_plain_answer_is_a_completion_and_the_journal_tells_the_same() {
    let caller = Caller::with(Options::default()).await;
    let body = json!({"model": "sim-large", "messages": [
        {"role": "system", "content": "one two"},
        {"role": "user", "content": [{"type": "text", "text": "three four"}, {"type": "image_url", "image_url": {"url": "x"}}]},
    ]});
    let answer = caller.chat(body.clone()).await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let answer = whole(answer).await;
    assert_eq!(answer["object"], "chat.completion");
    let usage = &answer["usage"];
    assert_eq!(
        (usage["prompt_tokens"].as_u64(), usage["prompt_tokens_details"]["cached_tokens"].as_u64()),
        (Some(4), Some(2))
    );
    let words = answer::count(answer["choices"][0]["message"]["content"].as_str().unwrap());
    let reasoning = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert_eq!(usage["completion_tokens"].as_u64().unwrap(), words + reasoning);
    let call = caller.last();
    assert_eq!(call.request, body.to_string());
    assert_eq!((call.request_id, call.status, call.end.unwrap().how), (id, 200, How::Complete));
    assert_eq!(call.tokens.total(), usage["total_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn a_stream_has_the_text_of_the_plain_answer_and_its_usage() {
    let caller = Caller::with(Options::default()).await;
    let plain = whole(caller.chat(ask("sim-small", "tell me")).await).await;
    let (events, bytes, well) = events(caller.chat(streamed(ask("sim-small", "tell me"), true)).await).await;
    assert!(well);
    assert_eq!(events.last().unwrap(), "[DONE]");
    assert_eq!(content(&events), plain["choices"][0]["message"]["content"].as_str().unwrap());
    let usage: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!((&usage["usage"], &usage["choices"]), (&plain["usage"], &json!([])));
    let call = caller.last();
    assert_eq!((call.bytes_sent, call.events_sent), (bytes as u64, events.len() as u64));
}

#[tokio::test]
async fn a_directive_sets_nonce_and_chunks_and_a_malformed_one_is_refused() {
    let caller = Caller::with(Options::default()).await;
    let (events, ..) =
        events(caller.chat(streamed(ask("sim-small", "Go. @sim n=qrx c=7 d=1ms; thanks"), false)).await).await;
    assert_eq!(content(&events), answer::expected("qrx", 7));
    assert_eq!(events.len(), 1 + 7 + 1 + 1);
    let refused = caller.chat(ask("sim-small", "@sim c=none")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(whole(refused).await["error"]["param"], "messages");
    assert_eq!(caller.last().end.unwrap().how, How::Refused);
}

#[tokio::test]
async fn a_bound_on_tokens_gives_finish_reason_length() {
    let caller = Caller::with(Options::default()).await;
    let mut body = ask("sim-small", "@sim c=50");
    body["max_tokens"] = json!(9);
    body["max_completion_tokens"] = json!(5);
    let answer = whole(caller.chat(body).await).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn an_echo_shows_what_the_provider_saw() {
    let caller = Caller::with(Options::default()).await;
    let text = "card <CREDIT_CARD>,\n two  spaces";
    let (events, ..) = events(caller.chat(streamed(ask("sim-echo", text), false)).await).await;
    assert_eq!(content(&events), text);
}

#[tokio::test]
async fn models_that_fail_answer_in_openais_shape() {
    let caller = Caller::with(Options::default()).await;
    let failed = caller.chat(ask("sim-fail", "x")).await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(whole(failed).await["error"]["type"], "server_error");
    let overloaded = caller.chat(ask("sim-overloaded", "x")).await;
    assert_eq!(
        (overloaded.status(), &overloaded.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    assert_eq!(whole(overloaded).await["error"]["code"], "rate_limit_exceeded");
    let unknown = caller.chat(ask("gpt-none", "x")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(whole(unknown).await["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn broken_answers_break_off_and_truncated_ones_end_early() {
    let caller = Caller::with(Options::default()).await;
    let (broken, bytes, well) = events(caller.chat(streamed(ask("sim-broken", "@sim c=10"), true)).await).await;
    assert!(!well && broken.len() == 6, "{broken:?}");
    let call = caller.last();
    assert_eq!((call.end.unwrap().how, call.bytes_sent, call.tokens.completion), (How::Broken, bytes as u64, 5));
    let (truncated, _, well) = events(caller.chat(streamed(ask("sim-truncated", "@sim c=10"), true)).await).await;
    assert!(well && truncated.len() == 6 && truncated.iter().all(|e| e != "[DONE]"));
    let plain = caller.chat(ask("sim-broken", "x")).await;
    assert!(plain.into_body().collect().await.is_err(), "the body is shorter than promised");
    let (garbage, _, well) = events(caller.chat(streamed(ask("sim-garbage", "x"), false)).await).await;
    assert!(well && garbage.iter().any(|e| serde_json::from_str::<Value>(e).is_err()));
}

#[tokio::test]
async fn usage_is_never_given_by_the_model_that_has_none() {
    let caller = Caller::with(Options::default()).await;
    let plain = whole(caller.chat(ask("sim-nousage", "x y")).await).await;
    assert!(plain.get("usage").is_none());
    assert_eq!(caller.last().tokens.prompt, 2, "the journal knows all the same");
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_told_apart() {
    let caller = Caller::with(Options::default()).await;
    let answer = caller.chat(streamed(ask("sim-small", "@sim c=10000 d=5ms"), true)).await;
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!((caller.last().status, caller.last().end), (200, None));
    drop(body);
    assert!(caller.simulator.journal().until(SOON, |calls| calls[0].cancelled()).await);
    let call = caller.last();
    assert!(call.events_sent < 10_000 && call.tokens.completion < 10_000 && call.bytes_sent > 0);
}

#[tokio::test]
async fn hanging_up_before_the_first_byte_and_stopping_end_a_call_too() {
    let caller = Caller::with(Options { slow_first: Duration::from_secs(3600), ..Options::default() }).await;
    let journal = caller.simulator.journal().clone();
    let first = tokio::time::timeout(Duration::from_millis(200), caller.chat(ask("sim-slow", "x"))).await;
    assert!(first.is_err());
    assert!(journal.until(SOON, |calls| calls[0].cancelled() && calls[0].status == 0).await);
    let Caller { simulator, client } = caller;
    let url = format!("{}/chat/completions", simulator.base_url());
    let request = Request::post(url).body(Full::new(Bytes::from(ask("sim-slow", "y").to_string()))).unwrap();
    let open = tokio::spawn(client.request(request));
    assert!(journal.until(SOON, |calls| calls.len() == 2).await);
    let journal = simulator.stop().await;
    assert!(journal.calls()[1].cancelled());
    assert!(open.await.unwrap().is_err());
}

#[tokio::test]
async fn a_required_key_is_required() {
    let caller = Caller::with(Options { api_key: Some("sk-right".into()), ..Options::default() }).await;
    for key in [None, Some("sk-wrong")] {
        assert_eq!(caller.send("GET", "/v1/models", key, "").await.status(), StatusCode::UNAUTHORIZED);
        let chat = caller.send("POST", "/v1/chat/completions", key, ask("sim-small", "x").to_string()).await;
        assert_eq!(whole(chat).await["error"]["code"], "invalid_api_key");
    }
    let models = whole(caller.send("GET", "/v1/models", Some("sk-right"), "").await).await;
    assert_eq!(models["data"].as_array().unwrap().len(), Model::ALL.len());
    let one = whole(caller.send("GET", "/v1/models/sim-echo", Some("sk-right"), "").await).await;
    assert_eq!(one["id"], "sim-echo");
}

#[tokio::test]
async fn bad_requests_get_clear_errors() {
    let caller = Caller::with(Options { max_body_bytes: 1000, ..Options::default() }).await;
    let chat = "/v1/chat/completions";
    for (method, path, body, status) in [
        ("POST", chat, "{".to_owned(), 400),
        ("POST", chat, "[]".to_owned(), 400),
        ("POST", chat, r#"{"model":"sim-small","messages":[]}"#.to_owned(), 400),
        (
            "POST",
            chat,
            r#"{"model":"sim-small","messages":[{"role":"user","content":"x"}],"max_tokens":0}"#.to_owned(),
            400,
        ),
        (
            "POST",
            chat,
            r#"{"model":"sim-small","messages":[{"role":"user","content":"x"}],"max_tokens":-1}"#.to_owned(),
            400,
        ),
        ("POST", chat, r#"{"model":"sim-small","messages":[{"role":"user","content":"x"}],"n":9}"#.to_owned(), 400),
        ("POST", chat, "x".repeat(1001), 413),
        ("GET", chat, String::new(), 405),
        ("POST", "/v1/models", String::new(), 405),
        ("GET", "/v1/models/none", String::new(), 404),
        ("GET", "/", String::new(), 404),
    ] {
        let answer = caller.send(method, path, None, body.clone()).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path} {body}");
        assert!(answer.headers().contains_key("x-request-id"));
        assert!(whole(answer).await["error"]["message"].is_string());
    }
}
