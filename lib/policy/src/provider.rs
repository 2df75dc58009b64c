use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use crate::Secret;
use crate::config::Around;
use crate::reader::{Report, Section, Value};

/// A provider that takes longer to accept a connection is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A plain answer's headers come when all of it is made, and models think for minutes.
const HEADER_TIMEOUT: Duration = Duration::from_secs(300);
/// Silence inside a stream: reasoning models pause, but seldom so long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Where requests go. Its key is sent to this origin and nowhere else.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: String,
    /// Without a slash at its end: `https://api.openai.com/v1`.
    pub base_url: String,
    pub api_key: Option<Secret>,
    pub connect_timeout: Duration,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
}

/// By name. A provider with a name is here however wrong the rest is: a model that refers to it has no mistake.
pub(crate) type Providers = BTreeMap<String, Arc<Provider>>;

pub(crate) fn read_all(sections: Vec<Section<'_, '_>>, around: &Around<'_>, report: &mut Report) -> Providers {
    let mut providers = Providers::new();
    for section in sections {
        let Some((provider, value)) = read(section, around, report) else { continue };
        if providers.contains_key(&provider.name) {
            value.wrong::<()>(report, "another provider has this name");
            continue;
        }
        providers.insert(provider.name.clone(), Arc::new(provider));
    }
    providers
}

fn read<'t, 'i>(
    mut section: Section<'t, 'i>,
    around: &Around<'_>,
    report: &mut Report,
) -> Option<(Provider, Value<'t, 'i>)> {
    let named = section.need("name", report);
    let name = named.as_ref().and_then(|value| {
        let name = value.name(report)?;
        // It stands before the slash of `PROVIDER/MODEL`.
        if name.contains('/') { value.wrong(report, "must not have a slash") } else { Some(name.to_owned()) }
    });
    let plain = section.get("allow_plain_http").and_then(|value| value.boolean(report)).unwrap_or(false);
    let base_url = section.need("base_url", report).and_then(|value| origin(&value, plain, report)).unwrap_or_default();
    let api_key = read_key(&mut section, around, report);
    let seconds = |from, to| Duration::from_millis(from)..=Duration::from_secs(to);
    let mut timeout =
        |key, default| section.get(key).and_then(|value| value.duration(seconds(10, 3_600), report)).unwrap_or(default);
    let connect_timeout = timeout("connect_timeout", CONNECT_TIMEOUT);
    let header_timeout = timeout("header_timeout", HEADER_TIMEOUT);
    let idle_timeout = timeout("idle_timeout", IDLE_TIMEOUT);
    section.finish(report);
    Some((Provider { name: name?, base_url, api_key, connect_timeout, header_timeout, idle_timeout }, named?))
}

fn read_key(section: &mut Section<'_, '_>, around: &Around<'_>, report: &mut Report) -> Option<Secret> {
    let (env, file) = (section.get("api_key_env"), section.get("api_key_file"));
    if let (Some(_), Some(file)) = (&env, &file) {
        return file.wrong(report, "give api_key_env or api_key_file, not both");
    }
    if let Some(key) = section.get("api_key") {
        return key.wrong(report, "a key does not stand in a configuration: name its api_key_env or api_key_file");
    }
    let (value, text) = match (env, file) {
        (Some(env), _) => {
            let text = (around.env)(env.text(report)?);
            let text = text.or_else(|| env.wrong(report, "no such environment variable"))?;
            (env, text)
        }
        (None, Some(file)) => match (around.read)(file.text(report)?) {
            Ok(text) => (file, text),
            Err(error) => return file.wrong(report, &format!("cannot be read: {}", error.kind())),
        },
        (None, None) => return None,
    };
    let key = text.trim();
    if key.is_empty() {
        return value.wrong(report, "the key is empty");
    }
    // What a header can carry. The key itself is not shown.
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return value.wrong(report, "the key has a space, a line break or a character that is not ASCII in it");
    }
    Some(Secret(key.into()))
}

/// A URL to which paths are appended: https, or http to this machine alone, unless `allow_plain`.
pub(crate) fn origin(value: &Value<'_, '_>, allow_plain: bool, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    if text.contains(char::is_whitespace) || text.contains('\\') {
        return value.wrong(report, "a URL has no white space or backslash");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return value.wrong(report, &format!("no URL: {error}")),
    };
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_plain || loopback => {}
        "http" => {
            return value
                .wrong(report, "http would send the key in the clear: use https, or set allow_plain_http = true");
        }
        _ => return value.wrong(report, "must begin with https:// (or http:// for this machine)"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return value.wrong(report, "must not hold a user or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return value.wrong(report, "must not have a query or a fragment: paths are appended to it");
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}
