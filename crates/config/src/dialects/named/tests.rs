use super::*;

fn lines(text: &str) -> Vec<String> {
    let statements = read(text, "named.conf").expect("a named.conf");
    statements
        .iter()
        .map(|statement| format!("{}: {statement}", statement.place.line))
        .collect()
}

fn refused(text: &str) -> String {
    read(text, "named.conf").expect_err("no named.conf").to_string()
}

#[test]
fn statements_are_words_and_blocks() {
    let text = "options {\n  listen-on port 53 { 10.10.2.163; !10.0.0.0/8; };\n  recursion no;\n};\n\
                zone \"zaibdns.lab\" IN { type master; };;\n\
                controls { inet 127.0.0.1 allow { localhost; } keys { \"rndc key\"; }; };";
    assert_eq!(
        lines(text),
        [
            "1: options { listen-on port 53 { 10.10.2.163; !10.0.0.0/8; }; recursion no; }",
            "5: zone zaibdns.lab IN { type master; }",
            "6: controls { inet 127.0.0.1 allow { localhost; } keys { rndc key; }; }",
        ]
    );
}

#[test]
fn comments_of_three_styles_are_no_statements() {
    let text =
        "// one; {\n# two; {\n/* three;\n{ */ recursion/* inside */no; // four\ndirectory \"/a//b#c\";";
    assert_eq!(lines(text), ["4: recursion no", "5: directory /a//b#c"]);
}

#[test]
fn a_string_may_hold_quotation_marks() {
    assert_eq!(lines(r#"a "b\"c\\d";"#), [r#"1: a b"c\d"#]);
}

#[test]
fn what_does_not_end_is_named_where_it_begins() {
    for (text, expected) in [
        ("a;\n}", "named.conf:2: this '}' closes nothing"),
        ("a;\nb {\nc;", "named.conf:2: this '{' is never closed"),
        (
            "a;\nb",
            "named.conf:2: this statement does not end; add ';' behind it",
        ),
        (
            "b {\nc }",
            "named.conf:2: this statement does not end; add ';' behind it",
        ),
        ("a;\n/* b", "named.conf:2: this comment does not end"),
        ("a;\n\"b;", "named.conf:2: this string does not end"),
        (
            &"{".repeat(100_000),
            "named.conf:1: too many blocks within blocks",
        ),
    ] {
        assert_eq!(refused(text), expected);
    }
}

#[test]
fn words_and_blocks_are_found() {
    let statements = read("zone \"a\" { type hint; };", "f").expect("a named.conf");
    let zone = &statements[0];
    assert_eq!(
        (zone.keyword(), zone.word(1), zone.word(2), zone.word(9)),
        ("zone", "a", "", "")
    );
    assert_eq!(zone.block()[0].word(1), "hint");
    assert!(zone.block()[0].block().is_empty());
}
