use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::reader::{Report, Section};

/// Loopback: that the network reaches a gateway with provider keys is somebody's decision.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// A request is one event, and an event has to fit into one record of the log with all that stands beside the body.
const MAX_BODY_BYTES: usize = 1_792 << 10;
/// A client on a bad line sends its headers in this; one that dribbles them to hold a connection does not.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Within the 30 s that container platforms give a process to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);
/// Each costs some 100 KiB at rest and a body at worst: 1,024 stay within a few GiB.
const MAX_IN_FLIGHT: usize = 1_024;
/// Many trips over the log, and still less than a client's patience.
const LEASE_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct IngressConfig {
    pub listen: SocketAddr,
    /// Unique per ingress process of an installation; `None`: made on the first start and kept in the data folder.
    pub id: Option<String>,
    pub max_body_bytes: usize,
    pub header_timeout: Duration,
    pub drain_timeout: Duration,
    pub max_in_flight: usize,
    /// How long a request may wait for a lease of a budget that this ingress holds nothing of.
    pub lease_wait: Duration,
}

impl Default for IngressConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            id: None,
            max_body_bytes: MAX_BODY_BYTES,
            header_timeout: HEADER_TIMEOUT,
            drain_timeout: DRAIN_TIMEOUT,
            max_in_flight: MAX_IN_FLIGHT,
            lease_wait: LEASE_WAIT,
        }
    }
}

impl IngressConfig {
    pub(crate) fn read(mut section: Section<'_, '_>, report: &mut Report) -> Self {
        let seconds = Duration::from_secs;
        let mut config = Self::default();
        if let Some(value) = section.get("listen")
            && let Some(text) = value.text(report)
        {
            match text.parse() {
                Ok(listen) => config.listen = listen,
                Err(_) => {
                    report.add(
                        &value.span(),
                        value.path(),
                        "expected IP:PORT, such as \"127.0.0.1:8080\" or \"[::]:8080\"",
                    );
                }
            }
        }
        config.id = section.get("id").and_then(|v| v.name(report)).map(str::to_owned);
        // The log takes records of some megabytes; a body is one record.
        if let Some(size) = section.get("max_body_bytes").and_then(|v| v.size(1_024..=1_792 << 10, report)) {
            config.max_body_bytes = usize::try_from(size).unwrap_or(usize::MAX);
        }
        if let Some(timeout) = section.get("header_timeout").and_then(|v| v.duration(seconds(1)..=seconds(300), report))
        {
            config.header_timeout = timeout;
        }
        if let Some(timeout) =
            section.get("drain_timeout").and_then(|v| v.duration(seconds(0)..=seconds(3_600), report))
        {
            config.drain_timeout = timeout;
        }
        if let Some(most) = section.get("max_in_flight").and_then(|v| v.integer(1..=1_000_000, report)) {
            config.max_in_flight = usize::try_from(most).unwrap_or(usize::MAX);
        }
        if let Some(wait) = section.get("lease_wait").and_then(|v| v.duration(seconds(0)..=seconds(60), report)) {
            config.lease_wait = wait;
        }
        section.finish(report);
        config
    }
}
