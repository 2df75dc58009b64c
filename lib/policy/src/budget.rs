use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use weir_pricing::PriceTable;
use weir_quota::WindowKind;
use weir_schemas::{BudgetId, KeyId, Money, TeamId, Timestamp};

use crate::key::{Keys, ReadKey, Teams, read_team};
use crate::model::Models;
use crate::reader::{Report, Section, Value, closest, did_you_mean};

/// What a team or a key may spend in each window: never more (P3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub id: BudgetId,
    pub scope: Scope,
    pub limit: Money,
    pub window: WindowKind,
}

/// Whose spend counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Team(TeamId),
    Key(KeyId),
}

impl Budget {
    /// As a grantor and a holder know it.
    pub fn to_quota(&self) -> weir_quota::Budget {
        weir_quota::Budget { id: self.id.clone(), limit: self.limit, window: self.window }
    }
}

/// A budget with its place.
pub(crate) struct ReadBudget {
    pub(crate) budget: Arc<Budget>,
    span: Range<usize>,
    path: String,
}

/// Reads the budgets and gives each key its own, in the order in which they are reserved: the team's, then the key's.
pub(crate) fn read_all(
    sections: Vec<Section<'_, '_>>,
    teams: &Teams,
    keys: &mut Keys,
    report: &mut Report,
) -> Vec<ReadBudget> {
    let mut ids = HashSet::new();
    let mut budgets = Vec::new();
    for section in sections {
        if let Some(read) = read(section, teams, &keys.ids, &mut ids, report) {
            budgets.push(read);
        }
    }
    let mut of_team: HashMap<&TeamId, Vec<&Arc<Budget>>> = HashMap::new();
    let mut of_key: HashMap<&KeyId, Vec<&Arc<Budget>>> = HashMap::new();
    for ReadBudget { budget, .. } in &budgets {
        match &budget.scope {
            Scope::Team(team) => of_team.entry(team).or_default().push(budget),
            Scope::Key(key) => of_key.entry(key).or_default().push(budget),
        }
    }
    for ReadKey { key, .. } in &mut keys.read {
        let both = [of_team.get(&key.team), of_key.get(&key.id)];
        key.budgets = both.into_iter().flatten().flatten().map(|budget| Arc::clone(budget)).collect();
    }
    budgets
}

fn read(
    mut section: Section<'_, '_>,
    teams: &Teams,
    keys: &BTreeSet<String>,
    ids: &mut HashSet<String>,
    report: &mut Report,
) -> Option<ReadBudget> {
    let id = section.need("id", report).and_then(|value| {
        let id = value.name(report)?;
        if ids.insert(id.to_owned()) { Some(id) } else { value.wrong(report, "another budget has this id") }
    });
    let (team, key) = (section.get("team"), section.get("key"));
    let scope = match (&team, &key) {
        (Some(team), None) => read_team(team, teams, report).map(|(team, _)| Scope::Team(team)),
        (None, Some(key)) => read_key(key, keys, report).map(Scope::Key),
        (Some(_), Some(key)) => key.wrong(report, "a budget is of a team or of a key, not of both"),
        (None, None) => {
            report.absence(&section.span(), section.path(), "a budget is of a `team` or of a `key`: neither is set");
            None
        }
    };
    let limit = section.need("limit_usd", report).and_then(|value| value.dollars(report));
    let kinds = WindowKind::ALL.map(|kind| (kind.as_str(), kind));
    let window = section.need("window", report).and_then(|value| value.choice(&kinds, report));
    let (span, path) = (section.span(), section.path().to_owned());
    section.finish(report);
    let budget = Arc::new(Budget { id: id?.into(), scope: scope?, limit: limit?, window: window? });
    Some(ReadBudget { budget, span, path })
}

fn read_key(value: &Value<'_, '_>, keys: &BTreeSet<String>, report: &mut Report) -> Option<KeyId> {
    let id = value.text(report)?;
    if !keys.contains(id) {
        let close = did_you_mean(closest(id, keys.iter().map(String::as_str)));
        return value.dangling(report, &format!("no key has this id{close}"));
    }
    Some(id.into())
}

/// A budget bounds only what has a price: a model without one could never be called by its keys.
pub(crate) fn check_prices(
    budgets: &[ReadBudget],
    keys: &Keys,
    models: &Models,
    prices: &PriceTable,
    now: Timestamp,
    report: &mut Report,
) {
    if budgets.is_empty() {
        return;
    }
    let unpriced: Vec<&str> = models
        .by_name
        .iter()
        .filter(|(_, model)| !model.free && model.priced_as(prices, now).is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    for ReadKey { key, models: named, .. } in &keys.read {
        let Some(budget) = key.budgets.first() else { continue };
        let what = |model: &str| {
            let remedy = "price it, set `free = true`, or leave it out of the key's `models`";
            format!("model `{model}` has no price, so budget `{}` lets nobody call it: {remedy}", budget.id)
        };
        for (model, span, path) in named.iter().filter(|(model, ..)| unpriced.contains(&model.as_str())) {
            report.absence(span, path, &what(model));
        }
        if named.is_empty() {
            let Some(place) = budgets.iter().find(|read| read.budget.id == budget.id) else { continue };
            for model in &unpriced {
                report.absence(&place.span, &place.path, &what(model));
            }
        }
    }
}
