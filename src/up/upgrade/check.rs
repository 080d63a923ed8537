//! Is a file a program that this node can go on with?

use std::process::Command;

use super::super::shares::{self, CHECK_TIMEOUT, DRAFTS, Shares};
use super::super::{Options, Source};
use crate::clock::now;
use crate::succession;

/// What every version says of itself begins so.
const NAME: &str = "weir ";

/// Has the program `options.own` say its version and read this node's files, as they are for `digest`.
///
/// # Errors
/// What to tell the operator. Nothing that runs notices.
pub(super) fn check(options: &Options, digest: &str) -> Result<(String, Shares), String> {
    let own = &options.own;
    let failed = |what: &str| format!("{}: {what}", own.display());
    let version = say(options, &["--version"]).map_err(|why| failed(&format!("does not run: {why}")))?;
    if !version.starts_with(NAME) {
        return Err(failed("is another program"));
    }
    for role in ["up", "front", "vip"] {
        let knows = say(options, &[role, succession::FLAG, "--help"]);
        knows.map_err(|_| {
            failed(&format!(
                "cannot take over from another: its weir {role} does not know how"
            ))
        })?;
    }
    if let Source::Site { file, .. } = &options.source {
        let read = say(options, &["config", "digest", "-f", &file.display().to_string()]);
        let read = read.map_err(|why| failed(&format!("refuses the site file:\n{why}")))?;
        if read != digest {
            return Err(
                "the site file is another one than that of the last reload: run `weir reload` first"
                    .to_owned(),
            );
        }
    }
    Ok((version, Shares::prepare(options)?))
}

/// What the program says to these words.
fn say(options: &Options, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(&options.own);
    command.args(words);
    let folder = options.run.join(DRAFTS);
    shares::make_private(&folder, None).map_err(|error| error.to_string())?;
    shares::run(command, &folder.join("said"), now() + CHECK_TIMEOUT)
}
