//! The site file as operators write it, well and badly.
//!
//! What is expected stands in `fixtures/site`; `WEIR_WRITE_EXPECTED=1` writes it anew, to be read before it is
//! committed.

mod derived;
mod explain;
mod mistakes;
mod rendered;

use std::fs;
use std::path::Path;

use crate::diagnostics::Diagnostic;
use crate::report::{Look, report};
use crate::site::Site;

/// The blueprint's laboratory.
const LAB: &str = include_str!("../../../../../lab/blueprint/weir.toml");
/// A site with three networks, both families, and every kind of thing.
const PRODUCTION: &str = include_str!("../../../fixtures/site/production.toml");

fn load(text: &str) -> Site {
    match Site::load(text, "weir.toml") {
        Ok((site, warnings)) => {
            assert!(warnings.is_empty(), "{}", shown(&warnings, text));
            site
        }
        Err(findings) => panic!("{}", shown(&findings, text)),
    }
}

/// The lab with one thing written differently.
fn lab_with(written: &str, instead: &str) -> String {
    assert!(LAB.contains(written), "{written}");
    LAB.replace(written, instead)
}

/// The findings about a file, errors or not.
fn findings(text: &str) -> Vec<Diagnostic> {
    match Site::load(text, "weir.toml") {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

fn shown(findings: &[Diagnostic], text: &str) -> String {
    report(findings, |_| Some(text), Look::Plain)
}

/// Asserts that `text` is what `fixtures/site/NAME` has.
fn expect(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/site")
        .join(name);
    if std::env::var_os("WEIR_WRITE_EXPECTED").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(text == expected, "{name} differs; this is what came out:\n{text}");
}
