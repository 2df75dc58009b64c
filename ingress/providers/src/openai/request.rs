//! What Weir reads of a chat request, and the few fields that it sets.

use crate::error::Error;
use crate::json::Node;

/// More choices than any provider gives.
pub const MAX_CHOICES: i64 = 128;

/// What one image may cost at most in input tokens, over the published formulas of tiles and patches.
const IMAGE_TOKENS: i64 = 50_000;

/// What a provider adds to the text of a request in tokens: once, and for each message and tool.
const TEMPLATE_TOKENS: i64 = 64;
const TEMPLATE_TOKENS_EACH: i64 = 16;

/// Fields that Weir reads or sets. A provider whose parser ignores case would read `MODEL` as one of them.
const READ_FIELDS: [&str; 8] =
    ["model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "user"];

/// Fields that cost more than text and output tell: searches, discarded predictions, more answers, another model, sound.
const UNBOUNDED_FIELDS: [&str; 7] =
    ["web_search_options", "search_parameters", "plugins", "prediction", "best_of", "models", "audio"];

/// A chat request: the whole tree, and the fields that matter on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    tree: Node,
    pub model: String,
    pub stream: bool,
    /// The client asked for the usage of its stream.
    pub include_usage: bool,
    /// The smallest cap on the output that the client named.
    pub max_output_tokens: Option<i64>,
    /// Choices, at least 1.
    pub n: i64,
}

/// A field by which a call may cost more than its text and its output cap tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbounded(pub &'static str);

impl ChatRequest {
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let tree = Node::parse(body)?;
        let Node::Object(fields) = &tree else {
            return Err(Error::Invalid { field: "body", what: "must be a JSON object" });
        };
        for (name, _) in fields {
            if let Some(field) = READ_FIELDS.into_iter().find(|field| name != field && fold(name) == fold(field)) {
                return Err(Error::Invalid {
                    field,
                    what: "is spelled in another case, which providers read differently",
                });
            }
        }
        let model = match tree.get("model") {
            None | Some(Node::Null) => return Err(Error::Missing("model")),
            Some(Node::String(name)) if !name.is_empty() => name.clone(),
            Some(_) => return Err(Error::Invalid { field: "model", what: "must be a non-empty string" }),
        };
        if !matches!(tree.get("messages"), Some(Node::Array(_))) {
            return Err(match tree.get("messages") {
                None | Some(Node::Null) => Error::Missing("messages"),
                Some(_) => Error::Invalid { field: "messages", what: "must be an array" },
            });
        }
        let stream = flag(tree.get("stream"), "stream")?;
        let include_usage = match tree.get("stream_options") {
            None | Some(Node::Null) => false,
            Some(options @ Node::Object(_)) => flag(options.get("include_usage"), "stream_options.include_usage")?,
            Some(_) => return Err(Error::Invalid { field: "stream_options", what: "must be an object" }),
        };
        let caps = [
            count(tree.get("max_tokens"), "max_tokens")?,
            count(tree.get("max_completion_tokens"), "max_completion_tokens")?,
        ];
        let n = count(tree.get("n"), "n")?.unwrap_or(1);
        if n > MAX_CHOICES {
            return Err(Error::Invalid { field: "n", what: "is more than 128" });
        }
        let max_output_tokens = caps.into_iter().flatten().min();
        Ok(Self { tree, model, stream, include_usage, max_output_tokens, n })
    }

    /// The end user whom the caller names; after inspection, as it may be sent.
    pub fn user(&self) -> Option<&str> {
        self.tree.get("user").and_then(Node::as_str)
    }

    /// The tree, for inspection. Other fields that were read at parsing are not read again.
    pub fn tree_mut(&mut self) -> &mut Node {
        &mut self.tree
    }

    /// Names the model as the provider knows it.
    pub fn set_model(&mut self, upstream: &str) {
        self.tree.set("model", Node::String(upstream.to_owned()));
    }

    /// Asks the provider for the usage of the stream.
    pub fn ask_for_usage(&mut self) {
        match self.tree.get("stream_options") {
            Some(Node::Object(_)) => {}
            _ => self.tree.set("stream_options", Node::Object(Vec::new())),
        }
        let Node::Object(fields) = &mut self.tree else { return };
        if let Some((_, options)) = fields.iter_mut().find(|(name, _)| name == "stream_options") {
            options.set("include_usage", Node::Bool(true));
        }
    }

    /// Sees to it that the provider generates at most `cap` tokens a choice. A field that the client used is lowered, to
    /// the smaller of both where it used two: providers differ in which of them they obey. Where it used none,
    /// `max_tokens` is set, which every provider of the dialect understands.
    pub fn cap_output(&mut self, cap: i64) {
        let cap = self.max_output_tokens.map_or(cap, |asked| asked.min(cap));
        let mut named = false;
        for field in ["max_tokens", "max_completion_tokens"] {
            if let Some(asked) = self.tree.get(field).and_then(Node::as_i64) {
                named = true;
                if asked > cap {
                    self.tree.set(field, Node::Signed(cap));
                }
            }
        }
        if !named {
            self.tree.set("max_tokens", Node::Signed(cap));
        }
        self.max_output_tokens = Some(cap);
    }

    /// An upper bound on the input tokens of this request sent as `body_bytes` bytes: a token of text is at least one byte.
    /// `Err` where some field makes the price depend on more than that.
    pub fn input_bound(&self, body_bytes: usize) -> Result<i64, Unbounded> {
        for field in UNBOUNDED_FIELDS {
            if self.tree.get(field).is_some_and(|value| !value.is_null()) {
                return Err(Unbounded(field));
            }
        }
        let mut each = 0i64;
        let mut images = 0i64;
        for list in ["messages", "tools", "functions"] {
            let Some(Node::Array(items)) = self.tree.get(list) else { continue };
            each += i64::try_from(items.len()).unwrap_or(i64::MAX);
            for item in items {
                // A tool that the provider runs itself has a price of its own, and what it reads is input.
                if list == "tools" && !matches!(item.get("type").and_then(Node::as_str), Some("function" | "custom")) {
                    return Err(Unbounded("tools"));
                }
                // An earlier spoken answer, by its id: its length is not told.
                if item.get("audio").is_some_and(|audio| !audio.is_null()) {
                    return Err(Unbounded("messages"));
                }
                let Some(Node::Array(parts)) = item.get("content") else { continue };
                for part in parts {
                    match part.get("type").and_then(Node::as_str) {
                        Some("text" | "refusal" | "input_audio") => {}
                        Some("image_url") => images += 1,
                        _ => return Err(Unbounded("messages")),
                    }
                }
            }
        }
        let text = i64::try_from(body_bytes).unwrap_or(i64::MAX);
        Ok(text
            .saturating_add(TEMPLATE_TOKENS)
            .saturating_add(each.saturating_mul(TEMPLATE_TOKENS_EACH))
            .saturating_add(images.saturating_mul(IMAGE_TOKENS)))
    }

    /// The body for the wire.
    pub fn to_bytes(&self, capacity: usize) -> Vec<u8> {
        self.tree.to_bytes(capacity)
    }
}

/// A name as a parser reads it that ignores case; the long s and the Kelvin sign are letters to it.
fn fold(name: &str) -> String {
    name.to_lowercase().to_uppercase()
}

fn flag(value: Option<&Node>, field: &'static str) -> Result<bool, Error> {
    match value {
        None | Some(Node::Null) => Ok(false),
        Some(Node::Bool(b)) => Ok(*b),
        Some(_) => Err(Error::Invalid { field, what: "must be true or false" }),
    }
}

fn count(value: Option<&Node>, field: &'static str) -> Result<Option<i64>, Error> {
    match value {
        None | Some(Node::Null) => Ok(None),
        Some(node) => match node.as_i64() {
            Some(n) if n > 0 => Ok(Some(n)),
            _ => Err(Error::Invalid { field, what: "must be a whole number above 0" }),
        },
    }
}

#[cfg(test)]
mod tests;
