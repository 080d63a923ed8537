//! `vrrp_script`, `vrrp_track_process`, `track_file`: what is tracked. And `track_*`: who tracks it.

use std::path::PathBuf;

use crate::diagnostics::Placed;
use crate::dialects::keepalived::findings::Findings;
use crate::dialects::keepalived::rows::{Item, ItemOption, Keyword, Statement, guard};
use crate::dialects::keepalived::spec::{
    FileSpec, ProcessSpec, ScriptSpec, TrackKind, TrackSpec, WeightSpec,
};
use crate::dialects::keepalived::tokens::{Word, unescape};
use crate::dialects::keepalived::values::{command, number, option, seconds, user};

/// The most that a weight can do to a priority.
const MAX_WEIGHT: i16 = 254;

/// The rows of `vrrp_script`.
pub(super) const SCRIPT: &[Keyword<ScriptSpec>] = &[
    guard(Keyword::command(
        "script",
        "what is run; exit code 0 holds",
        |script, s| {
            let mut words = command(s.first()?)?;
            let more = s.words.get(1..).unwrap_or_default();
            if !more.is_empty() {
                words.extend(more.iter().map(plain));
                s.warn("keepalived would run the first word only; put the whole command in double quotes");
            }
            script.command = Some(Placed {
                value: words,
                place: s.keyword.place.clone(),
            });
            Ok(())
        },
    )),
    guard(Keyword::word(
        "interval",
        "SECONDS",
        "time from one run to the next; default 1",
        |script, s| {
            script.interval = Some(seconds(s.first()?, 0.001, 86_400.0)?);
            Ok(())
        },
    )),
    guard(Keyword::word(
        "timeout",
        "SECONDS",
        "a run that takes longer fails; default: the interval",
        |script, s| {
            script.timeout = Some(seconds(s.first()?, 0.001, 86_400.0)?);
            Ok(())
        },
    )),
    guard(Keyword::takes(
        "weight",
        "-253..253 [reverse]",
        "what it does to a priority; 0: a failure is a fault",
        (1, 2),
        |script, s| {
            script.weight = weight(s)?;
            Ok(())
        },
    )),
    guard(Keyword::word(
        "rise",
        "NUMBER",
        "successes until it holds; default 1",
        |script, s| {
            script.rise = Some(number(s.first()?, 1, u32::MAX)?);
            Ok(())
        },
    )),
    guard(Keyword::word(
        "fall",
        "NUMBER",
        "failures until it fails; default 1",
        |script, s| {
            script.fall = Some(number(s.first()?, 1, u32::MAX)?);
            Ok(())
        },
    )),
    Keyword::takes(
        "user",
        "USER [GROUP]",
        "who runs it; default: script_user",
        (1, 2),
        |script, s| {
            script.user = user(s.words);
            Ok(())
        },
    ),
    guard(Keyword::takes(
        "init_fail",
        "",
        "it has failed until it first holds",
        (0, 0),
        |script, _| {
            script.starts_failed = true;
            Ok(())
        },
    )),
];

/// The rows of `vrrp_track_process`.
pub(super) const PROCESS: &[Keyword<ProcessSpec>] = &[
    guard(Keyword::takes(
        "process",
        "NAME [ARGUMENT ...]",
        "which",
        (1, usize::MAX),
        |process, s| {
            process.words = s.words.iter().map(plain).collect();
            Ok(())
        },
    )),
    Keyword::takes(
        "full_command",
        "",
        "the whole command line must be equal",
        (0, 0),
        |process, _| {
            process.full_command = true;
            Ok(())
        },
    ),
    Keyword::refused(
        "param_match",
        "only whole command lines are compared; use full_command",
    ),
    guard(Keyword::takes(
        "weight",
        "-254..254 [reverse]",
        "what it does to a priority; 0: a failure is a fault",
        (1, 2),
        |process, s| {
            process.weight = weight(s)?;
            Ok(())
        },
    )),
    guard(Keyword::word(
        "quorum",
        "NUMBER",
        "so many at least; default 1",
        |process, s| {
            process.quorum = Some(number(s.first()?, 1, 65_535)?);
            Ok(())
        },
    )),
    guard(Keyword::word(
        "quorum_max",
        "NUMBER",
        "so many at most; 0: none may run",
        |process, s| {
            process.quorum_max = Some(number(s.first()?, 0, 65_535)?);
            Ok(())
        },
    )),
    Keyword::word("delay", "SECONDS", "a change counts after this", |process, s| {
        process.fork_delay = seconds(s.first()?, 0.0, 3600.0)?;
        process.terminate_delay = process.fork_delay;
        Ok(())
    }),
    Keyword::word(
        "fork_delay",
        "SECONDS",
        "a start counts after this",
        |process, s| {
            process.fork_delay = seconds(s.first()?, 0.0, 3600.0)?;
            Ok(())
        },
    ),
    Keyword::word(
        "terminate_delay",
        "SECONDS",
        "an end counts after this",
        |process, s| {
            process.terminate_delay = seconds(s.first()?, 0.0, 3600.0)?;
            Ok(())
        },
    ),
];

/// The rows of `track_file`.
pub(super) const FILE: &[Keyword<FileSpec>] = &[
    guard(Keyword::word(
        "file",
        "PATH",
        "its number, times the weight, is added to priorities",
        |file, s| {
            file.path = Some(PathBuf::from(&s.first()?.text));
            Ok(())
        },
    )),
    guard(Keyword::takes(
        "weight",
        "-254..254 [reverse]",
        "default 1; 0: any number but zero is a fault",
        (1, 2),
        |file, s| {
            file.weight = weight(s)?;
            Ok(())
        },
    )),
    Keyword::ignored(
        "init_file",
        "the file is not written; create it with a 0 in it before the start",
    ),
];

/// The options of an item of `track_*`.
pub(super) const TRACK_OPTIONS: &[ItemOption] = &[
    option("weight", true),
    option("reverse", false),
    option("noreverse", false),
    option("no_reverse", false),
];

/// Adds the items of `track_*`.
pub(super) fn track(tracks: &mut Vec<TrackSpec>, kind: TrackKind, items: &[Item], findings: &mut Findings) {
    for item in items {
        let mut weight = WeightSpec::default();
        for (name, value) in &item.options {
            match (*name, value) {
                ("weight", Some(value)) => match number(value, -MAX_WEIGHT, MAX_WEIGHT) {
                    Ok(points) => weight.points = Some(points),
                    Err(why) => findings.error(&value.place, format!("{}: weight: {why}", item.head.text)),
                },
                ("reverse", _) => weight.reverse = Some(true),
                ("noreverse" | "no_reverse", _) => weight.reverse = Some(false),
                _ => {}
            }
        }
        tracks.push(TrackSpec {
            kind,
            name: item.head.text.clone(),
            place: item.head.place.clone(),
            weight,
        });
    }
}

/// `NUMBER [reverse]`.
fn weight(s: &Statement<'_>) -> Result<WeightSpec, String> {
    let points = number(s.first()?, -MAX_WEIGHT, MAX_WEIGHT)?;
    let reverse = match s.words.get(1) {
        None => None,
        Some(word) if word.text == "reverse" => Some(true),
        Some(word) => return Err(format!("'{}' is not 'reverse'", word.text)),
    };
    Ok(WeightSpec {
        points: Some(points),
        reverse,
    })
}

/// One word of a command line.
fn plain(word: &Word) -> String {
    match word.quote {
        Some(_) => unescape(&word.text),
        None => word.text.clone(),
    }
}
