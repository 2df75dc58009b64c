use proptest::prelude::*;

use super::*;

fn what(bytes: &[u8]) -> &'static str {
    match Node::parse(bytes) {
        Err(Error::Json { what, .. }) => what,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn what_two_parsers_may_read_in_two_ways_is_refused() {
    assert_eq!(what(br#"{"a":1,"a":2}"#), "duplicate key");
    assert_eq!(what(br#"{"x":{"a":1,"\u0061":2}}"#), "duplicate key");
    assert_eq!(what(b"{\"a\":\"\xff\"}"), "a syntax error");
    assert_eq!(what(br#"{"a":"\ud800"}"#), "a syntax error");
    assert_eq!(what(br#"{"a":1} x"#), "a syntax error");
    assert_eq!(what(br#"{"a":1"#), "it ends too early");
    assert_eq!(what("[".repeat(4000).as_bytes()), "it is nested too deeply");
}

#[test]
fn nesting_is_allowed_up_to_the_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Node::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(what(nested(MAX_DEPTH + 1).as_bytes()), "it is nested too deeply");
}

#[test]
fn a_duplicate_among_many_keys_is_found() {
    let mut fields: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
    assert!(Node::parse(format!("{{{}}}", fields.join(",")).as_bytes()).is_ok());
    for repeated in [0, 15, 16, 17, 99] {
        fields.push(format!("\"k{repeated}\":0"));
        assert_eq!(what(format!("{{{}}}", fields.join(",")).as_bytes()), "duplicate key");
        fields.pop();
    }
}

#[test]
fn unknown_fields_keep_their_order_and_value() {
    let text = r#"{"zeta":[1,-2,1.5,18446744073709551615,null,true],"alpha":{"b":"ü \u0001 \" /","a":""}}"#;
    let tree = Node::parse(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(tree.to_bytes(0)).unwrap(), text);
}

#[test]
fn every_string_is_shown_with_its_pointer() {
    let mut tree = Node::parse(br#"{"m":[{"content":"hi","a/b~":["x"]}],"n":3}"#).unwrap();
    let mut seen = Vec::new();
    tree.visit_strings(&mut |pointer, text| {
        seen.push((pointer.to_owned(), text.to_owned()));
        Seen::Clean
    });
    let expected = [("/m/0/content", "hi"), ("/m/0#", "a/b~"), ("/m/0/a~1b~0/0", "x")];
    assert_eq!(seen, expected.map(|(p, t)| (p.to_owned(), t.to_owned())));
}

#[test]
fn a_replaced_key_keeps_its_value_and_never_collides() {
    let mut tree = Node::parse(br#"{"<X>":0,"A1":"v","B2":"w"}"#).unwrap();
    let mut pointers = Vec::new();
    tree.visit_strings(&mut |pointer, text| {
        pointers.push(pointer.to_owned());
        if text.ends_with(['1', '2']) { Seen::Replace("<X>".into()) } else { Seen::Clean }
    });
    assert_eq!(String::from_utf8(tree.to_bytes(0)).unwrap(), r#"{"<X>":0,"<X> 2":"v","<X> 3":"w"}"#);
    assert!(pointers.iter().all(|p| !p.contains("A1") && !p.contains("B2")));
}

#[test]
fn many_keys_that_become_one_word_take_no_time() {
    let fields: Vec<String> = (0..100_000).map(|n| format!(r#""A{n}":0"#)).collect();
    let mut tree = Node::parse(format!("{{{}}}", fields.join(",")).as_bytes()).unwrap();
    tree.visit_strings(&mut |_, _| Seen::Replace("<X>".into()));
    let Node::Object(fields) = tree else { panic!("it is an object still") };
    assert_eq!(fields.last().unwrap().0, "<X> 100000");
}

#[test]
fn a_long_number_is_shown_and_can_be_replaced_and_a_short_one_is_left_alone() {
    let mut tree = Node::parse(br#"{"a":[4111111111111111,-5500000000000004,3],"b":0.5,"c":411111111111.5}"#).unwrap();
    let mut seen = Vec::new();
    tree.visit_strings(&mut |pointer, text| {
        seen.push((pointer.to_owned(), text.to_owned()));
        if text.starts_with('4') { Seen::Replace("<CARD>".into()) } else { Seen::Found }
    });
    let expected = [("/a/0", "4111111111111111"), ("/a/1", "-5500000000000004"), ("/c", "411111111111.5")];
    assert_eq!(seen, expected.map(|(p, t)| (p.to_owned(), t.to_owned())));
    let left = String::from_utf8(tree.to_bytes(0)).unwrap();
    assert_eq!(left, r#"{"a":["<CARD>",-5500000000000004,3],"b":0.5,"c":"<CARD>"}"#);
}

#[test]
fn the_pointer_never_spells_a_key_in_which_something_was_found() {
    let mut tree = Node::parse(br#"{"a@b.example":{"x":"y"}}"#).unwrap();
    let mut pointers = Vec::new();
    tree.visit_strings(&mut |pointer, text| {
        pointers.push(pointer.to_owned());
        if text.contains('@') { Seen::Found } else { Seen::Clean }
    });
    assert_eq!(pointers, ["#", "/*/x"]);
}

fn trees() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Bool),
        any::<u64>().prop_map(Node::Unsigned),
        (i64::MIN..0).prop_map(Node::Signed),
        "\\PC{0,12}".prop_map(Node::String),
        any::<String>().prop_map(Node::String),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Node::Array),
            proptest::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|fields| Node::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(tree in trees()) {
        prop_assert_eq!(Node::parse(&tree.to_bytes(0)).unwrap(), tree);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Node::parse(&bytes);
    }
}
