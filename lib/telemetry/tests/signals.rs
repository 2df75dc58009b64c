//! A process under signals: the first drains, the second ends it at once.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests may")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use weir_telemetry::{Drain, drain};

/// Not a test: what the tests start as a process of its own. It never finishes what it has.
#[test]
#[ignore = "runs as a child of the other tests"]
fn child() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let drain = Drain::new();
        drain.on_signals().unwrap();
        drain.spawn(std::future::pending::<()>());
        say("ready");
        drain.triggered().await;
        say("draining");
        drain.wait().await;
        say("never");
    });
}

/// Past the harness, which keeps what tests print.
fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{word}").unwrap();
    out.flush().unwrap();
}

fn start() -> (Child, impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let wait_for =
        move |word: &str| assert!(lines.any(|line| line.unwrap() == word), "the child ended before `{word}`");
    (child, wait_for)
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

#[test]
fn the_first_signal_drains_and_the_second_ends_the_process_at_once() {
    for (first, second) in [("INT", "INT"), ("TERM", "INT"), ("INT", "TERM")] {
        let (mut child, mut wait_for) = start();
        wait_for("ready");
        signal(&child, first);
        wait_for("draining");
        assert!(child.try_wait().unwrap().is_none(), "it still has a task");
        signal(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(drain::EXIT_INTERRUPTED));
    }
}
