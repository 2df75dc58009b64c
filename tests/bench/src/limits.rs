//! Bounds that keep a benchmark harmless.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use http::Uri;

/// Longest run, warm-up and time-outs included.
pub const MAX_RUN: Duration = Duration::from_secs(600);
/// Most connections at once.
pub const MAX_CONNECTIONS: usize = 10_000;
/// A server of ours ends by itself after this, however it was forgotten.
pub const MAX_LIFE: Duration = Duration::from_secs(3600);

/// The address of a base URL such as `http://127.0.0.1:9100/v1`, and its path. Anything but plain HTTP to loopback is refused.
pub fn loopback(url: &str) -> anyhow::Result<(SocketAddr, String)> {
    let uri: Uri = url.parse().with_context(|| format!("`{url}` is not a URL"))?;
    if uri.scheme_str() != Some("http") {
        bail!("`{url}`: only plain http is measured");
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let ip: IpAddr = if host == "localhost" { IpAddr::from([127, 0, 0, 1]) } else { parse_ip(host, url)? };
    let addr = SocketAddr::new(ip, uri.port_u16().unwrap_or(80));
    only_loopback(addr)?;
    Ok((addr, uri.path().trim_end_matches('/').to_owned()))
}

fn parse_ip(host: &str, url: &str) -> anyhow::Result<IpAddr> {
    host.parse().with_context(|| format!("`{url}`: name the loopback address itself, such as 127.0.0.1"))
}

pub fn only_loopback(addr: SocketAddr) -> anyhow::Result<()> {
    if !addr.ip().is_loopback() {
        bail!("{addr} is not a loopback address: nothing else is measured or served");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_over_plain_http_is_a_target() {
        let (addr, path) = loopback("http://127.0.0.1:9100/v1/").unwrap();
        assert_eq!((addr.to_string().as_str(), path.as_str()), ("127.0.0.1:9100", "/v1"));
        assert_eq!(loopback("http://[::1]:80").unwrap().0.port(), 80);
        assert_eq!(loopback("http://localhost:81/v1").unwrap().0.to_string(), "127.0.0.1:81");
        for url in
            ["http://10.0.0.1/v1", "http://192.168.1.1", "http://example.com", "https://127.0.0.1", "127.0.0.1", "x y"]
        {
            assert!(loopback(url).is_err(), "{url}");
        }
    }
}
