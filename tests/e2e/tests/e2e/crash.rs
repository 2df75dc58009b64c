//! kill -9 of each process in turn under load, and a restart: afterwards nothing is missing and nothing doubled.

use std::time::Duration;

use futures_util::StreamExt;

use crate::audit;
use crate::client::Received;
use crate::cluster::{Cluster, Log, can_run};
use crate::pipeline::SETTLE;

const REQUESTS: usize = 160;

#[tokio::test(flavor = "multi_thread")]
async fn p1_p2_hold_over_kill_9_of_the_whole_process_on_the_embedded_log() {
    let mut cluster = Cluster::start(Log::Embedded).await;
    killed_in_turn(&mut cluster, &["up", "up", "up"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_p2_hold_over_kill_9_of_each_stage_on_kafka() {
    if !can_run(Log::Kafka) {
        return;
    }
    let mut cluster = Cluster::start(Log::Kafka).await;
    let names = cluster.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    killed_in_turn(&mut cluster, &names).await;
}

async fn killed_in_turn(cluster: &mut Cluster, victims: &[&str]) {
    let clients = cluster.clients();
    let load = tokio::spawn(async move {
        futures_util::stream::iter(0..REQUESTS)
            .map(|i| {
                let client = clients[i % clients.len()].clone();
                async move {
                    // Refused connections of a dead gateway end at once: the pause keeps load on until it is back.
                    let nonce = format!("k{i}");
                    let mut received = client.chat("sim-small", &nonce, i % 4 != 0, 12, 20).await;
                    if received.status.is_none() {
                        tokio::time::sleep(Duration::from_millis(400)).await;
                        received = client.chat("sim-small", &nonce, i % 4 != 0, 12, 20).await;
                    }
                    received
                }
            })
            .buffer_unordered(6)
            .collect::<Vec<Received>>()
            .await
    });
    for name in victims {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cluster.kill(name);
        tokio::task::block_in_place(|| cluster.start_again(name));
    }
    let received = load.await.unwrap();
    let whole = received.iter().filter(|r| r.whole && r.status == Some(200)).count();
    assert!(whole >= REQUESTS / 4, "only {whole} of {REQUESTS} calls went through: this was no load");

    // The log decides how many requests there were: some that a kill cut off reached it without their client knowing.
    let known = received.iter().filter(|r| r.request_id.is_some()).count();
    tokio::task::block_in_place(|| {
        audit::await_quiet(cluster.data(), known, 2 * SETTLE);
        audit::holds_what_clients_received(cluster.data(), &received);
        let crashed = "SELECT count(*) AS n FROM outcomes WHERE outcome = 'internal' AND error_code = 'crashed'";
        assert!(audit::number(cluster.data(), crashed) > 0, "no kill cut off a request: this proved little");
    });
}
