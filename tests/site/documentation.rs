//! The pages of `docs/` say what the program does.

use std::fs;
use std::path::Path;

use crate::{SITES, outcome};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(path).unwrap()
}

/// Its blocks of TOML.
fn blocks(page: &str) -> Vec<&str> {
    let after = page.split("\n```toml\n").skip(1);
    after.filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_site_files_of_the_page_are_good_ones() {
    let page = page("site-file.md");
    let files = blocks(&page);
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], SITES[0].trim_end());
    let scratch = weir_lab::Scratch::create().unwrap();
    let file = scratch.write("weir.toml", files[1]).unwrap();
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_weir"));
    let (good, said) = outcome(&check.arg("check").arg(file).output().unwrap());
    assert!(good && said == "nothing found\n", "{said}");
}

#[test]
fn the_page_has_every_key() {
    let mut explain = std::process::Command::new(env!("CARGO_BIN_EXE_weir"));
    let output = explain.args(["config", "explain"]).output().unwrap();
    let keys = String::from_utf8(output.stdout).unwrap();
    assert!(
        page("site-file.md").contains(keys.trim()),
        "the block under 'Every key' in docs/site-file.md is to be:\n{keys}"
    );
}
