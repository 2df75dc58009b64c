//! The strings and long numbers of a request's body, each with the JSON pointer at which it stands.

use serde_json::Value;

/// Shorter numbers are not seen: no recognizer's match is.
const NUMBER_BYTES: usize = 7;

/// Calls `see` with (field, text) for each string and long number of `body`. A body that is no JSON is one string, at the empty pointer.
///
/// Member names are texts of the caller's too: each is seen where the ingress sees it, at its object's pointer followed by `#`.
/// `is_safe` says of a name whether it may stand in a pointer; where not, `*` stands for it, since findings must not hold
/// matched text.
pub(super) fn strings(body: &[u8], is_safe: &dyn Fn(&str) -> bool, see: &mut dyn FnMut(&str, &str)) {
    if body.is_empty() {
        return;
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => walk(&value, &mut String::new(), is_safe, see),
        Err(_) => see("", &String::from_utf8_lossy(body)),
    }
}

// The parser refuses what is nested deeper than 128: the recursion is bounded.
fn walk(value: &Value, path: &mut String, is_safe: &dyn Fn(&str) -> bool, see: &mut dyn FnMut(&str, &str)) {
    let here = path.len();
    match value {
        Value::String(text) => see(path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                walk(item, path, is_safe, see);
                path.truncate(here);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let is_safe_name = is_safe(name);
                if !is_safe_name {
                    path.push('#');
                    see(path, name);
                    path.truncate(here);
                }
                path.push('/');
                if is_safe_name {
                    path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                } else {
                    path.push('*');
                }
                walk(member, path, is_safe, see);
                path.truncate(here);
            }
        }
        Value::Number(number) => {
            let text = number.to_string();
            if text.len() >= NUMBER_BYTES {
                see(path, &text);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}
