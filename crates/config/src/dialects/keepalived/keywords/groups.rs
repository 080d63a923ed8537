//! `vrrp_sync_group`, and the notify scripts that it shares with instances.

use super::trackers::{TRACK_OPTIONS, track};
use crate::diagnostics::Placed;
use crate::dialects::keepalived::rows::{Keyword, Statement, guard};
use crate::dialects::keepalived::spec::{GroupSpec, NotifySpec, TrackKind};
use crate::dialects::keepalived::values::program;

const NO_MAIL: &str = "no mail is sent; use notify scripts, or watch the metrics";

/// The rows of `vrrp_sync_group`.
pub(super) const TABLE: &[Keyword<GroupSpec>] = &[
    guard(Keyword::lists(
        "group",
        "{ INSTANCE ... }",
        "its members",
        &[],
        |group, items, _| {
            group.members.extend(items.iter().map(|item| Placed {
                value: item.head.text.clone(),
                place: item.head.place.clone(),
            }));
        },
    )),
    guard(Keyword::lists(
        "track_interface",
        TRACK,
        "interfaces that every member tracks",
        TRACK_OPTIONS,
        |group, items, findings| {
            track(&mut group.tracks, TrackKind::Interface, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_script",
        TRACK,
        "scripts that every member tracks",
        TRACK_OPTIONS,
        |group, items, findings| {
            track(&mut group.tracks, TrackKind::Script, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_process",
        TRACK,
        "processes that every member tracks",
        TRACK_OPTIONS,
        |group, items, findings| {
            track(&mut group.tracks, TrackKind::Process, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_file",
        TRACK,
        "files that every member tracks",
        TRACK_OPTIONS,
        |group, items, findings| {
            track(&mut group.tracks, TrackKind::File, items, findings);
        },
    )),
    guard(Keyword::refused("track_bfd", super::BFD)),
    Keyword::takes(
        "sync_group_tracking_weight",
        "",
        "members keep the weights of what they track",
        (0, 0),
        |group, _| {
            group.tracking_weight = true;
            Ok(())
        },
    ),
    Keyword::ignored(
        "global_tracking",
        "track in the group what every member is to track",
    ),
    notify("notify", "run on every change", |group, s| {
        set_notify(&mut group.notify, s)
    }),
    notify("notify_master", "run when it becomes master", |group, s| {
        set_notify(&mut group.notify, s)
    }),
    notify("notify_backup", "run when it becomes backup", |group, s| {
        set_notify(&mut group.notify, s)
    }),
    notify("notify_fault", "run when it cannot be either", |group, s| {
        set_notify(&mut group.notify, s)
    }),
    notify("notify_stop", "run when the program ends", |group, s| {
        set_notify(&mut group.notify, s)
    }),
    Keyword::moot(
        "notify_deleted",
        "what a reload takes away ends as if the program did",
    ),
    Keyword::ignored(
        "notify_priority_changes",
        "a change of priority alone is not notified",
    ),
    Keyword::ignored("smtp_alert", NO_MAIL),
];

/// What the items of `track_*` look like.
pub(super) const TRACK: &str = "{ NAME [weight NUMBER] [reverse] ... }";

/// A row of a notify script.
pub(super) const fn notify<T>(
    name: &'static str,
    doc: &'static str,
    set: fn(&mut T, &mut Statement<'_>) -> Result<(), String>,
) -> Keyword<T> {
    Keyword::takes(name, "COMMAND [USER [GROUP]]", doc, (1, 3), set)
}

/// Keeps a notify script under the name of its keyword.
pub(super) fn set_notify(notify: &mut NotifySpec, s: &mut Statement<'_>) -> Result<(), String> {
    let placed = Placed {
        value: program(s)?,
        place: s.keyword.place.clone(),
    };
    notify.insert(s.keyword.text.clone(), placed);
    Ok(())
}
