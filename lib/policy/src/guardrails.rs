use std::collections::BTreeMap;

use weir_detect::{ACT_SCORE, Category, Detector};
use weir_schemas::event::Action;

use crate::reader::{Report, Section, closest, did_you_mean};

/// What nobody thought of does not leave in the clear.
const DEFAULT: Action = Action::Redact;
const ACTIONS: [Action; 4] = [Action::Allow, Action::Flag, Action::Redact, Action::Block];
const CATEGORIES: [Category; 5] =
    [Category::Pii, Category::Secret, Category::Code, Category::PromptAttack, Category::Custom];

/// What to do about a finding: by kind, else by category, else `default`.
#[derive(Clone, Debug)]
pub struct Guardrails {
    pub default: Action,
    pub by_category: BTreeMap<String, Action>,
    pub by_kind: BTreeMap<String, Action>,
    pub min_score: f64,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self { default: DEFAULT, by_category: BTreeMap::new(), by_kind: BTreeMap::new(), min_score: ACT_SCORE }
    }
}

impl Guardrails {
    /// What a finding of this kind and score leads to. Below `min_score` it is let through.
    pub fn action(&self, category: &str, kind: &str, score: f64) -> Action {
        if score < self.min_score {
            return Action::Allow;
        }
        self.by_kind.get(kind).or_else(|| self.by_category.get(category)).copied().unwrap_or(self.default)
    }

    pub(crate) fn read(mut section: Section<'_, '_>, report: &mut Report) -> Self {
        let choices = ACTIONS.map(|action| (action.as_str(), action));
        let mut guardrails = Self::default();
        if let Some(default) = section.get("default").and_then(|value| value.choice(&choices, report)) {
            guardrails.default = default;
        }
        if let Some(score) = section.get("min_score").and_then(|value| value.share(report)) {
            guardrails.min_score = score;
        }
        let categories = section.section("categories", report);
        guardrails.by_category = read_actions(&categories, "category", &CATEGORIES.map(Category::as_str), report);
        let kinds = section.section("kinds", report);
        if !kinds.entries().is_empty() {
            let known: Vec<&str> = Detector::builtin().kinds().map(|(kind, _)| kind).collect();
            guardrails.by_kind = read_actions(&kinds, "kind", &known, report);
        }
        section.finish(report);
        guardrails
    }
}

fn read_actions(table: &Section<'_, '_>, what: &str, known: &[&str], report: &mut Report) -> BTreeMap<String, Action> {
    let choices = ACTIONS.map(|action| (action.as_str(), action));
    let mut actions = BTreeMap::new();
    for (name, span, value) in table.entries() {
        if !known.contains(&name) {
            let close = did_you_mean(closest(name, known.iter().copied()));
            report.add(&span, value.path(), &format!("no recognizer finds this {what}{close}"));
        }
        if let Some(action) = value.choice(&choices, report) {
            actions.insert(name.to_owned(), action);
        }
    }
    actions
}
