//! Includes, conditions, parameters, sequences; where statements end.

use super::*;

/// The addresses that the first instance holds.
fn held(settings: &VipSettings) -> Vec<String> {
    let addresses = settings.routers[0].addresses.iter();
    addresses.map(|held| held.address.to_string()).collect()
}

fn instance(addresses: &str) -> String {
    format!(
        "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {{\n{addresses}\n}}\n}}\n"
    )
}

#[test]
fn lines_count_for_their_node_only() {
    let text = instance("@fe1 10.0.0.1\n@^fe1 10.0.0.2\n@fe2 10.0.0.3\n@^fe2 10.0.0.4\n@");
    assert_eq!(held(&clean(&text)), ["10.0.0.1", "10.0.0.4"]);
    let (settings, _) = read_as(&text, "fe2").expect("a configuration");
    assert_eq!(held(&settings), ["10.0.0.2", "10.0.0.3"]);
}

#[test]
fn parameters_are_replaced_when_they_are_used() {
    let base = "$BASE=10.2.${SUB}\n$SUB=0 # a comment\n$EMPTY=\n";
    let text = instance("${BASE}.1${EMPTY}/32\n$SUB=10\n${BASE}.1\n$LAST\n@fe1 $OWN=10.9.9.9\n$OWN");
    let settings = clean(&format!("$LAST=10.3.0.1\n{base}{text}"));
    assert_eq!(held(&settings), ["10.2.0.1", "10.2.10.1", "10.3.0.1", "10.9.9.9"]);
}

#[test]
fn a_condition_may_come_out_of_a_parameter() {
    let settings = clean(&format!(
        "$HERE=@fe1\n$THERE=@fe2\n{}",
        instance("$HERE 10.0.0.1\n$THERE 10.0.0.2")
    ));
    assert_eq!(held(&settings), ["10.0.0.1"]);
}

#[test]
fn a_definition_of_many_lines_is_used_again_and_again() {
    let text = "$ROUTER= \\\nvrrp_instance VI_${N} { \\\n  interface eth0.${N} # a comment \\\n  interface eth0.${N} \\\n\
                \n  virtual_router_id ${N} \\\n";
    let found = refused(text);
    // A line that does not end in a backslash is the last one, the empty one too.
    assert!(found.contains("6: a line cannot go on behind a '\\'"), "{found}");
    let text = "$ROUTER= \\\nvrrp_instance VI_${N} { \\\n  interface eth0.${N} \\\n  virtual_router_id ${N} \\\n  \
                @fe1 priority 130 \\\n  @fe2 priority 120 \\\n  virtual_ipaddress { \\\n    10.0.${N}.254/24 \\\n  } \
                \\\n}\n$N=1\n$ROUTER\n~SEQ(N, 2, 3) $ROUTER\n";
    let settings = clean(text);
    let shown: Vec<_> = (settings.node.routers.iter().zip(&settings.routers))
        .map(|((router, _), attachment)| {
            format!(
                "{} {} {} {} {}",
                router.name,
                attachment.interface,
                router.vrid.0,
                router.priority.0.get(),
                router.addresses[0]
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "VI_1 eth0.1 1 130 10.0.1.254",
            "VI_2 eth0.2 2 130 10.0.2.254",
            "VI_3 eth0.3 3 130 10.0.3.254"
        ]
    );
}

#[test]
fn a_definition_may_define() {
    let body = "$PAIR= \\\n$N=1 \\\n10.0.0.${N} \\\n$N=2 \\\n10.0.0.${N}\n";
    let settings = clean(&format!("{body}{}", instance("$N=9\n$PAIR")));
    assert_eq!(held(&settings), ["10.0.0.1", "10.0.0.2"]);
}

#[test]
fn sequences_and_lists_repeat_the_rest_of_their_line() {
    let settings = clean(&instance(
        "~SEQ(A, 1, 2) 10.0.0.$A\n~LST(B, 7, 9) 10.0.1.${B}\n@fe2 ~SEQ(C, 9) 10.0.2.$C\n\
         ~LST({D, E}, {1,2},{3,4}) ~SEQ(F,5,-2,3) 10.${D}.${E}.${F}",
    ));
    assert_eq!(
        held(&settings),
        [
            "10.0.0.1", "10.0.0.2", "10.0.1.7", "10.0.1.9", "10.1.2.5", "10.1.2.3", "10.3.4.5", "10.3.4.3"
        ]
    );
    let found = refused(&instance("~SEQ(A, x) 10.0.0.1"));
    assert!(found.contains("5: write ~SEQ(NAME, start, step, end)"), "{found}");
}

#[test]
fn known_parameters_are_there_from_the_start() {
    let text = with(
        "global_defs { router_id ${_INSTANCE}.${_PWD}.a${_HASH}${_BANG}b }",
        "",
    );
    assert_eq!(clean(&text).router_id.as_deref(), Some("fe1..a#!b"));
    let (settings, warnings) = accepted(&with("global_defs { router_id $UNKNOWN }", ""));
    assert_eq!(
        warnings,
        "1: warning: 'UNKNOWN' has no definition; it stays as it stands"
    );
    assert_eq!(settings.router_id.as_deref(), Some("$UNKNOWN"));
}

/// Reads `keepalived.conf` among other files.
fn among(files: &[(&str, &str)]) -> Result<(VipSettings, Vec<Diagnostic>), Vec<Diagnostic>> {
    read(Path::new("/etc/k/keepalived.conf"), "fe1", &Memory::of(files))
}

#[test]
fn includes_are_relative_to_the_file_that_includes() {
    let (settings, warnings) = among(&[
        (
            "/etc/k/keepalived.conf",
            "include conf.d/*.conf\ninclude \"/etc/k/x{a,b}\"\n@fe1 includea z?\ninclude none*\n",
        ),
        ("/etc/k/conf.d/b.conf", "include ../${DEEP}/${_INSTANCE}\n"),
        (
            "/etc/k/conf.d/a.conf",
            "$DEEP=deep\nglobal_defs {\nrouter_id ${_PWD}\n}\n",
        ),
        ("/etc/k/conf.d/ignored", "}"),
        ("/etc/k/conf.d/../deep/fe1", "vrrp_script c {\nscript /bin/c\n}\n"),
        ("/etc/k/xa", "vrrp_instance A {\n"),
        (
            "/etc/k/xb",
            "interface eth0\nvirtual_router_id 5\ntrack_script {\nc\n}\n",
        ),
        ("/etc/k/z1", "virtual_ipaddress {\n10.0.0.1\n}\n}\n"),
    ])
    .expect("a configuration");
    assert_eq!(lines(&warnings), "");
    assert_eq!(settings.router_id.as_deref(), Some("/etc/k/conf.d"));
    assert_eq!(settings.node.trackers.len(), 1);
}

#[test]
fn what_is_wrong_in_an_included_file_is_named_there() {
    let found = among(&[
        (
            "/etc/k/keepalived.conf",
            "include a\ninclude b\nincludew *.no\nincludea c*/x\ninclude\n",
        ),
        ("/etc/k/a", "vrrp_instance A {\ninterface eth0\npriority 300\n}\n"),
    ])
    .expect_err("errors");
    assert_eq!(
        lines(&found).replace("/etc/k/", ""),
        "a:1: vrrp_instance A has no virtual_ipaddress, so there is nothing to hold\n\
         a:1: vrrp_instance A needs a virtual_router_id\n\
         a:3: priority: '300' is not a whole number from 1 to 255\n\
         2: include: b cannot be read: entity not found\n\
         3: includew: no file matches '*.no'\n\
         4: includea: no file matches 'c*/x'\n\
         5: include needs the name of a file"
    );
}

#[test]
fn files_that_include_themselves_end() {
    let found = among(&[("/etc/k/keepalived.conf", "include keepalived.conf\n")]).expect_err("errors");
    assert!(
        lines(&found).contains("files include one another too deeply"),
        "{}",
        lines(&found)
    );
    let found = among(&[("/etc/k/keepalived.conf", "include *\ninclude *\n")]).expect_err("errors");
    assert!(
        lines(&found).contains("more than 256 files are included"),
        "{}",
        lines(&found)
    );
}

#[test]
fn parameters_that_grow_without_end_are_errors() {
    for text in ["$A=$A\n$A\n", "$A=${A}${A}\n$A\n", "$A=x \\\n$A \\\n$A\n$A\n"] {
        let found = refused(text);
        let is_named = found.contains("is defined by itself") || found.contains("nested too deeply");
        assert!(is_named, "{found}");
    }
    for text in [
        "~SEQ(A, 1, 9000000000000000000) x $A\n",
        "~SEQ(A,1,999) ~SEQ(B,1,999) ~SEQ(C,1,999) x\n",
    ] {
        let found = refused(text);
        assert!(
            found.contains("1: the configuration grows too long here"),
            "{}",
            &found[..200]
        );
    }
}

#[test]
fn a_file_that_is_no_text_is_an_error() {
    for bytes in [b"a\0b".to_vec(), vec![b' '; 1 << 21]] {
        let files = Memory([(PathBuf::from(FILE), bytes)].into());
        let found = read(Path::new(FILE), "", &files).expect_err("an error");
        assert!(
            found
                .iter()
                .any(|found| found.message.starts_with("is not a text of at most 1 MiB"))
        );
    }
    let found = read(Path::new(FILE), "", &Memory::default()).expect_err("an error");
    assert_eq!(
        found[0].to_string(),
        "keepalived.conf: cannot be read: entity not found"
    );
}

#[test]
fn words_too_many_are_named_and_ignored() {
    let (settings, warnings) = accepted(&with("", "priority 100 200\nnopreempt x"));
    assert_eq!(
        warnings,
        "6: warning: '200' behind 'priority' is not a keyword of vrrp_instance A; it is ignored\n\
         7: warning: 'x' behind 'nopreempt' is not a keyword of vrrp_instance A; it is ignored"
    );
    assert_eq!(settings.node.routers[0].0.priority.0.get(), 100);
}

#[test]
fn what_is_said_twice_counts_the_second_time() {
    let (settings, warnings) = accepted(&with("", "priority 110\npriority 120"));
    assert_eq!(
        warnings,
        "7: warning: priority was said before, at 6; this one counts"
    );
    assert_eq!(settings.node.routers[0].0.priority.0.get(), 120);
}

#[test]
fn a_statement_without_its_word_does_not_take_the_next_line() {
    assert_eq!(
        refused(&with("", "priority\nadvert_int 2")),
        "6: priority needs 1-255 on its line"
    );
}

#[test]
fn addresses_on_one_line_are_read_and_keepalived_is_said_not_to() {
    let (settings, warnings) = accepted(&instance("10.0.0.1/24 dev eth0 10.0.0.2 10.0.0.1"));
    assert_eq!(held(&settings), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(
        warnings,
        "5: warning: keepalived reads one address of a line only and would leave out '10.0.0.2'; put it on its own line\n\
         5: warning: keepalived reads one address of a line only and would leave out '10.0.0.1'; put it on its own line\n\
         5: warning: 10.0.0.1 was named before, at 5; it is held once"
    );
    assert_eq!(settings.node.routers[0].0.addresses.len(), 3);
}
