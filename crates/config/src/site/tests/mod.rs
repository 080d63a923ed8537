//! The site file as operators write it, well and badly.

use crate::diagnostics::Diagnostic;
use crate::report::{Look, report};
use crate::site::Site;

/// The blueprint's laboratory.
pub(super) const LAB: &str = include_str!("../../../../../lab/blueprint/weir.toml");

fn load(text: &str) -> Site {
    match Site::load(text, "weir.toml") {
        Ok((site, warnings)) => {
            assert!(warnings.is_empty(), "{}", shown(&warnings, text));
            site
        }
        Err(findings) => panic!("{}", shown(&findings, text)),
    }
}

fn shown(findings: &[Diagnostic], text: &str) -> String {
    report(findings, |_| Some(text), Look::Plain)
}

#[test]
fn the_blueprints_lab_is_sixty_lines_at_most() {
    let site = load(LAB);
    assert!(LAB.lines().count() <= 60);
    assert_eq!(site.nodes.len(), 5);
}
