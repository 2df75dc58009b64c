//! Shows every string of a tree, keys and long numbers as well, and replaces those that must not be sent.

use std::collections::{HashMap, HashSet};

use super::Node;

/// Keys made of these only are words of a dialect or a schema, and are not shown: no recognizer takes them for anything.
const WORD_BYTES: usize = 32;

/// A pointer is cut here: it names a place, and a body must not be able to make it long.
const POINTER_BYTES: usize = 256;

/// Numbers that are written shorter are not shown: no recognizer's match is.
const NUMBER_BYTES: usize = 7;

/// What the callback says of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing in it.
    Clean,
    /// Something in it, and it may be sent: a key is not spelled out in the pointers below it.
    Found,
    /// To be sent like this instead.
    Replace(String),
}

impl Node {
    /// Calls `judge(pointer, text)` for every string, in the order of the wire. The pointer is RFC 6901; a key itself has
    /// its object's pointer and `#`. A replaced key that the object has already gets a number. A number is shown as it is
    /// written, and becomes a string where it is replaced: a card number is one without its quotes, too.
    pub fn visit_strings(&mut self, judge: &mut dyn FnMut(&str, &str) -> Seen) {
        let mut pointer = String::new();
        self.visit(&mut pointer, judge);
    }

    fn visit(&mut self, pointer: &mut String, judge: &mut dyn FnMut(&str, &str) -> Seen) {
        match self {
            Self::String(text) => {
                if let Seen::Replace(new) = judge(shown(pointer), text) {
                    *text = new;
                }
            }
            Self::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    item.visit(pointer, judge);
                    pointer.truncate(length);
                }
            }
            Self::Object(fields) => visit_object(fields, pointer, judge),
            Self::Signed(_) | Self::Unsigned(_) | Self::Float(_) => {
                let text = String::from_utf8_lossy(&self.to_bytes(0)).into_owned();
                if text.len() >= NUMBER_BYTES
                    && let Seen::Replace(new) = judge(shown(pointer), &text)
                {
                    *self = Self::String(new);
                }
            }
            Self::Null | Self::Bool(_) => {}
        }
    }
}

fn visit_object(fields: &mut [(String, Node)], pointer: &mut String, judge: &mut dyn FnMut(&str, &str) -> Seen) {
    let mut names: Option<Names> = None;
    for index in 0..fields.len() {
        let length = pointer.len();
        let seen = if is_word(&fields[index].0) {
            Seen::Clean
        } else {
            pointer.push('#');
            let seen = judge(shown(pointer), &fields[index].0);
            pointer.truncate(length);
            seen
        };
        pointer.push('/');
        match seen {
            Seen::Clean => push_escaped(pointer, &fields[index].0),
            Seen::Found => pointer.push('*'),
            Seen::Replace(new) => {
                let new = names.get_or_insert_with(|| Names::of(fields)).unused(new);
                push_escaped(pointer, &new);
                fields[index].0 = new;
            }
        }
        fields[index].1.visit(pointer, judge);
        pointer.truncate(length);
    }
}

fn is_word(key: &str) -> bool {
    key.len() <= WORD_BYTES && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn shown(pointer: &str) -> &str {
    &pointer[..pointer.floor_char_boundary(POINTER_BYTES)]
}

fn push_escaped(pointer: &mut String, key: &str) {
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// The names of an object in which one is replaced. A body may have as many keys as it has bytes, all replaced by the same
/// word: none of them is looked for in a list.
struct Names {
    taken: HashSet<String>,
    /// The last number that a word got.
    numbers: HashMap<String, u64>,
}

impl Names {
    fn of(fields: &[(String, Node)]) -> Self {
        Self { taken: fields.iter().map(|(name, _)| name.clone()).collect(), numbers: HashMap::new() }
    }

    /// `key`, or the first of `key 2`, `key 3` … that the object does not have.
    fn unused(&mut self, key: String) -> String {
        if self.taken.insert(key.clone()) {
            return key;
        }
        let number = self.numbers.entry(key.clone()).or_insert(1);
        loop {
            *number += 1;
            let numbered = format!("{key} {number}");
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}
