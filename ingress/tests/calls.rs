//! Calls through a whole ingress: what the client gets, what the provider gets, what the log holds.

mod support;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::{KEY, PATIENCE, Setup, World, until};
use weir_schemas::event::{Action, ErrorOrigin, OutcomeKind, UsageSource};

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "@sim n=abc c=5; hello"}], "x_unknown": {"b": 1, "a": [2]}})
}

fn streamed(model: &str) -> Value {
    let mut body = hello(model);
    body["stream"] = json!(true);
    body
}

#[tokio::test]
async fn a_plain_answer_is_in_the_log_byte_for_byte() {
    let world = World::start().await;
    let got = world.chat(KEY, hello("sim-large")).await;
    assert_eq!(got.status, 200);
    let body = got.json();
    let (log, after) = world.finish().await;
    let call = log.call(got.id());
    assert_eq!(call.body(), got.body);
    assert_eq!(call.outcome.outcome, OutcomeKind::Completed);
    assert_eq!((call.outcome.status, call.outcome.finish_reason.as_deref()), (200, Some("stop")));
    assert_eq!((call.request.team.as_str(), call.request.header.tenant.as_str()), ("blue", "default"));
    assert_eq!(call.request.deployment.as_deref(), Some("sim/sim-large"));
    let usage = call.usage.unwrap();
    assert_eq!((usage.source, usage.uncounted), (UsageSource::Provider, None));
    assert_eq!(usage.tokens.input_tokens, body["usage"]["prompt_tokens"].as_i64().unwrap());
    assert_eq!(
        usage.tokens.reasoning_tokens,
        body["usage"]["completion_tokens_details"]["reasoning_tokens"].as_i64().unwrap()
    );
    let calls = after.simulator.journal().calls();
    assert_eq!(calls[0].request, call.request.body, "what is logged is what was sent");
    assert_eq!(serde_json::from_slice::<Value>(&calls[0].request).unwrap(), hello("sim-large"));
}

#[tokio::test]
async fn a_stream_is_in_the_log_byte_for_byte_and_its_usage_is_asked_for_and_stripped() {
    let world = World::start().await;
    let got = world.chat(KEY, streamed("alias")).await;
    assert_eq!(got.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(got.text().ends_with("data: [DONE]\n\n"));
    assert!(!got.text().contains("prompt_tokens"), "{}", got.text());
    let (log, after) = world.finish().await;
    let call = log.call(got.id());
    assert_eq!(call.body(), got.body);
    assert_eq!(call.outcome.outcome, OutcomeKind::Completed);
    assert!(call.outcome.ttft_us.unwrap() <= call.outcome.latency_us);
    assert_eq!(call.usage.unwrap().source, UsageSource::Provider);
    assert_eq!(call.request.request_model, "alias");
    let sent: Value = serde_json::from_slice(&after.simulator.journal().calls()[0].request).unwrap();
    assert_eq!((&sent["model"], &sent["stream_options"]["include_usage"]), (&json!("sim-small"), &json!(true)));
    assert_eq!(sent["x_unknown"], json!({"b": 1, "a": [2]}));
}

#[tokio::test]
async fn a_client_that_asks_for_the_usage_of_its_stream_gets_it() {
    let world = World::start().await;
    let mut body = streamed("sim-small");
    body["stream_options"] = json!({"include_usage": true});
    let got = world.chat(KEY, body).await;
    assert!(got.text().contains("prompt_tokens"));
    assert_eq!(world.finish().await.0.call(got.id()).body(), got.body);
}

#[tokio::test]
async fn what_is_redacted_reaches_neither_the_provider_nor_the_log() {
    let world = World::start().await;
    let secret = "jane.doe@corp.example.com";
    let body = json!({"model": "sim-echo", "user": secret, "messages": [{"role": "user", "content": format!("mail {secret} now")}],
        "metadata": {secret: "x"}});
    let got = world.chat(KEY, body).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(!got.text().contains(secret) && got.text().contains("EMAIL_ADDRESS"), "{}", got.text());
    let (log, after) = world.finish().await;
    let call = log.call(got.id());
    assert_eq!((call.request.action, call.outcome.action), (Action::Redact, Action::Redact));
    let fields: Vec<&str> = call.request.findings.iter().map(|finding| finding.field.as_str()).collect();
    assert_eq!(fields, ["/messages/0/content", "/metadata#", "/user"]);
    let finding = &call.request.findings[0];
    assert_eq!((finding.start, finding.end), (5, 5 + secret.len() as i64));
    let everything = format!("{:?}{:?}{:?}", call.request, call.usage, call.chunks);
    assert!(!everything.contains("jane.doe"), "{everything}");
    assert!(!String::from_utf8_lossy(&after.simulator.journal().calls()[0].request).contains("jane.doe"));
}

#[tokio::test]
async fn a_large_body_is_inspected_too() {
    let world = World::start().await;
    let content = format!("{} jane.doe@corp.example.com", "word ".repeat(40_000));
    let got = world.chat(KEY, json!({"model": "sim-small", "messages": [{"role": "user", "content": content}]})).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let (log, after) = world.finish().await;
    assert_eq!(log.call(got.id()).request.action, Action::Redact);
    assert!(!String::from_utf8_lossy(&after.simulator.journal().calls()[0].request).contains("jane.doe"));
}

#[tokio::test]
async fn a_guardrail_blocks_before_anything_is_sent() {
    let policy = "[guardrails.kinds]\nEMAIL_ADDRESS = \"block\"\n".to_owned();
    let world = World::with(Setup { policy, ..Setup::default() }).await;
    let body =
        json!({"model": "sim-small", "messages": [{"role": "user", "content": "mail jane.doe@corp.example.com"}]});
    let got = world.chat(KEY, body).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (403, "blocked_by_guardrail"));
    assert_eq!((got.header("x-weir-error-origin"), got.header("x-should-retry")), (Some("weir"), Some("false")));
    assert!(got.text().contains("EMAIL_ADDRESS") && !got.text().contains("jane"));
    let (log, after) = world.finish().await;
    let call = log.call(got.id());
    assert_eq!((call.outcome.outcome, call.request.action), (OutcomeKind::Blocked, Action::Block));
    assert_eq!((call.body(), call.request.body.len()), (got.body, 0));
    assert!(call.usage.is_none());
    assert_eq!(after.simulator.journal().received(), 0);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_leaves_no_event() {
    let world = World::start().await;
    for key in [None, Some("wk-wrong"), Some("")] {
        let body = Bytes::from(hello("sim-small").to_string());
        let got = world.ask(Method::POST, "/v1/chat/completions", key, body).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (401, "invalid_api_key"));
    }
    let metrics = world.get("/metrics").await;
    assert!(metrics.text().contains("weir_ingress_refused_total{code=\"invalid_api_key\"} 3"), "{}", metrics.text());
    assert!(world.finish().await.0.requests.is_empty());
}

#[tokio::test]
async fn the_callers_mistakes_are_told_and_logged() {
    let world = World::start().await;
    let huge = vec![b' '; 20 << 20];
    let bodies: [(&[u8], u16, &str); 8] = [
        (b"{\"model\":", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (br#"{"model":"sim-small","model":"sim-large","messages":[]}"#, 400, "invalid_json"),
        (b"{\"model\":\"sim-small\",\"messages\":[\"\xff\"]}", 400, "invalid_json"),
        (br#"{"messages":[]}"#, 400, "missing_required_parameter"),
        (br#"{"model":"sim-small","messages":[],"n":0}"#, 400, "invalid_value"),
        (br#"{"model":"gpt-unknown","messages":[]}"#, 404, "model_not_found"),
        (&huge, 413, "request_too_large"),
    ];
    let mut told = Vec::new();
    for (body, status, code) in bodies {
        let got = world.raw_chat(KEY, Bytes::copy_from_slice(body)).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, code));
        assert_eq!((got.header("x-weir-error-origin"), got.header("x-should-retry")), (Some("weir"), Some("false")));
        told.push((got, code));
    }
    let (log, after) = world.finish().await;
    assert_eq!(log.outcomes.len(), told.len());
    for (got, code) in told {
        let call = log.call(got.id());
        assert_eq!(call.outcome.outcome, OutcomeKind::InvalidRequest);
        assert_eq!(
            (call.outcome.error_code.as_deref(), call.outcome.error_origin),
            (Some(code), Some(ErrorOrigin::Weir))
        );
        assert_eq!((call.outcome.status, call.body()), (i32::from(got.status.as_u16()), got.body));
        assert!(call.request.provider.is_none() && call.request.body.is_empty());
    }
    assert_eq!(after.simulator.journal().received(), 0);
}

#[tokio::test]
async fn an_error_of_the_provider_passes_and_is_told_as_its_own() {
    let world = World::start().await;
    let mut told = Vec::new();
    for (model, status) in [("sim-fail", 500), ("sim-overloaded", 429)] {
        for body in [hello(model), streamed(model)] {
            let got = world.chat(KEY, body).await;
            assert_eq!(got.status.as_u16(), status);
            assert!(got.json()["error"]["message"].is_string());
            assert_eq!(
                (got.header("x-weir-error-origin"), got.header("x-should-retry")),
                (Some("provider"), Some("true"))
            );
            assert_eq!(got.header("retry-after").is_some(), status == 429);
            told.push(got);
        }
    }
    let (log, _) = world.finish().await;
    for got in told {
        let call = log.call(got.id());
        assert_eq!((call.outcome.outcome, call.body()), (OutcomeKind::UpstreamError, got.body));
        assert_eq!(call.outcome.error_origin, Some(ErrorOrigin::Provider));
        assert!(call.usage.is_none(), "an error is not billed");
    }
}

#[tokio::test]
async fn what_a_provider_says_of_weirs_own_key_reaches_nobody() {
    let simulator = weir_simulator::Options { api_key: Some("another".into()), ..Default::default() };
    let world = World::with(Setup { simulator, ..Default::default() }).await;
    let got = world.chat(KEY, hello("sim-small")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (401, "upstream_error"));
    assert!(!got.text().contains("Incorrect API key"), "{}", got.text());
    assert_eq!((got.header("x-weir-error-origin"), got.header("x-should-retry")), (Some("provider"), Some("false")));
    world.finish().await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_got_nothing() {
    let world = World::start().await;
    let got = world.chat(KEY, hello("unreachable")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (502, "upstream_unreachable"));
    assert_eq!((got.header("x-weir-error-origin"), got.header("x-should-retry")), (Some("provider"), Some("true")));
    let call = world.finish().await.0.call(got.id());
    assert_eq!((call.outcome.outcome, call.outcome.retry_safe), (OutcomeKind::UpstreamError, Some(true)));
    assert!(call.usage.is_none());
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_a_typed_error_and_without_done() {
    let world = World::start().await;
    let mut told = Vec::new();
    for model in ["sim-broken", "sim-truncated", "sim-garbage"] {
        let got = world.chat(KEY, streamed(model)).await;
        assert_eq!(got.status, 200);
        assert!(!got.text().contains("[DONE]"), "{}", got.text());
        let last = got.text().trim_end().rsplit("\n\n").next().unwrap();
        let error: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "upstream_invalid_response", "{model}");
        told.push(got);
    }
    let (log, _) = world.finish().await;
    for got in told {
        let call = log.call(got.id());
        assert_eq!((call.outcome.outcome, call.outcome.status), (OutcomeKind::UpstreamError, 200));
        assert_eq!(call.body(), got.body);
        assert_eq!(call.usage.unwrap().source, UsageSource::Estimated);
    }
}

#[tokio::test]
async fn a_plain_answer_that_breaks_is_an_error_and_not_half_an_answer() {
    let world = World::start().await;
    let mut told = Vec::new();
    for model in ["sim-broken", "sim-garbage"] {
        let got = world.chat(KEY, hello(model)).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (502, "upstream_invalid_response"));
        told.push(got);
    }
    let (log, _) = world.finish().await;
    for got in told {
        let call = log.call(got.id());
        assert_eq!((call.outcome.outcome, call.body()), (OutcomeKind::UpstreamError, got.body));
    }
}

#[tokio::test]
async fn usage_that_the_provider_does_not_give_is_handed_on_to_be_counted() {
    let world = World::start().await;
    let plain = world.chat(KEY, hello("sim-nousage")).await;
    let stream = world.chat(KEY, streamed("sim-nousage")).await;
    let (log, _) = world.finish().await;
    let answer = plain.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    for got in [plain, stream] {
        let call = log.call(got.id());
        assert_eq!(call.outcome.outcome, OutcomeKind::Completed);
        let usage = call.usage.unwrap();
        let texts = usage.uncounted.unwrap();
        assert_eq!((usage.source, texts.input.as_bytes()), (UsageSource::Estimated, &call.request.body[..]));
        assert_eq!((texts.output_bytes, texts.output.as_str()), (answer.len() as i64, answer.as_str()));
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_an_outcome_and_the_provider_is_told() {
    let world = World::start().await;
    let body = json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim n=gone c=1000 d=20ms;"}]});
    let response = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    let id: weir_schemas::RequestId = response.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    let mut stream = response.into_body();
    let mut read = Vec::new();
    while read.len() < 500 {
        read.extend_from_slice(&stream.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    drop(stream);
    assert!(world.simulator.journal().until(PATIENCE, |calls| calls[0].cancelled()).await, "the provider goes on");
    let (log, _) = world.finish().await;
    let call = log.call(id);
    assert_eq!((call.outcome.outcome, call.outcome.status), (OutcomeKind::ClientCancelled, 200));
    assert!(call.body().starts_with(&read), "every byte that the client got is in the log");
    let usage = call.usage.unwrap();
    assert_eq!(usage.source, UsageSource::Estimated);
    assert!(usage.uncounted.unwrap().output_bytes > 0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_an_outcome() {
    let world = World::start().await;
    let body = json!({"model": "sim-small", "messages": [{"role": "user", "content": "@sim f=30s;"}]}).to_string();
    let asking = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.into());
    let journal = world.simulator.journal().clone();
    tokio::select! {
        _ = asking => panic!("the provider waits"),
        arrived = journal.until(PATIENCE, |calls| !calls.is_empty()) => assert!(arrived),
    }
    assert!(journal.until(PATIENCE, |calls| calls[0].cancelled()).await);
    let (log, _) = world.finish().await;
    assert_eq!((log.outcomes[0].outcome, log.outcomes[0].status), (OutcomeKind::ClientCancelled, 499));
    assert_eq!(log.usage[0].source, UsageSource::Estimated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_leave_no_gap() {
    let world = World::start().await;
    let models = ["sim-small", "sim-large", "sim-fail", "sim-nousage", "sim-truncated", "nope"];
    let asked = (0..120).map(|n| {
        let body = if n % 2 == 0 { hello(models[n % 6]) } else { streamed(models[n % 6]) };
        world.chat(KEY, body)
    });
    let told = futures_util::future::join_all(asked).await;
    let (log, _) = world.finish().await;
    assert_eq!((log.requests.len(), log.outcomes.len()), (120, 120));
    for got in told {
        assert_eq!(log.call(got.id()).body(), got.body);
    }
}

#[tokio::test]
async fn a_call_keeps_the_snapshot_that_it_began_with() {
    let world = World::start().await;
    let before = world.policy.load().version.clone();
    let body =
        json!({"model": "sim-small", "stream": true, "messages": [{"role": "user", "content": "@sim c=20 d=10ms;"}]});
    let open = world.send(Method::POST, "/v1/chat/completions", Some(KEY), body.to_string().into()).await;
    world.policy.store(support::policy(&world.simulator, "[guardrails]\nmin_score = 0.9\n"));
    let second = world.chat(KEY, hello("sim-small")).await;
    let id = open.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    open.into_body().collect().await.unwrap();
    let (log, _) = world.finish().await;
    let first = log.call(id);
    assert_eq!(first.request.header.policy_version, before);
    assert!(first.chunks.iter().all(|chunk| chunk.header.policy_version == before));
    assert_eq!(first.outcome.header.policy_version, before);
    assert_ne!(log.call(second.id()).request.header.policy_version, before);
}

#[tokio::test]
async fn a_key_sees_and_uses_only_its_models() {
    let world = World::start().await;
    let names = |got: &support::Got| -> Vec<String> {
        got.json()["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = world.ask(Method::GET, "/v1/models", Some(KEY), Bytes::new()).await;
    assert!(names(&all).contains(&"sim-echo".to_owned()));
    let few = world.ask(Method::GET, "/v1/models", Some(support::BUDGETED), Bytes::new()).await;
    assert_eq!(names(&few), ["sim-slow", "sim-small"]);
    assert_eq!(world.get("/v1/models").await.status, 401);
    let one = world.ask(Method::GET, "/v1/models/sim-echo", Some(support::BUDGETED), Bytes::new()).await;
    assert_eq!(one.code(), "model_not_found");
    let got = world.chat(support::BUDGETED, hello("sim-echo")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "model_not_found"));
}

#[tokio::test]
async fn what_is_not_served_is_refused_in_the_dialect() {
    let world = World::start().await;
    for path in ["/", "/v1", "/v1/embeddings", "/v1/chat/completions/", "/admin", "/v1/models/../keys"] {
        let got = world.get(path).await;
        assert_eq!(got.json()["error"]["type"], "invalid_request_error", "{path}");
        assert!([401, 404].contains(&got.status.as_u16()), "{path}");
    }
    assert_eq!(world.get("/v1/chat/completions").await.status, 405);
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/readyz").await.status, 200);
    let schema = world.get("/schemas/ids/2").await;
    assert!(schema.json()["schema"].as_str().unwrap().contains("\"Chunk\""));
    let subjects = world.get("/subjects").await.json();
    assert!(subjects.as_array().unwrap().contains(&json!("weir.chunks-value")));
    until("metrics", async || world.get("/metrics").await.text().contains("weir_ingress_in_flight 0")).await;
}
