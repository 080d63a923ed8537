//! Flags, exit codes, the site file, and files that cannot be read.

use std::path::Path;

use super::{check, expect_golden, printed};
use crate::tree::Tree;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_blueprints_site_file_still_has_one_authoritative_server_and_one_network() {
    let (text, code) = printed(root(), &["lab/blueprint/weir.toml"]);
    expect_golden("site-lab.txt", &text);
    assert_eq!(code, 1);
}

#[test]
fn the_production_site_has_a_pool_of_one_server() {
    let (text, code) = printed(root(), &["crates/config/fixtures/site/production.toml"]);
    expect_golden("site-production.txt", &text);
    assert_eq!(code, 1);
}

#[test]
fn a_site_without_fault_is_exit_code_0() {
    let tree = Tree::of_the_blueprint().unwrap();
    let production =
        std::fs::read_to_string(root().join("crates/config/fixtures/site/production.toml")).unwrap();
    let site = production.replace("nodes = [\"rec3\"]", "nodes = [\"rec3\", \"rec1\"]");
    std::fs::write(tree.path().join("weir.toml"), site).unwrap();
    assert_eq!(
        printed(tree.path(), &["weir.toml"]),
        ("nothing found\n".to_owned(), 0)
    );
    assert_eq!(
        printed(tree.path(), &["weir.toml", "--json"]),
        ("[]\n".to_owned(), 0)
    );
}

#[test]
fn notes_alone_are_exit_code_0() {
    let tree = Tree::of_the_blueprint().unwrap();
    let front = "setACL(\"192.0.2.0/24\")\naddAction(MaxQPSIPRule(200), DropAction())\n\
                 addAction(OrRule({QTypeRule(DNSQType.ANY), QClassRule(DNSClass.CHAOS)}), DropAction())\n\
                 newServer({address=\"10.0.0.1\", checkName=\".\"})\nnewServer({address=\"10.0.0.2\", checkName=\".\"})\n\
                 getPool(\"\"):setCache(newPacketCache(500000))\n";
    std::fs::write(tree.path().join("dnsdist.conf"), front).unwrap();
    let (text, code) = printed(tree.path(), &["dnsdist.conf"]);
    assert!(text.ends_with("\n1 note\n"), "{text}");
    assert_eq!(code, 0);
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_shown() {
    let tree = Tree::of_the_blueprint().unwrap();
    for (name, text, said) in [
        (
            "named.conf",
            "options {\n  recursion no\n};\n",
            "2 |   recursion no\n",
        ),
        (
            "dnsdist.conf",
            "setLocal(\"0.0.0.0:53\")\nadACL(\"10.10.2.0/24\")\n",
            "addACL",
        ),
        ("weir.toml", "[site]\nnmae = \"x\"\n", "name"),
        ("notes", "hello\n", "--as site|keepalived|dnsdist|named|zone"),
    ] {
        std::fs::write(tree.path().join(name), text).unwrap();
        let output = check(tree.path(), &["dd1/dnsdist.conf", name]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said), "{name}: {stderr}");
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{name}"
        );
    }
    assert_eq!(check(tree.path(), &["not-there.conf"]).status.code(), Some(2));
}

#[test]
fn a_file_is_what_the_operator_says_where_it_looks_like_nothing() {
    let tree = Tree::of_the_blueprint().unwrap();
    std::fs::write(tree.path().join("extra"), "webserver(\"0.0.0.0:8083\")\n").unwrap();
    let (text, _) = printed(tree.path(), &["extra", "--as", "dnsdist"]);
    assert!(text.contains("extra:1: error[weak-secret]: "), "{text}");
}

#[test]
fn interfaces_are_looked_for_on_the_machine_itself() {
    let tree = Tree::of_the_blueprint().unwrap();
    let vip = "dd2/keepalived.conf";
    let text = std::fs::read_to_string(tree.path().join(vip)).unwrap();
    std::fs::write(tree.path().join(vip), text.replace("ens160", "no-such-link")).unwrap();
    let missing = "error[vrrp-interface-missing]: dd2: there is no interface no-such-link";
    assert!(printed(tree.path(), &[vip, "--local"]).0.contains(missing));
    assert!(!printed(tree.path(), &[vip]).0.contains(missing));
    std::fs::write(tree.path().join(vip), text.replace("ens160", "lo")).unwrap();
    assert!(!printed(tree.path(), &[vip, "--local"]).0.contains("interface"));
}

#[test]
fn the_rules_are_listed() {
    let (text, code) = printed(root(), &["--list"]);
    for rule in weir_config::lint::RULES {
        assert!(
            text.contains(&format!("{} ({})\n    {}\n", rule.id, rule.level, rule.about)),
            "{text}"
        );
    }
    assert_eq!(code, 0);
}
