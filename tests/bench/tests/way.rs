//! The whole way: load, bare proxy, simulated provider.
#![allow(clippy::unwrap_used, reason = "tests may")]

use std::time::Duration;

use tokio::net::TcpListener;
use weir_bench::floor::Floor;
use weir_bench::load::{self, Job, Length, Target};
use weir_bench::verify::Usage;
use weir_simulator::{How, Options, Simulator};

fn job(stream: bool) -> Job {
    Job {
        connections: 4,
        length: Length::Requests(40),
        stream,
        chunks: 7,
        delay: Duration::ZERO,
        rate: None,
        warmup: Duration::ZERO,
        timeout: Duration::from_secs(20),
        settle: Duration::ZERO,
    }
}

fn target(url: String, model: &str) -> Target {
    Target {
        url,
        key: Some("sk-right".into()),
        model: model.into(),
        pid: Some(std::process::id()),
        usage: Usage::Required,
        any_cut: false,
    }
}

async fn provider() -> Simulator {
    let options = Options { api_key: Some("sk-right".into()), ..Options::default() };
    Simulator::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap()
}

async fn floor(simulator: &Simulator, parse: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(Floor::new(simulator.addr(), parse).unwrap().serve(listener));
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_comes_whole_through_the_bare_proxy() {
    let simulator = provider().await;
    for parse in [false, true] {
        let url = floor(&simulator, parse).await;
        for stream in [false, true] {
            let report = load::run(&target(url.clone(), "sim-small"), &job(stream)).await.unwrap();
            assert_eq!((report.ok, report.faults()), (40, 0), "{:?}", report.first_error);
            assert_eq!(report.chunks, if stream { 280 } else { 40 });
            assert!(report.latency.p50 > 0.0 && report.rss_peak_mb.unwrap() > 1.0);
        }
    }
    let calls = simulator.journal().calls();
    assert_eq!(calls.len(), 160);
    assert!(calls.iter().all(|call| call.end.is_some_and(|end| end.how == How::Complete)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_sends_at_its_rate() {
    let simulator = provider().await;
    let job = Job { rate: Some(200.0), ..job(false) };
    let report = load::run(&target(simulator.base_url(), "sim-small"), &job).await.unwrap();
    assert_eq!(report.ok, 40);
    assert!(report.seconds >= 39.0 / 200.0, "{}", report.seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_no_figures() {
    let simulator = provider().await;
    for (model, stream, kind) in [
        ("sim-nousage", true, "usage"),
        ("sim-truncated", true, "done"),
        ("sim-broken", false, "broken"),
        ("sim-fail", false, "status"),
    ] {
        let target = target(simulator.base_url(), model);
        // Fewer than what makes one connection give up.
        let few = Job { length: Length::Requests(15), ..job(stream) };
        let report = load::run(&target, &few).await.unwrap();
        assert_eq!((report.ok, report.errors[kind], report.latency.max), (0, 15, 0.0), "{model}");
        let hopeless = load::run(&target, &Job { length: Length::Requests(1000), ..job(stream) }).await;
        assert!(hopeless.is_err(), "{model}: a target that never answers right is given up");
    }
    let unchecked = Target { usage: Usage::Ignored, ..target(simulator.base_url(), "sim-nousage") };
    assert_eq!(load::run(&unchecked, &job(true)).await.unwrap().ok, 40);
}

#[tokio::test]
async fn what_is_not_bounded_or_not_loopback_is_refused() {
    let far = target("http://192.0.2.1/v1".into(), "sim-small");
    assert!(load::run(&far, &job(false)).await.is_err());
    let near = target("http://127.0.0.1:9/v1".into(), "sim-small");
    let long = Job { length: Length::For(Duration::from_secs(601)), ..job(false) };
    let wide = Job { connections: 10_001, ..job(false) };
    let still = Job { rate: Some(0.0), ..job(false) };
    for job in [long, wide, still] {
        assert!(load::run(&near, &job).await.is_err());
    }
}
