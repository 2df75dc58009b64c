use super::*;

fn parse(text: &str) -> Result<ChatRequest, Error> {
    ChatRequest::parse(text.as_bytes())
}

fn text(request: &ChatRequest) -> String {
    String::from_utf8(request.to_bytes(0)).unwrap()
}

#[test]
fn reads_the_fields_that_matter() {
    let request = parse(
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true},
            "max_tokens":7,"max_completion_tokens":5,"n":3,"user":"u"}"#,
    )
    .unwrap();
    assert!(request.stream && request.include_usage);
    assert_eq!((request.max_output_tokens, request.n, request.user()), (Some(5), 3, Some("u")));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(parse(r#"{"messages":[]}"#), Err(Error::Missing("model")));
    assert_eq!(parse(r#"{"model":"m"}"#), Err(Error::Missing("messages")));
    for (body, field) in [
        ("[]", "body"),
        (r#"{"model":7,"messages":[]}"#, "model"),
        (r#"{"model":"","messages":[]}"#, "model"),
        (r#"{"model":"m","messages":"x"}"#, "messages"),
        (r#"{"model":"m","messages":[],"stream":"yes"}"#, "stream"),
        (r#"{"model":"m","messages":[],"stream_options":true}"#, "stream_options"),
        (r#"{"model":"m","messages":[],"max_tokens":0}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"max_completion_tokens":1.5}"#, "max_completion_tokens"),
        (r#"{"model":"m","messages":[],"n":-1}"#, "n"),
        (r#"{"model":"m","messages":[],"n":129}"#, "n"),
    ] {
        let got = parse(body).unwrap_err();
        assert!(matches!(got, Error::Invalid { field: f, .. } if f == field), "{body}: {got:?}");
    }
}

#[test]
fn edits_change_their_field_alone() {
    let mut request =
        parse(r#"{"x":{"y":[1]},"model":"m","messages":[{"role":"user"}],"stream_options":{"z":1}}"#).unwrap();
    request.set_model("up");
    request.ask_for_usage();
    request.cap_output(9);
    assert_eq!(
        text(&request),
        r#"{"x":{"y":[1]},"model":"up","messages":[{"role":"user"}],"stream_options":{"z":1,"include_usage":true},"max_tokens":9}"#
    );
}

#[test]
fn a_cap_lowers_the_field_that_the_client_used_and_never_raises_it() {
    let mut request = parse(r#"{"model":"m","messages":[],"max_completion_tokens":100}"#).unwrap();
    request.cap_output(50);
    assert_eq!(text(&request), r#"{"model":"m","messages":[],"max_completion_tokens":50}"#);
    request.cap_output(80);
    assert_eq!(request.max_output_tokens, Some(50));
    assert_eq!(text(&request), r#"{"model":"m","messages":[],"max_completion_tokens":50}"#);
}

#[test]
fn of_two_caps_both_become_the_smaller_so_that_the_provider_obeys_it_whichever_it_reads() {
    let mut request = parse(r#"{"model":"m","messages":[],"max_tokens":1,"max_completion_tokens":9000}"#).unwrap();
    request.cap_output(4096);
    assert_eq!(request.max_output_tokens, Some(1));
    assert_eq!(text(&request), r#"{"model":"m","messages":[],"max_tokens":1,"max_completion_tokens":1}"#);
}

#[test]
fn a_field_in_another_case_is_refused_where_weir_reads_it_and_passes_elsewhere() {
    for (name, field) in [
        ("MODEL", "model"),
        ("Max_Tokens", "max_tokens"),
        ("N", "n"),
        ("\u{17f}tream", "stream"),
        ("max_to\u{212a}ens", "max_tokens"),
    ] {
        let got = parse(&format!(r#"{{"model":"m","messages":[],"{name}":1}}"#)).unwrap_err();
        assert!(matches!(got, Error::Invalid { field: f, .. } if f == field), "{name}: {got:?}");
    }
    assert!(parse(r#"{"model":"m","messages":[],"Seed":1,"metadata":{"MODEL":"x"}}"#).is_ok());
}

#[test]
fn a_null_cap_counts_as_none() {
    let mut request = parse(r#"{"model":"m","messages":[],"max_tokens":null}"#).unwrap();
    request.cap_output(5);
    assert_eq!(text(&request), r#"{"model":"m","messages":[],"max_tokens":5}"#);
}

#[test]
fn the_input_bound_covers_text_images_and_template() {
    let body = r#"{"model":"m","messages":[{"content":[{"type":"text"},{"type":"image_url"}]}]}"#;
    let bound = parse(body).unwrap().input_bound(body.len()).unwrap();
    assert!(bound >= i64::try_from(body.len()).unwrap() + IMAGE_TOKENS);
}

#[test]
fn what_the_text_does_not_bound_is_told() {
    for (extra, field) in [
        (r#""web_search_options":{}"#, "web_search_options"),
        (r#""prediction":{"content":"x"}"#, "prediction"),
        (r#""models":["dearer"]"#, "models"),
        (r#""tools":[{"type":"function"},{"type":"web_search"}]"#, "tools"),
        (r#""messages":[{"content":[{"type":"file"}]}]"#, "messages"),
        (r#""messages":[{"role":"assistant","audio":{"id":"a"}}]"#, "messages"),
    ] {
        let messages = if field == "messages" { "" } else { r#""messages":[],"# };
        let body = format!(r#"{{"model":"m",{messages}{extra}}}"#);
        assert_eq!(parse(&body).unwrap().input_bound(body.len()), Err(Unbounded(field)));
    }
}
