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

/// JSON in a string of JSON (the arguments of a tool call), and that once more: as deep as clients nest it.
const NESTED: u8 = 3;

/// Scans the tree and replaces in place what is to be redacted.
pub(crate) fn inspect(tree: &mut Node, detector: &Detector, guardrails: &Guardrails) -> Verdict {
    let mut verdict = Verdict { findings: Vec::new(), action: Action::Allow, blocked: Vec::new() };
    Inspection { detector, guardrails, verdict: &mut verdict }.tree(tree, "", NESTED);
    verdict
}

struct Inspection<'a> {
    detector: &'a Detector,
    guardrails: &'a Guardrails,
    verdict: &'a mut Verdict,
}

impl Inspection<'_> {
    /// Whether something was found, and whether something was replaced.
    fn tree(&mut self, tree: &mut Node, within: &str, nested: u8) -> (bool, bool) {
        let (mut any_found, mut any_replaced) = (false, false);
        tree.visit_strings(&mut |pointer, text| {
            let seen = match within {
                "" => self.text(pointer, text, nested),
                _ => self.text(&format!("{within}{pointer}"), text, nested),
            };
            any_found |= !matches!(seen, Seen::Clean);
            any_replaced |= matches!(seen, Seen::Replace(_));
            seen
        });
        (any_found, any_replaced)
    }

    fn text(&mut self, pointer: &str, text: &str, nested: u8) -> Seen {
        // In a text that is JSON the values stand behind escapes, which would hide them, or be cut in two by a placeholder.
        if nested > 0
            && text.trim_start().starts_with(['{', '['])
            && let Ok(mut inner) = Node::parse(text.as_bytes())
        {
            return match self.tree(&mut inner, pointer, nested - 1) {
                (_, true) => {
                    let bytes = inner.to_bytes(text.len());
                    Seen::Replace(String::from_utf8(bytes).expect("JSON is written from strings"))
                }
                (true, false) => Seen::Found,
                (false, false) => Seen::Clean,
            };
        }
        let matches = self.detector.scan(text);
        if matches.is_empty() {
            return Seen::Clean;
        }
        let mut replaced: Vec<Match> = Vec::new();
        for found in matches {
            let action = self.guardrails.action(found.category.as_str(), found.kind, found.score);
            self.verdict.note(pointer, &found, action);
            if action == Action::Redact {
                replaced.push(found);
            }
        }
        if replaced.is_empty() { Seen::Found } else { Seen::Replace(redact(text, &replaced)) }
    }
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

    #[test]
    fn arguments_of_a_tool_call_are_json_again_and_stay_json() {
        let arguments =
            r#"{"note":"first line\njoe@example.com wrote","t":"a\tAKIAIOSFODNN7EXAMPLF","u":"\u00e9joe@example.com"}"#;
        let body = serde_json::json!({ "tool_calls": [{ "function": { "arguments": arguments } }] }).to_string();
        let mut tree = Node::parse(body.as_bytes()).unwrap();
        let verdict = inspect(&mut tree, &Detector::builtin(), &Guardrails::default());
        assert_eq!(verdict.findings[0].field, "/tool_calls/0/function/arguments/note");
        let sent: serde_json::Value = serde_json::from_slice(&tree.to_bytes(0)).unwrap();
        let arguments = sent["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
        assert_eq!(arguments["note"], "first line\n<EMAIL_ADDRESS> wrote");
        assert_eq!(arguments["t"], "a\t<AWS_ACCESS_KEY_ID>");
        assert!(!arguments["u"].as_str().unwrap().contains("example.com"));
    }
}
