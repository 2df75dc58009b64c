//! The inline guardrails: every string and every long number of a request is scanned, and what must not be sent is not.

use weir_detect::{Detector, Match, redact};
use weir_policy::Guardrails;
use weir_providers::json::{Node, Seen};
use weir_schemas::event::{Action, InlineFinding};

/// Findings that one event tells of; more are acted upon and not listed. With the bound on a pointer and a body it keeps
/// the event within the log's limit.
pub(crate) const MAX_FINDINGS: usize = 256;

/// What the guardrails saw and did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<InlineFinding>,
    /// The gravest action of all.
    pub(crate) action: Action,
    /// Kinds that block, each once.
    pub(crate) blocked: Vec<&'static str>,
}

/// Scans the tree and replaces in place what is to be redacted.
pub(crate) fn inspect(tree: &mut Node, detector: &Detector, guardrails: &Guardrails) -> Verdict {
    let mut verdict = Verdict { findings: Vec::new(), action: Action::Allow, blocked: Vec::new() };
    tree.visit_strings(&mut |pointer, text| {
        let matches = detector.scan(text);
        if matches.is_empty() {
            return Seen::Clean;
        }
        let mut replaced: Vec<Match> = Vec::new();
        for found in matches {
            let action = guardrails.action(found.category.as_str(), found.kind, found.score);
            verdict.note(pointer, &found, action);
            if action == Action::Redact {
                replaced.push(found);
            }
        }
        if replaced.is_empty() { Seen::Found } else { Seen::Replace(redact(text, &replaced)) }
    });
    verdict
}

impl Verdict {
    fn note(&mut self, pointer: &str, found: &Match, action: Action) {
        if gravity(action) > gravity(self.action) {
            self.action = action;
        }
        if action == Action::Block && !self.blocked.contains(&found.kind) {
            self.blocked.push(found.kind);
        }
        if self.findings.len() == MAX_FINDINGS {
            return;
        }
        let offset = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        self.findings.push(InlineFinding {
            recognizer: found.recognizer.to_owned(),
            kind: found.kind.to_owned(),
            category: found.category.as_str().to_owned(),
            field: pointer.to_owned(),
            start: offset(found.start),
            end: offset(found.end),
            score: found.score,
            action,
        });
    }
}

fn gravity(action: Action) -> u8 {
    match action {
        Action::Allow => 0,
        Action::Flag => 1,
        Action::Redact => 2,
        Action::Block => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_found_with_and_without_quotes_and_does_not_leave() {
        let body = br#"{"a":"4111 1111 1111 1111","b":[4111111111111111],"seed":1234567}"#;
        let mut tree = Node::parse(body).unwrap();
        let verdict = inspect(&mut tree, &Detector::builtin(), &Guardrails::default());
        let fields: Vec<&str> = verdict.findings.iter().map(|found| found.field.as_str()).collect();
        assert_eq!((verdict.action, fields), (Action::Redact, vec!["/a", "/b/0"]));
        let sent = String::from_utf8(tree.to_bytes(0)).unwrap();
        assert!(!sent.contains("1111") && sent.ends_with(r#""seed":1234567}"#), "{sent}");
    }
}
