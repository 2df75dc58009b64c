//! Starting stages, watching them, and stopping them in the order of the log.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use weir_processors::Kind;

use crate::app::App;

/// The stages that run in this process.
#[derive(Default)]
pub(crate) struct Stages {
    ingress: Option<weir_ingress::Handle>,
    processors: Vec<weir_processors::Handle>,
    sink: Option<weir_sinks::Handle>,
}

impl Stages {
    pub(crate) async fn add_ingress(&mut self, app: &App) -> anyhow::Result<std::net::SocketAddr> {
        let deps = weir_ingress::Deps {
            config: app.config.ingress.clone(),
            outbox_dir: app.place.data.join("ingress"),
            outbox: app.config.outbox.clone(),
            policy: app.policy.clone(),
            bus: app.bus.clone(),
            codec: app.codec.clone(),
            topic_prefix: app.config.log.topic_prefix.clone(),
            detector: app.detector.clone(),
            metrics: app.metrics.clone(),
        };
        let handle = weir_ingress::start(deps).await.context("start the ingress")?;
        let addr = handle.local_addr();
        self.ingress = Some(handle);
        Ok(addr)
    }

    pub(crate) fn add_processor(&mut self, app: &App, kind: Kind) -> anyhow::Result<()> {
        let deps = weir_processors::Deps {
            bus: app.bus.clone(),
            codec: app.codec.clone(),
            topic_prefix: app.config.log.topic_prefix.clone(),
            policy: app.policy.clone(),
            detector: app.detector.clone(),
            // Two of a kind on one machine, and one after the other, must be told apart.
            instance: format!("{kind}-{}", uuid::Uuid::now_v7()),
            metrics: weir_processors::Metrics::new(app.metrics.registry())?,
        };
        self.processors.push(weir_processors::start(kind, deps));
        Ok(())
    }

    pub(crate) async fn add_sink(&mut self, app: &App) -> anyhow::Result<()> {
        let audit = &app.config.audit;
        let deps = weir_sinks::Deps {
            bus: app.bus.clone(),
            codec: app.codec.clone(),
            topic_prefix: app.config.log.topic_prefix.clone(),
            lake: weir_sinks::Lake::local(app.place.audit_dir(&app.config))?,
            metrics: app.metrics.clone(),
            schemas: app.registry.clone().map(|registry| registry as Arc<dyn weir_sinks::SchemaSource>),
            flush: weir_sinks::Flush {
                interval: audit.flush_interval,
                rows: audit.flush_rows,
                bytes: audit.flush_bytes,
            },
        };
        self.sink = Some(weir_sinks::start(deps).await.context("start the sink")?);
        Ok(())
    }

    /// Waits for a stage to fail for good.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let ingress = async {
            match &mut self.ingress {
                Some(handle) => anyhow::Error::new(handle.failed().await).context("the ingress failed"),
                None => std::future::pending().await,
            }
        };
        let processors = async {
            let all: Vec<_> =
                self.processors.iter().map(|p| Box::pin(async { (p.kind(), p.failed().await) })).collect();
            if all.is_empty() {
                return std::future::pending().await;
            }
            let ((kind, error), ..) = futures_util::future::select_all(all).await;
            anyhow::Error::new(error).context(format!("the processor {kind} failed"))
        };
        let sink = async {
            match &mut self.sink {
                Some(handle) => anyhow::Error::new(handle.failed().await).context("the sink failed"),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = ingress => error,
            error = processors => error,
            error = sink => error,
        }
    }

    /// Stops in the order in which events flow, so that each stage sees what the one before it wrote last. One that fails
    /// does not keep the next from ending well; the first failure is told.
    pub(crate) async fn drain(self) -> anyhow::Result<()> {
        let mut drained = Ok(());
        if let Some(ingress) = self.ingress {
            drained = ingress.drain().await.context("drain the ingress");
        }
        for processor in self.processors {
            let kind = processor.kind();
            let ended = processor.drain().await.with_context(|| format!("drain the processor {kind}"));
            drained = drained.and(ended);
        }
        if let Some(sink) = self.sink {
            drained = drained.and(sink.drain().await.context("drain the sink"));
        }
        drained
    }
}

/// Runs until the drain signal or a failure, then stops everything in order.
pub(crate) async fn run_until_drained(app: &App, mut stages: Stages) -> anyhow::Result<()> {
    /// Past this a stage hangs; what it had not done is in the log or the outbox, and the next start goes on from there.
    const GRACE: Duration = Duration::from_secs(60);
    let failure = tokio::select! {
        () = app.drain.triggered() => None,
        error = stages.failed() => Some(error),
    };
    app.drain.trigger();
    let drained = tokio::time::timeout(GRACE, stages.drain()).await;
    if let Some(failure) = failure {
        return Err(failure);
    }
    drained.context("draining took too long; what is left is in the log and goes on at the next start")?
}
