//! The unit files, read by systemd's own checker where there is one.

use std::path::Path;
use std::process::Command;

use weir_lab::Scratch;

#[test]
fn systemd_finds_nothing_to_say_about_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    }
    let scratch = Scratch::create().unwrap();
    for unit in ["weir.service", "weir-front.service", "weir-vip.service"] {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(unit))
                .unwrap();
        // The checker wants to see the program where the package puts it.
        assert!(text.contains("/usr/bin/weir "));
        let text = text.replace("/usr/bin/weir ", concat!(env!("CARGO_BIN_EXE_weir"), " "));
        let file = scratch.write(unit, &text).unwrap();
        let mut check = Command::new("systemd-analyze");
        check
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(file);
        let output = check.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            output.status.success() && said.trim().is_empty(),
            "{unit}: {said}"
        );
    }
}
