//! A JSON tree for bodies that are inspected, edited in places and sent on.
//!
//! Invariants
//! - What is written from the tree has exactly the tree's strings: what was scanned is what is sent.
//! - Refused: duplicate keys, invalid UTF-8, lone surrogates, bytes after the value, nesting beyond [`MAX_DEPTH`]. Each of
//!   them is read differently by different parsers, so a guardrail could see one thing and the provider another.
//! - Fields keep their order, unknown ones survive.
//!
//! Not promised: the spelling. White space goes, escapes are rewritten, and a number beyond 64 bits is rounded to a double.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::error::Error;

mod walk;

pub use walk::Seen;

/// Deeper nesting is refused; the parser's own limit.
pub const MAX_DEPTH: usize = 127;

/// Up to so many fields duplicates are found by comparing, above by hashing.
const COMPARED_KEYS: usize = 16;

const DUPLICATE_KEY: &str = "duplicate key";

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Parses one whole value.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|e| {
            let what = match e.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Data => DUPLICATE_KEY,
                _ if e.to_string().starts_with("recursion limit") => "it is nested too deeply",
                _ => "a syntax error",
            };
            Error::Json { what, line: e.line(), column: e.column() }
        })
    }

    /// The value as bytes for the wire.
    pub fn to_bytes(&self, capacity: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(capacity);
        serde_json::to_writer(&mut out, self)
            .expect("a tree has string keys only and memory does not fail to be written");
        out
    }

    /// A field of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Sets a field of an object, in its place where it is there already. Anything but an object stays as it is.
    pub fn set(&mut self, key: &str, value: Self) {
        let Self::Object(fields) = self else { return };
        match fields.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => fields.push((key.to_owned(), value)),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that fits; `2.0` is not one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Signed(n) => Some(*n),
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => s.serialize_unit(),
            Self::Bool(b) => s.serialize_bool(*b),
            Self::Signed(n) => s.serialize_i64(*n),
            Self::Unsigned(n) => s.serialize_u64(*n),
            Self::Float(n) => s.serialize_f64(*n),
            Self::String(text) => s.serialize_str(text),
            Self::Array(items) => {
                let mut seq = s.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Object(fields) => {
                let mut map = s.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Node, E> {
        Ok(Node::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Node, E> {
        Ok(Node::Signed(n))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(n))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Node, E> {
        Ok(Node::Float(n))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::String(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::String(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut hashed: HashSet<String> = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.len() == COMPARED_KEYS {
                hashed.extend(fields.iter().map(|(name, _)| name.clone()));
            }
            let repeated = if fields.len() < COMPARED_KEYS {
                fields.iter().any(|(name, _)| *name == key)
            } else {
                !hashed.insert(key.clone())
            };
            if repeated {
                return Err(de::Error::custom(DUPLICATE_KEY));
            }
            fields.push((key, map.next_value()?));
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests;
