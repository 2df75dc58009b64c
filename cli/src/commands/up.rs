//! `weir up`: every stage in one process, on the embedded log or a Kafka. Where the configuration names no provider a
//! simulated one answers, and where it names no key one is made, so that the first `curl` works.

use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use weir_policy::Config;
use weir_processors::Kind;
use weir_simulator::Simulator;

use crate::admin::{self, Admin};
use crate::app::{App, Place};
use crate::commands::key;
use crate::connection::Connection;
use crate::simulated;
use crate::stages::{self, Stages};

// `demo` flattens these into its own, and the two groups need names of their own.
#[derive(clap::Args)]
#[group(id = "up")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where clients connect; wins over the configuration.
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where SQL over HTTP is served, for who has the admin key.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) admin_listen: SocketAddr,
}

/// A running `up`.
pub(crate) struct Up {
    pub(crate) app: App,
    pub(crate) stages: Stages,
    pub(crate) connection: Connection,
    simulator: Option<Simulator>,
    admin: Admin,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let up = start(args, "").await?;
    std::io::stdout().lock().write_all(up.welcome().as_bytes())?;
    up.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// Starts everything. `extra` is configuration behind the file's, such as the demo's teams.
pub(crate) async fn start(args: Args, extra: &str) -> anyhow::Result<Up> {
    let place = args.place;
    place.create_data()?;
    let before = Connection::read(&place.data)?;

    let stated = place.load("")?;
    let mut added = String::new();
    let simulator = if stated.policy.providers.is_empty() {
        let simulator = simulated::start().await?;
        added += &simulated::provider_config(&simulator);
        Some(simulator)
    } else {
        None
    };
    let api_key = if stated.policy.keys.is_empty() {
        let plain = before.api_key.unwrap_or_else(key::fresh);
        added += &simulated::key_config(&plain);
        Some(plain)
    } else {
        None
    };
    let mut config: Config = place.load(&format!("{added}\n{extra}"))?;
    if let Some(listen) = args.listen {
        config.ingress.listen = listen;
    }

    let app = App::open(place, config, "up").await?;
    let mut stages = Stages::default();
    let admin_key = before.admin_key.unwrap_or_else(key::fresh);
    // Whoever reads connection.json may stand in another folder.
    let audit_dir = std::path::absolute(app.place.audit_dir(&app.config))?;
    // What may fail for reasons of this machine (a port in use) comes first, before anything runs that has to be stopped.
    let addr = stages.add_ingress(&app).await?;
    stages.add_sink(&app).await?;
    for kind in Kind::ALL {
        stages.add_processor(&app, kind)?;
    }
    let admin = admin::start(args.admin_listen, admin_key.clone(), audit_dir.clone()).await?;
    let connection = Connection {
        base_url: Some(format!("http://{addr}/v1")),
        api_key,
        admin_url: Some(format!("http://{}", admin.addr)),
        admin_key: Some(admin_key),
        audit_dir: Some(audit_dir),
    };
    connection.write(&app.place.data)?;
    Ok(Up { app, stages, connection, simulator, admin })
}

impl Up {
    /// Runs until ctrl-c, SIGTERM or a failure.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let ended = stages::run_until_drained(&self.app, self.stages).await;
        self.admin.stop().await;
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
        ended
    }

    fn admin_url(&self) -> &str {
        self.connection.admin_url.as_deref().unwrap_or_default()
    }

    fn welcome(&self) -> String {
        let base = self.connection.base_url.as_deref().unwrap_or_default();
        let key = self.connection.api_key.as_deref();
        let data = self.app.place.data.display();
        let config = &self.app.config;
        let policy = &config.policy;
        let log = config.log.kafka.clone().map_or_else(|| "embedded".to_owned(), |at| format!("Kafka at {at}"));
        let providers: Vec<&str> = policy.providers.keys().map(String::as_str).collect();
        let simulated = if self.simulator.is_some() { " (the configuration names none)" } else { "" };
        let model = policy.models.keys().find(|m| *m == "sim-small").or(policy.models.keys().next());
        let model = model.map_or("MODEL", String::as_str);

        let mut text = String::from("\nWeir is up.\n\n");
        let mut line = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<11}{value}");
        };
        line("gateway", base);
        line("key", key.unwrap_or("one of those that the configuration names"));
        line("providers", &format!("{}{simulated}", providers.join(", ")));
        line("log", &log);
        line("admin", &format!("{} (POST /sql with the admin_key of connection.json)", self.admin_url()));
        line("metrics", &format!("{}/metrics", base.trim_end_matches("/v1")));
        line("schemas", &format!("{}/subjects", base.trim_end_matches("/v1")));
        line("data", &format!("{data} (connection.json has these lines for programs)"));
        let _ = write!(
            text,
            "\nAsk a model:\n\n  curl {base}/chat/completions -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' \
             -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n\
             \nAsk the audit:\n\n  weir sql --data {data} 'SELECT ts, team, model, outcome, cost_usd FROM audit ORDER BY ts DESC LIMIT 10'\n\
             \nctrl-c stops it; the next start goes on from here.\n",
            key.unwrap_or("KEY"),
        );
        text
    }
}
