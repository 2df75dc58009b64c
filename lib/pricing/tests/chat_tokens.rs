//! Counts of whole requests, held against what OpenAI's API reported for them.

use serde_json::{Value, json};
use weir_pricing::count_chat_input;

fn counts(model: &str, messages: Value, functions: Value) -> i64 {
    let mut body = json!({"messages": messages});
    if functions.as_array().is_some_and(|f| !f.is_empty()) {
        body["functions"] = functions;
    }
    count_chat_input(model, &body)
}

#[test]
fn messages_count_as_the_api_reports() {
    let example = json!([
        {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
        {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
        {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
        {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
    ]);
    assert_eq!(counts("gpt-4", example.clone(), json!([])), 129);
    assert_eq!(counts("gpt-4o", example, json!([])), 124);
    for (messages, expected) in [
        (json!([{"role": "user", "content": "hello"}]), 8),
        (json!([{"role": "user", "content": "hello world"}]), 9),
        (json!([{"role": "user", "content": [{"type": "text", "text": "hello world"}]}]), 9),
        (json!([{"role": "system", "content": "hello:"}]), 9),
        (
            json!([{"role": "user", "content": "hello world"}, {"role": "function", "name": "do_stuff", "content": "{}"}]),
            15,
        ),
        (
            json!([{"role": "function", "name": "dance_the_tango", "content": "{\"a\": { \"b\" : { \"c\": false}}}"}]),
            24,
        ),
        (
            json!([{"role": "assistant", "content": "", "function_call": {"name": "do_stuff", "arguments": "{\"foo\": \"bar\", \"baz\": 1.5}"}}]),
            26,
        ),
    ] {
        assert_eq!(counts("gpt-3.5-turbo", messages.clone(), json!([])), expected, "{messages}");
    }
}

#[test]
fn functions_count_as_the_api_reports() {
    let hello = || json!([{"role": "user", "content": "hello"}]);
    let nothing = json!({"type": "object", "properties": {}});
    for (messages, function, expected) in [
        (hello(), json!({"name": "foo", "parameters": nothing}), 31),
        (hello(), json!({"name": "foo", "description": "Do a foo", "parameters": nothing}), 36),
        (
            hello(),
            json!({"name": "bing_bong", "description": "Do a bing bong", "parameters": {"type": "object", "properties": {"foo": {"type": "string"}}}}),
            49,
        ),
        (
            hello(),
            json!({"name": "bing_bong", "description": "Do a bing bong", "parameters": {"type": "object", "properties": {
                "foo": {"type": "string"}, "bar": {"type": "number", "description": "A number"}}}}),
            57,
        ),
        (
            hello(),
            json!({"name": "bing_bong", "description": "Do a bing bong", "parameters": {"type": "object", "properties": {
                "foo": {"type": "object", "properties": {"bar": {"type": "string", "enum": ["a", "b", "c"]}, "baz": {"type": "boolean"}}}}}}),
            68,
        ),
        (
            json!([{"role": "system", "content": "Hello"}, {"role": "user", "content": "Hi there"}]),
            json!({"name": "do_stuff", "parameters": nothing}),
            35,
        ),
        (
            json!([{"role": "system", "content": "Hello:"}, {"role": "system", "content": "Hello"}, {"role": "user", "content": "Hi there"}]),
            json!({"name": "do_stuff", "parameters": nothing}),
            40,
        ),
        (
            hello(),
            json!({"name": "get_recipe", "parameters": {"type": "object", "required": ["ingredients", "instructions", "time_to_cook"], "properties": {
                "ingredients": {"type": "array", "items": {"type": "object", "required": ["name", "unit", "amount"], "properties": {
                    "name": {"type": "string"},
                    "unit": {"enum": ["grams", "ml", "cups", "pieces", "teaspoons"], "type": "string"},
                    "amount": {"type": "number"}}}},
                "instructions": {"type": "array", "items": {"type": "string"}, "description": "Steps to prepare the recipe (no numbering)"},
                "time_to_cook": {"type": "number", "description": "Total time to prepare the recipe in minutes"}}}}),
            106,
        ),
    ] {
        let counted = counts("gpt-3.5-turbo", messages, json!([function]));
        assert_eq!(counted, expected, "{function}");
    }
    let tools = json!([{"type": "function", "function": {"name": "get_current_weather", "description": "Get the current weather in a given location",
        "parameters": {"type": "object", "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
            "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]}},
            "required": ["location"]}}}]);
    let messages = json!([{"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
        {"role": "user", "content": "What's the weather like in San Francisco?"}]);
    for (model, expected) in [("gpt-4", 105), ("gpt-4o", 101)] {
        assert_eq!(count_chat_input(model, &json!({"messages": messages, "tools": tools})), expected, "{model}");
    }
}
