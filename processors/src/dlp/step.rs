//! One request in, what is in it out; and how findings are told. Pure.

use std::collections::BTreeMap;

use weir_detect::{Detector, Match};
use weir_policy::Guardrails;
use weir_schemas::event::{Action, Direction, Finding, InlineFinding, SeenBy};
use weir_schemas::{FindingsFound, Header, Request, Topic};

use super::request;

/// No recognizer's match is shorter: shorter member names are not scanned.
const SHORTEST_MATCH: usize = 7;

/// What was found in a request; `None` where nothing was.
pub(super) fn of_request(request: &Request, detector: &Detector, guardrails: &Guardrails) -> Option<FindingsFound> {
    let mut findings: Vec<Finding> = request.findings.iter().map(inline).collect();
    let mut told = Told::default();
    told.add(&request.findings);
    let is_safe = |name: &str| name.len() < SHORTEST_MATCH || detector.scan(name).is_empty();
    request::strings(&request.body, &is_safe, &mut |field, text| {
        let matches = detector.scan(text);
        findings.extend(matches.iter().filter_map(|found| told.news(found, field, guardrails)));
    });
    event(&request.header, Topic::Requests, findings)
}

/// The event of what was found in the event of `header`; none where nothing was.
pub(super) fn event(header: &Header, source: Topic, findings: Vec<Finding>) -> Option<FindingsFound> {
    if findings.is_empty() {
        return None;
    }
    let direction = if source == Topic::Requests { Direction::Prompt } else { Direction::Completion };
    Some(FindingsFound { header: header.derive("dlp"), source: source.suffix().to_owned(), direction, findings })
}

pub(super) fn inline(found: &InlineFinding) -> Finding {
    Finding {
        recognizer: found.recognizer.clone(),
        kind: found.kind.clone(),
        category: found.category.clone(),
        field: found.field.clone(),
        start: found.start,
        end: found.end,
        score: found.score,
        action: found.action,
        seen_by: SeenBy::Inline,
    }
}

/// What the ingress saw and let through: the log holds it still, and it is not to be told twice. Counted by field and
/// kind, since its place moves where something before it was replaced.
#[derive(Default)]
pub(super) struct Told(BTreeMap<(String, String), u32>);

impl Told {
    pub(super) fn add(&mut self, seen: &[InlineFinding]) {
        let passed = seen.iter().filter(|found| matches!(found.action, Action::Allow | Action::Flag));
        for found in passed {
            *self.0.entry((found.field.clone(), found.kind.clone())).or_default() += 1;
        }
    }

    /// The finding of a match in the log, where it is one and was not told before.
    pub(super) fn news(&mut self, found: &Match, field: &str, guardrails: &Guardrails) -> Option<Finding> {
        let category = found.category.as_str();
        if found.score < guardrails.min_score {
            return None;
        }
        if !self.0.is_empty()
            && let Some(left) = self.0.get_mut(&(field.to_owned(), found.kind.to_owned()))
            && *left > 0
        {
            *left -= 1;
            return None;
        }
        let action = match guardrails.action(category, found.kind, found.score) {
            Action::Allow => Action::Allow,
            // Whatever should have been done about it: it left.
            Action::Flag | Action::Redact | Action::Block => Action::Flag,
        };
        Some(Finding {
            recognizer: found.recognizer.to_owned(),
            kind: found.kind.to_owned(),
            category: category.to_owned(),
            field: field.to_owned(),
            start: i64::try_from(found.start).unwrap_or(i64::MAX),
            end: i64::try_from(found.end).unwrap_or(i64::MAX),
            score: found.score,
            action,
            seen_by: SeenBy::Log,
        })
    }
}
