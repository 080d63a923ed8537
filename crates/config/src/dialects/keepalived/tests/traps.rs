//! What keepalived goes on with, in a state that nobody wanted: one test for each row of the table of traps.

use weir_vrrp::Authentication;

use super::*;
use crate::vip::Tracker;

#[test]
fn an_authentication_on_one_line_is_one() {
    let settings = clean(&with("", "authentication { auth_type PASS auth_pass x }"));
    assert_eq!(
        settings.node.routers[0].0.authentication,
        Authentication::Password(*b"x\0\0\0\0\0\0\0")
    );
}

#[test]
fn lists_on_one_line_are_lists() {
    let settings = clean(&with(
        "vrrp_script chk { script \"/bin/true\" }",
        "track_script { chk }",
    ));
    assert_eq!(settings.node.trackers[0].name, "chk");
    assert_eq!(settings.routers[0].addresses.len(), 1);
}

#[test]
fn a_whole_file_on_one_line_means_what_it_means_on_many() {
    for text in [
        fixtures::LAB_DD2,
        fixtures::GROUP,
        "global_defs {\nscript_user a b\nvrrp_version 3\n}\nvrrp_script c {\nscript /bin/c\nuser x\nweight 5 reverse\n\
         init_fail\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nhigher_prio_send_advert\nnopreempt\n\
         notify /bin/n\nnotify_master \"/bin/m n\" u g\ntrack_script {\nc weight 3\n}\nvirtual_ipaddress {\n\
         10.0.0.1/24 dev eth1 label x\n}\n}",
    ] {
        // A sequence stays on a line of its own.
        let mut line = String::new();
        for part in text.lines().filter(|part| !part.trim_start().starts_with('#')) {
            let end = if part.trim_start().starts_with('~') {
                "\n"
            } else {
                " "
            };
            line += if end == "\n" { "\n" } else { "" };
            line += part;
            line += end;
        }
        let [many, one] = [text, &line].map(|text| {
            let (mut settings, _) = accepted(text);
            // Where it stands is all that may differ.
            settings
                .routers
                .iter_mut()
                .for_each(|router| router.place.line = 0);
            settings
        });
        assert_eq!(format!("{one:#?}"), format!("{many:#?}"), "{line}");
    }
}

#[test]
fn quotes_of_a_word_processor_are_quotes() {
    let (settings, warnings) = accepted(&with(
        "vrrp_script c { script \u{201c}/bin/c \u{2018}a b\u{2019}\u{201d} }",
        "track_script { c }",
    ));
    assert_eq!(
        warnings,
        "1: warning: typographic quotes were read as '\"', typographic quotes were read as \"'\"; write them in ASCII"
    );
    let Tracker::Script(script) = &settings.trackers[0] else {
        panic!("{:?}", settings.trackers);
    };
    assert_eq!(script.program.words, ["/bin/c", "a b"]);
}

#[test]
fn a_path_that_still_has_quotes_is_an_error() {
    let found = refused(&with(
        "vrrp_script c { script \"'\\\"/bin/c\\\" x'\" }",
        "track_script { c }",
    ));
    assert_eq!(
        found,
        "1: script: the path of the program contains quotation marks: \"/bin/c\" x; put the whole command in one pair \
         of double quotes\n1: vrrp_script c has no script, so nothing would be checked"
    );
}

#[test]
fn a_script_that_is_not_there_is_an_error() {
    assert_eq!(
        refused(&with(
            "vrrp_script c { script \"/bin/missing x\" }",
            "track_script { c }"
        )),
        "1: there is no program '/bin/missing', so nothing would be checked"
    );
    let (_, warnings) = accepted(&with("", "notify /bin/missing"));
    assert_eq!(
        warnings,
        "6: warning: notify: there is no program '/bin/missing', so nothing will be run"
    );
}

#[test]
fn a_brace_on_its_own_line_and_dos_lines_are_read() {
    let text = fixtures::LAB_DD2.replace(" {", "\n\n{").replace('\n', "\r\n");
    clean(&format!("\u{feff}{text}"));
}

#[test]
fn an_unknown_keyword_is_a_warning() {
    let (_, warnings) = accepted(&with("", "foo 3 { x { y } }\npriorty 7"));
    assert_eq!(
        warnings,
        "6: warning: 'foo' is not a keyword of vrrp_instance A; it is ignored\n\
         7: warning: 'priorty' is not a keyword of vrrp_instance A; did you mean 'priority'?"
    );
}

#[test]
fn a_slip_in_what_guards_is_an_error() {
    for (before, extra, found) in [
        (
            "",
            "authentication { auth_type PASS auth_pas x }",
            "6: 'auth_pas' behind 'auth_type' is not a keyword of authentication; did you mean 'auth_pass'?\n\
             6: authentication without an auth_pass; write auth_pass PASSWORD",
        ),
        (
            "",
            "autentication {\nauth_type PASS\n}",
            "6: 'autentication' is not a keyword of vrrp_instance A; did you mean 'authentication'?",
        ),
        (
            "vrrp_script c { script /bin/c }",
            "track_scrip { c }\ntrack_script { c }",
            "6: 'track_scrip' is not a keyword of vrrp_instance A; did you mean 'track_script'?",
        ),
        (
            "vrrp_script c { script /bin/c weigth 5 }",
            "track_script { c }",
            "1: warning: script: keepalived would run the first word only; put the whole command in double quotes",
        ),
        (
            "vrrp_script c { script \"/bin/c\" weigth 5 }",
            "track_script { c }",
            "1: 'weigth' behind 'script' is not a keyword of vrrp_script c; did you mean 'weight'?",
        ),
        (
            "vrrp_scrpt c { script /bin/c }",
            "",
            "1: 'vrrp_scrpt' is not a keyword of the top level; did you mean 'vrrp_script'?",
        ),
        (
            "",
            "auth_pass x",
            "6: 'auth_pass' is not a keyword of vrrp_instance A; it belongs into authentication",
        ),
    ] {
        let text = with(before, extra);
        let all = match read_as(&text, "") {
            Ok((_, findings)) | Err(findings) => lines(&findings),
        };
        assert_eq!(all, found, "{text}");
    }
}

#[test]
fn a_track_script_of_another_name_is_an_error() {
    assert_eq!(
        refused(&with(
            "vrrp_script chk_dns { script /bin/c }",
            "track_script {\nchk_dnss\n}"
        )),
        "1: warning: no vrrp_instance tracks chk_dns, so it is not asked\n\
         7: there is no vrrp_script chk_dnss, so nothing would be checked; did you mean 'chk_dns'?"
    );
}

#[test]
fn a_priority_out_of_range_is_an_error() {
    for value in ["300", "0", "-1", "high"] {
        assert_eq!(
            refused(&with("", &format!("priority {value}"))),
            format!("6: priority: '{value}' is not a whole number from 1 to 255")
        );
    }
}

#[test]
fn addresses_of_two_families_are_an_error_except_excluded_ones() {
    assert_eq!(
        refused(&with("", "virtual_ipaddress {\nfd00::1\n}")),
        "7: fd00::1 is not of the family of 10.0.0.1, and an instance has one; put it in virtual_ipaddress_excluded \
         or in an instance of its own"
    );
    let settings = clean(&with("", "virtual_ipaddress_excluded {\nfd00::1/64\n}"));
    assert_eq!(settings.node.routers[0].0.addresses.len(), 1);
    assert_eq!(settings.routers[0].addresses.len(), 2);
}

#[test]
fn a_missing_brace_is_an_error_at_the_block() {
    for (text, found) in [
        (
            fixtures::LAB_DD2.trim_end().trim_end_matches('}').to_owned(),
            "10: 'vrrp_instance VI_DNS' is not closed: a '}' is missing at the end of the configuration",
        ),
        (
            fixtures::LAB_DD2.replacen("rise 1\n}", "rise 1", 1),
            "4: 'vrrp_script chk_dnsdist' is not closed: a '}' is missing before 'vrrp_instance' (9)",
        ),
        (
            fixtures::LAB_DD2.replacen("10.10.2.160\n}", "10.10.2.160", 1),
            "20: 'virtual_ipaddress' is not closed: a '}' is missing before 'track_script' (22)",
        ),
        (
            fixtures::LAB_DD2.replace("VI_DNS {", "VI_DNS"),
            "10: a '{' is missing behind 'vrrp_instance VI_DNS'",
        ),
    ] {
        assert_eq!(refused(&text), found, "{text}");
    }
    let (_, warnings) = accepted(&format!("{}\n}}\n", fixtures::LAB_DD2));
    assert_eq!(warnings, "28: warning: a '}' without a '{'; it is ignored");
}

#[test]
fn an_include_of_nothing_is_an_error() {
    assert_eq!(
        refused(&with("include more.conf", "")),
        "1: include: more.conf cannot be read: entity not found"
    );
}

#[test]
fn an_instance_without_its_parts_is_an_error() {
    assert_eq!(
        refused("vrrp_instance A {\n}\nvrrp_instance B {\nvirtual_ipaddress_excluded {\n10.0.0.1\n}\n}"),
        "1: vrrp_instance A has no virtual_ipaddress, so there is nothing to hold\n\
         1: vrrp_instance A needs an interface\n\
         1: vrrp_instance A needs a virtual_router_id\n\
         3: vrrp_instance B has virtual_ipaddress_excluded only; an advert lists one address at least\n\
         3: vrrp_instance B needs an interface\n\
         3: vrrp_instance B needs a virtual_router_id"
    );
    assert_eq!(
        refused("global_defs { }"),
        " there is no vrrp_instance, so there is no address to hold"
    );
}

#[test]
fn an_authentication_that_is_none_is_an_error() {
    for (extra, found) in [
        (
            "authentication { }",
            "6: authentication without an auth_type; write auth_type PASS\n6: authentication without an auth_pass; write auth_pass PASSWORD",
        ),
        (
            "authentication { auth_type PASS }",
            "6: authentication without an auth_pass; write auth_pass PASSWORD",
        ),
        (
            "authentication { auth_pass x }",
            "6: authentication without an auth_type; write auth_type PASS",
        ),
        (
            "authentication {\nauth_type PASS\nauth_pass\n}",
            "6: authentication without an auth_pass; write auth_pass PASSWORD\n8: auth_pass needs PASSWORD on its line",
        ),
        (
            "authentication {\nauth_type PASS\nauth_pass #x\n}",
            "6: authentication without an auth_pass; write auth_pass PASSWORD\n8: auth_pass needs PASSWORD on its line",
        ),
        (
            "authentication { auth_type PASS auth_pass \"\" }",
            "6: auth_pass: the password is empty\n6: authentication without an auth_pass; write auth_pass PASSWORD",
        ),
        (
            "authentication { auth_type PASS auth_pass 'a b' }",
            "6: auth_pass: keepalived ends the password at the blank; put it in double quotes\n\
             6: authentication without an auth_pass; write auth_pass PASSWORD",
        ),
        (
            "authentication {\nauth_type AH\nauth_pass x\n}",
            "6: authentication without an auth_type; write auth_type PASS\n7: auth_type: AH is not supported; use PASS on every node, or no authentication",
        ),
        (
            "auth_hmac { }",
            "6: auth_hmac is not supported: use auth_type PASS, or none on a network of your own",
        ),
        (
            "strict_mode\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            "6: warning: vrrp_strict is ignored: keepalived would drop every query to the address (no_accept) and forbid authentication, unicast peers and repeated announcements; remove it on every node\n7: keepalived drops the authentication under vrrp_strict, and a peer that does refuses the adverts of one that does not; remove vrrp_strict, or the authentication",
        ),
    ] {
        assert_eq!(refused(&with("", extra)), found, "{extra}");
    }
}

#[test]
fn a_password_is_the_bytes_that_keepalived_sends() {
    for (written, bytes, warning) in [
        (
            "abcdefghij",
            b"abcdefgh",
            "6: warning: auth_pass: only the first 8 bytes of the password count",
        ),
        ("\"ab#c d!\"", b"ab#c d!\0", ""),
        (
            "ab#cd",
            b"ab\0\0\0\0\0\0",
            "6: warning: a comment begins at the '#' inside of a word; if it belongs to the word, put the word in \
             double quotes",
        ),
        (
            "'ab'",
            b"'ab'\0\0\0\0",
            "6: warning: auth_pass: keepalived takes single quotes for a part of the password, so they are; use \
             double quotes",
        ),
        (
            "secret word",
            b"secret\0\0",
            "6: warning: auth_pass: only the first word is the password; put it in double quotes",
        ),
        ("a\\b", b"a\\b\0\0\0\0\0", ""),
    ] {
        let (settings, warnings) = accepted(&with(
            "",
            &format!("authentication {{ auth_type PASS auth_pass {written}\n}}"),
        ));
        assert_eq!(
            settings.node.routers[0].0.authentication,
            Authentication::Password(*bytes),
            "{written}"
        );
        assert_eq!(warnings, warning);
    }
}

#[test]
fn version_3_has_no_authentication() {
    let (settings, warnings) = accepted(&with(
        "",
        "version 3\nauthentication { auth_type PASS auth_pass x }",
    ));
    assert_eq!(settings.node.routers[0].0.authentication, Authentication::None);
    assert_eq!(
        warnings,
        "7: warning: version 3 has no authentication; adverts go without, as keepalived's do"
    );
}

#[test]
fn strictness_would_close_the_address() {
    let (_, warnings) = accepted(&with("global_defs { vrrp_strict }", ""));
    assert!(
        warnings.starts_with("1: warning: vrrp_strict is ignored: keepalived would drop every query"),
        "{warnings}"
    );
    assert_eq!(
        refused(&with("", "no_accept")),
        "6: no_accept is not supported: nobody could ask the address anything; remove it"
    );
    clean(&with("", "accept"));
    clean(&with("", "strict_mode off"));
}

#[test]
fn numbers_and_names_that_are_taken_twice_are_errors() {
    let second = |name: &str, vrid: u8, interface: &str, address: &str| {
        format!(
            "vrrp_instance {name} {{ interface {interface} virtual_router_id {vrid} virtual_ipaddress {{ {address} }} }}"
        )
    };
    assert_eq!(
        refused(&(with("", "") + &second("B", 5, "eth0", "10.0.0.2"))),
        "8: A and B both have virtual_router_id 5 on eth0; give one another number"
    );
    clean(&(with("", "") + &second("B", 5, "eth1", "10.0.0.2")));
    clean(&(with("", "") + &second("B", 5, "eth0", "fd00::2")));
    assert_eq!(
        refused(&(with("", "") + &second("A", 6, "eth0", "10.0.0.2"))),
        "8: vrrp_instance A was defined before, at 2; give one another name"
    );
    assert_eq!(
        refused(&with(
            "vrrp_script c { script /bin/a }\nvrrp_script c { script /bin/b }",
            "track_script { c }"
        )),
        "1: vrrp_script c was defined before, at 1; give one another name"
    );
}

#[test]
fn weights_that_cannot_move_the_address_are_named() {
    let script = "vrrp_script c { script /bin/c weight 5 }";
    let (_, warnings) = accepted(&with(script, "nopreempt\ntrack_script {\nc\n}"));
    assert_eq!(
        warnings,
        "6: warning: A: with nopreempt, a weight never moves the address away from a node that answers adverts; use \
         weight 0, or leave nopreempt out"
    );
    let (_, warnings) = accepted(&with(script, "priority 255\ntrack_script {\nc\n}"));
    assert_eq!(
        warnings,
        "8: warning: c of A: a failure is a fault, as with weight 0: priority 255 never changes"
    );
    for (weight, found) in [
        (
            "weight 300",
            "8: c: weight: '300' is not a whole number from -254 to 254",
        ),
        ("weight -254", "8: c: weight -254 is not from -253 to 253"),
        ("weight", "8: c: 'weight' needs a value behind it"),
    ] {
        assert_eq!(
            refused(
                &with(script, &format!("\ntrack_script {{ c {weight} }}"))
                    .replace("\n\ntrack", "\n\n\ntrack")
            ),
            found
        );
    }
}

#[test]
fn group_members_that_are_not_there_are_errors() {
    for (group, found) in [
        (
            "vrrp_sync_group G { group { A B } }",
            "1: vrrp_sync_group G: there is no vrrp_instance B",
        ),
        (
            "vrrp_sync_group G { group { } }",
            "1: vrrp_sync_group G has no members; add group { NAME ... }",
        ),
        (
            "vrrp_sync_group G { group { A } } vrrp_sync_group H { group { A } }",
            "1: A is in vrrp_sync_group G already; an instance is in one at most\n\
             1: warning: vrrp_sync_group G has one member only\n1: warning: vrrp_sync_group H has one member only",
        ),
    ] {
        assert_eq!(refused(&with(group, "")), found, "{group}");
    }
}

#[test]
fn what_would_leave_something_unserved_is_refused() {
    for keyword in [
        "virtual_server 10.0.0.1 53",
        "virtual_server_group G",
        "bfd_instance B",
        "static_ipaddress",
        "static_routes",
        "static_rules",
    ] {
        let found = refused(&with(&format!("{keyword} {{ x {{ y }} }}"), ""));
        let name = keyword.split(' ').next().expect("a name");
        assert!(
            found.starts_with(&format!("1: {name} is not supported: ")),
            "{found}"
        );
        assert_eq!(found.lines().count(), 1, "{found}");
    }
    for keyword in [
        "use_vmac vrrp.5",
        "use_ipvlan",
        "virtual_routes { 0.0.0.0/0 }",
        "virtual_rules { x }",
        "track_bfd { B }",
    ] {
        let found = refused(&with("", keyword));
        assert!(
            found.contains(" is not supported: ") && found.lines().count() == 1,
            "{found}"
        );
    }
    assert!(refused(&with("net_namespace dns", "")).contains("ip netns exec"));
}

#[test]
fn every_mistake_is_named_in_one_run() {
    let text = "vrrp_script c {\ninterval 0\n}\nvrrp_instance A {\npriority 999\ninterface eth0\n\
                virtual_ipaddress {\n10.0.0.300\n10.0.0.1/33\n}\ntrack_script {\nd\n}\n}\n";
    assert_eq!(
        refused(text),
        "1: warning: no vrrp_instance tracks c, so it is not asked\n\
         2: interval: '0' is not a number of seconds from 0.001 to 86400\n\
         4: vrrp_instance A has no virtual_ipaddress, so there is nothing to hold\n\
         4: vrrp_instance A needs a virtual_router_id\n\
         5: priority: '999' is not a whole number from 1 to 255\n\
         8: '10.0.0.300' is not an address, nor an option of one\n\
         9: '10.0.0.1/33': the prefix length is not from 0 to 32\n\
         12: there is no vrrp_script d, so nothing would be checked"
    );
}

#[test]
fn an_address_in_two_instances_is_an_error_however_it_is_written() {
    let two = |one: &str, other: &str, interface: &str| {
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {{\n10.0.0.1\n}}\n\
             virtual_ipaddress_excluded {{\n{one}\n}}\n}}\n\
             vrrp_instance B {{\ninterface {interface}\nvirtual_router_id 6\nvirtual_ipaddress {{\n{other}\n}}\n}}\n"
        )
    };
    for (one, other) in [
        ("10.0.0.2", "10.0.0.2/24"),
        ("fd00::2", "fd00:0:0::2/64"),
        ("10.0.0.2", "::ffff:10.0.0.2"),
        ("10.0.0.2 dev eth1", "10.0.0.2 dev eth1"),
    ] {
        let said = refused(&two(one, other, "eth0"));
        assert!(
            said.starts_with("15: ") && said.contains("of vrrp_instance A as well, at 8: "),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // Interfaces may belong to networks that have nothing to do with each other.
    assert_eq!(accepted(&two("10.0.0.2", "10.0.0.2", "eth1")).1, "");
}
