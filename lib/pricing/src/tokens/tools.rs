//! The definitions of functions as the models see them: a TypeScript namespace.

use serde_json::{Map, Value};

/// Deeper schemas are rendered as `any`.
const MAX_DEPTH: usize = 32;

/// The namespace with all functions.
pub(super) fn definitions(functions: &[&Value]) -> String {
    let mut text = String::from("namespace functions {\n\n");
    for function in functions {
        comment(&mut text, 0, function);
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let parameters = function.get("parameters").or_else(|| function.get("input_schema"));
        match parameters.filter(|parameters| properties(parameters).is_some_and(|p| !p.is_empty())) {
            Some(parameters) => {
                text.push_str(&format!("type {name} = (_: {{\n"));
                members(&mut text, 0, parameters, 0);
                text.push_str("}) => any;\n\n");
            }
            None => text.push_str(&format!("type {name} = () => any;\n\n")),
        }
    }
    text.push_str("} // namespace functions");
    text
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn comment(text: &mut String, indent: usize, schema: &Value) {
    if let Some(description) = schema.get("description").and_then(Value::as_str).filter(|d| !d.is_empty()) {
        text.push_str(&format!("{:indent$}// {description}\n", ""));
    }
}

/// One line a property: `name?: type,`.
fn members(text: &mut String, indent: usize, schema: &Value, depth: usize) {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in properties(schema).into_iter().flatten() {
        comment(text, indent, property);
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        text.push_str(&format!("{:indent$}{name}{optional}: {},\n", "", type_of(property, indent, depth + 1)));
    }
}

fn type_of(schema: &Value, indent: usize, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "any".into();
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let literals: Vec<String> = values.iter().map(Value::to_string).collect();
        return literals.join(" | ");
    }
    if let Some(Value::Array(variants)) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
        let types: Vec<String> = variants.iter().map(|variant| type_of(variant, indent, depth + 1)).collect();
        return types.join(" | ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => named(name, schema, indent, depth),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|name| named(name, schema, indent, depth)).collect::<Vec<_>>().join(" | ")
        }
        _ => "any".into(),
    }
}

fn named(name: &str, schema: &Value, indent: usize, depth: usize) -> String {
    match name {
        "integer" => "number".into(),
        "array" => schema.get("items").map_or_else(|| "any[]".into(), |items| type_of(items, indent, depth + 1) + "[]"),
        "object" if properties(schema).is_some() => {
            let mut text = String::from("{\n");
            members(&mut text, indent + 2, schema, depth);
            text + &format!("{:indent$}}}", "")
        }
        other => other.into(),
    }
}
