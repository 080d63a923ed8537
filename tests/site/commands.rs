//! What the commands print, and where.

use std::process::Command;

use crate::{Folder, SITES, outcome};

fn weir(words: &[&str]) -> (bool, String) {
    outcome(
        &Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(words)
            .output()
            .unwrap(),
    )
}

#[test]
fn the_digest_is_the_files_sha256() {
    let folder = Folder::new(SITES[0]);
    let (good, said) = outcome(&folder.weir(&["config", "digest"]));
    let expected = Command::new("sha256sum").arg(&folder.file).output().unwrap();
    let expected = String::from_utf8(expected.stdout).unwrap();
    assert!(good);
    assert_eq!(said.trim(), expected.split(' ').next().unwrap());
}

#[test]
fn a_bad_file_is_shown_with_its_mistakes_and_a_status() {
    let folder = Folder::new(&SITES[0].replace("roles = \"auth\"", "rolls = \"auth\""));
    let output = folder.weir(&["render", "dd1", "dnsdist"]);
    let (good, said) = outcome(&output);
    assert!(!good && output.stdout.is_empty());
    assert!(
        said.contains("error: there is no key `rolls`") && said.contains("did you mean `roles`?"),
        "{said}"
    );
    assert!(said.contains("weir.toml:21:"), "{said}");
}

#[test]
fn a_missing_file_is_named() {
    let (good, said) = weir(&["config", "digest", "-f", "/nonexistent/weir.toml"]);
    assert!(!good && said.starts_with("/nonexistent/weir.toml: "), "{said}");
}

#[test]
fn a_misspelt_node_or_format_has_a_near_miss() {
    let folder = Folder::new(SITES[0]);
    for (words, expected) in [
        (["render", "dd3", "dnsdist"], "did you mean dd1?"),
        (["render", "dd1", "dnsdits"], "'dnsdist'"),
        (
            ["render", "auth1", "dnsdist"],
            "auth1 does not have the role front",
        ),
    ] {
        let (good, said) = outcome(&folder.weir(&words));
        assert!(!good && said.contains(expected), "{said}");
    }
}

#[test]
fn keys_are_explained() {
    let (good, said) = weir(&["config", "explain", "floating.dns.advert"]);
    assert!(good && said.starts_with("floating.NAME.advert\n"), "{said}");
    let (good, said) = weir(&["config", "explain", "health.intervall"]);
    assert!(!good && said.contains("did you mean 'interval'?"), "{said}");
}
