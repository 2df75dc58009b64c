//! What `up` adds where the configuration is silent: a simulated provider, and a key to call it with.

use anyhow::Context;
use weir_simulator::{Options, Simulator};

use crate::commands::key;

/// Models of the simulated provider. `sim-fail` and its like are there to try failures.
const MODELS: [&str; 10] = [
    "sim-small",
    "sim-large",
    "sim-slow",
    "sim-echo",
    "sim-nousage",
    "sim-fail",
    "sim-overloaded",
    "sim-broken",
    "sim-truncated",
    "sim-garbage",
];

/// Priced by the table that ships; the others cost nothing.
const PRICED: [&str; 2] = ["sim-small", "sim-large"];

/// Starts the simulated provider on a free loopback port.
pub(crate) async fn start() -> anyhow::Result<Simulator> {
    let any = ([127, 0, 0, 1], 0).into();
    Simulator::start(any, Options::default()).await.context("start the simulated provider")
}

/// The configuration that names it.
pub(crate) fn provider_config(simulator: &Simulator) -> String {
    let mut text = format!("\n[[providers]]\nname = \"simulated\"\nbase_url = \"http://{}/v1\"\n", simulator.addr());
    for model in MODELS {
        let free = if PRICED.contains(&model) { "" } else { "free = true\n" };
        text += &format!("\n[[models]]\nname = \"{model}\"\nprovider = \"simulated\"\n{free}");
    }
    text
}

/// The configuration that allows one key.
pub(crate) fn key_config(plain: &str) -> String {
    format!(
        "\n[[teams]]\nname = \"local\"\n\n[[keys]]\nid = \"local\"\nteam = \"local\"\nsha256 = \"{}\"\n",
        key::digest(plain)
    )
}
