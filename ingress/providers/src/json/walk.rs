//! Shows every string of a tree, keys as well, and replaces those that must not be sent.

use super::Node;

/// Keys made of these only are words of a dialect or a schema, and are not shown: no recognizer takes them for anything.
const WORD_BYTES: usize = 32;

/// A pointer is cut here: it names a place, and a body must not be able to make it long.
const POINTER_BYTES: usize = 256;

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
    /// its object's pointer and `#`. A replaced key that the object has already gets a number.
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
            _ => {}
        }
    }
}

fn visit_object(fields: &mut [(String, Node)], pointer: &mut String, judge: &mut dyn FnMut(&str, &str) -> Seen) {
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
                let new = unused(fields, new);
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

/// `key`, or the first of `key 2`, `key 3` … that the object does not have.
fn unused(fields: &[(String, Node)], key: String) -> String {
    let taken = |candidate: &str| fields.iter().any(|(name, _)| name == candidate);
    if !taken(&key) {
        return key;
    }
    let numbered = (2..).map(|n| format!("{key} {n}")).find(|candidate| !taken(candidate));
    numbered.expect("an object has fewer keys than there are numbers")
}
