//! `weir config` and `weir render` as an operator calls them, and what other programs say about what is rendered.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod documentation;
mod tools;

use std::path::PathBuf;
use std::process::{Command, Output};

use weir_lab::Scratch;

/// The site files that are tried: the blueprint's laboratory, and one with everything in it.
const SITES: [&str; 2] = [
    include_str!("../../lab/blueprint/weir.toml"),
    include_str!("../../crates/config/fixtures/site/production.toml"),
];

/// A folder with a site file whose paths are in that folder, and what they name.
struct Folder {
    scratch: Scratch,
    file: PathBuf,
}

impl Folder {
    fn new(site: &str) -> Self {
        let scratch = Scratch::create().unwrap();
        let own = scratch.path().display().to_string();
        let site = site.replace("/etc/weir", &own).replace("/usr/share/dns", &own);
        let file = scratch.write("weir.toml", &site).unwrap();
        scratch
            .write("blocked", "ads.example # a reason\n\n# nothing\n")
            .unwrap();
        scratch
            .write("status-page", "correct horse battery staple\n")
            .unwrap();
        scratch
            .write(
                "root.hints",
                ". 3600000 NS a.test.\na.test. 3600000 A 192.0.2.1\n",
            )
            .unwrap();
        Self { scratch, file }
    }

    /// Runs `weir` with these words and the site file.
    fn weir(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(words).arg("-f").arg(&self.file);
        command.output().unwrap()
    }

    /// A node's share in a file of that format's name; `None` when it has none.
    fn render(&self, node: &str, format: &str) -> Option<PathBuf> {
        let directory = self.scratch.path().display().to_string();
        let output = self.weir(&["render", node, format, "--directory", &directory]);
        if !output.status.success() {
            assert!(output.stdout.is_empty());
            return None;
        }
        let text = String::from_utf8(output.stdout).unwrap();
        Some(self.scratch.write(&format!("{node}.{format}"), &text).unwrap())
    }

    /// Runs `check` on the share of every node that has one, at least one.
    fn check_all(&self, format: &str, check: impl Fn(&std::path::Path)) {
        let nodes = ["dd1", "dd2", "auth1", "auth2", "rec1", "rec2", "rec3"];
        let shares: Vec<_> = nodes
            .iter()
            .filter_map(|node| self.render(node, format))
            .collect();
        assert!(!shares.is_empty(), "no node has a share for {format}");
        for share in shares {
            check(&share);
        }
    }
}

/// What a command wrote, and whether it went well.
fn outcome(output: &Output) -> (bool, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}
