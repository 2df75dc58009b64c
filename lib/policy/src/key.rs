use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use weir_schemas::{KeyId, ProjectId, TeamId, TenantId};

use crate::Budget;
use crate::model::Models;
use crate::reader::{Report, Section, Value, closest, did_you_mean};

/// The tenant of teams that name none.
const TENANT: &str = "default";

/// What a client presents, and whose it is.
#[derive(Clone, Debug)]
pub struct VirtualKey {
    pub id: KeyId,
    pub tenant: TenantId,
    pub team: TeamId,
    pub project: Option<ProjectId>,
    pub app: Option<String>,
    /// model names, or empty for all
    pub models: Vec<String>,
    /// in reservation order: team, then key
    pub budgets: Vec<Arc<Budget>>,
}

impl VirtualKey {
    /// Whether it may call the model.
    pub fn allows(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|allowed| allowed == model)
    }
}

/// Team to tenant.
pub(crate) type Teams = BTreeMap<String, TenantId>;

#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) read: Vec<ReadKey>,
    /// Those with mistakes too: who refers to one of them has made none.
    pub(crate) ids: BTreeSet<String>,
}

/// A key with what only the reading needs.
pub(crate) struct ReadKey {
    pub(crate) key: VirtualKey,
    pub(crate) digest: [u8; 32],
    /// Where its models are named, each.
    pub(crate) models: Vec<(String, Range<usize>, String)>,
}

pub(crate) fn read_teams(sections: Vec<Section<'_, '_>>, report: &mut Report) -> Teams {
    let mut teams = Teams::new();
    for mut section in sections {
        let named = section.need("name", report);
        let name = named.as_ref().and_then(|value| value.name(report));
        let tenant = section.get("tenant").and_then(|value| value.name(report)).unwrap_or(TENANT);
        section.finish(report);
        if let (Some(named), Some(name)) = (named, name)
            && teams.insert(name.into(), TenantId::from(tenant)).is_some()
        {
            named.wrong::<()>(report, "another team has this name");
        }
    }
    teams
}

pub(crate) fn read_all(sections: Vec<Section<'_, '_>>, teams: &Teams, models: &Models, report: &mut Report) -> Keys {
    let mut keys = Keys::default();
    let mut digests: HashMap<[u8; 32], String> = HashMap::new();
    for mut section in sections {
        let id = section.need("id", report).and_then(|value| {
            let id = value.name(report)?;
            if keys.ids.insert(id.to_owned()) { Some(id) } else { value.wrong(report, "another key has this id") }
        });
        let digest = section.need("sha256", report).and_then(|value| {
            let digest = read_digest(&value, report)?;
            let path = value.path().rsplit_once('.').map_or("", |(key, _)| key).to_owned();
            match digests.insert(digest, path) {
                Some(other) => value.wrong(report, &format!("{other} is the same key")),
                None => Some(digest),
            }
        });
        let team = section.need("team", report).and_then(|value| read_team(&value, teams, report));
        let project = section.get("project").and_then(|value| value.name(report)).map(ProjectId::from);
        let app = section.get("app").and_then(|value| value.name(report)).map(str::to_owned);
        let allowed = read_models(section.get("models"), models, report);
        section.finish(report);

        let (Some(id), Some(digest), Some((team, tenant))) = (id, digest, team) else { continue };
        let names = allowed.iter().map(|(name, ..)| name.clone()).collect();
        let key = VirtualKey { id: id.into(), tenant, team, project, app, models: names, budgets: Vec::new() };
        keys.read.push(ReadKey { key, digest, models: allowed });
    }
    keys
}

pub(crate) fn read_team(value: &Value<'_, '_>, teams: &Teams, report: &mut Report) -> Option<(TeamId, TenantId)> {
    let name = value.text(report)?;
    let Some(tenant) = teams.get(name) else {
        let close = did_you_mean(closest(name, teams.keys().map(String::as_str)));
        return value.dangling(report, &format!("no team has this name{close}"));
    };
    Some((name.into(), tenant.clone()))
}

fn read_digest(value: &Value<'_, '_>, report: &mut Report) -> Option<[u8; 32]> {
    let text = value.text(report)?;
    let mut digest = [0; 32];
    if hex::decode_to_slice(text, &mut digest).is_err() {
        // What stands there may be the key itself: it is not repeated.
        return value.wrong(report, "expected the SHA-256 of the key, 64 hexadecimal digits");
    }
    Some(digest)
}

/// The models that a key names, each with its place and path.
fn read_models(
    value: Option<Value<'_, '_>>,
    models: &Models,
    report: &mut Report,
) -> Vec<(String, Range<usize>, String)> {
    let Some(value) = value else { return Vec::new() };
    let names = value.list(report);
    if names.is_empty() {
        // An empty list reads like "none" and would mean "all".
        value.wrong::<()>(report, "names no model; leave it out to allow all");
    }
    let known = |value: Value<'_, '_>| {
        let name = value.text(report)?;
        if !models.named.contains(name) {
            let close = did_you_mean(closest(name, models.named.iter().map(String::as_str)));
            return value.dangling(report, &format!("no model has this name{close}"));
        }
        Some((name.to_owned(), value.span(), value.path().to_owned()))
    };
    names.into_iter().filter_map(known).collect()
}
