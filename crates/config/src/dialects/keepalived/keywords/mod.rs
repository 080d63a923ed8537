//! Every keyword, in the block that it belongs into.
//!
//! What would change who holds the address, or leave something unserved, is refused when it cannot be done; what
//! makes no difference is ignored, with a warning where somebody could miss it.

mod global;
mod groups;
mod instance;
mod trackers;

pub(crate) use instance::PASSWORD_CUT;

use super::reference::{KeywordEntry, add};
use super::rows::{Head, Keyword, Named, guard};
use super::spec::{Block, Spec};
use super::syntax::Parser;

/// A row of the top level that opens a block with a name.
macro_rules! block {
    ($name:literal, $field:ident, $table:expr, $doc:literal) => {
        guard(Keyword::opens(
            $name,
            Named::Yes,
            $doc,
            |parser, spec: &mut Spec, head| {
                let block = read_block(parser, $table, head);
                spec.$field.push(block);
            },
        ))
    };
}

const STATIC: &str = "addresses, routes and rules that stay are the system's; configure them there (ifupdown, \
                      systemd-networkd, netplan)";
const LVS: &str = "it balances connections, which this program does not; keep keepalived for it";
const BFD: &str = "a neighbour is not watched over BFD; use a vrrp_script that asks it something";

/// The top level.
pub(super) const TOP: &[Keyword<Spec>] = &[
    Keyword::opens(
        "global_defs",
        Named::No,
        "settings of the whole node",
        |parser, spec, head| {
            parser.block(global::TABLE, &mut spec.global, head);
        },
    ),
    block!(
        "vrrp_script",
        scripts,
        trackers::SCRIPT,
        "a program that is run to see whether something holds"
    ),
    block!(
        "vrrp_track_process",
        processes,
        trackers::PROCESS,
        "a process that must run"
    ),
    block!(
        "track_file",
        files,
        trackers::FILE,
        "a file with a number that changes priorities"
    ),
    block!(
        "vrrp_track_file",
        files,
        trackers::FILE,
        "the old name of track_file"
    ),
    block!(
        "vrrp_sync_group",
        groups,
        groups::TABLE,
        "instances that change state together"
    ),
    block!(
        "vrrp_instance",
        instances,
        instance::TABLE,
        "a virtual router: an address that one node holds"
    ),
    guard(Keyword::refused("include", "an include must begin its line")),
    Keyword::refused("static_ipaddress", STATIC),
    Keyword::refused("static_routes", STATIC),
    Keyword::refused("static_rules", STATIC),
    Keyword::refused("track_group", STATIC),
    Keyword::refused("virtual_server", LVS),
    Keyword::refused("virtual_server_group", LVS),
    Keyword::refused("real_server", LVS),
    Keyword::ignored("SSL", "it belongs to the balancing of connections"),
    Keyword::refused("bfd_instance", BFD),
    Keyword::ignored(
        "garp_group",
        "only vrrp_garp_interval and vrrp_gna_interval pace announcements, for each interface",
    ),
    Keyword::ignored("linkbeat_interfaces", "the kernel's word on a link is taken"),
    Keyword::ignored("linkbeat_use_polling", "the kernel's word on a link is taken"),
    Keyword::ignored(
        "interface_up_down_delays",
        "an interface that goes down counts at once",
    ),
    Keyword::refused(
        "net_namespace",
        "run the program in the namespace instead (ip netns exec NAME, or NetworkNamespacePath= in its unit)",
    ),
    Keyword::ignored("net_namespace_ipvs", "it belongs to the balancing of connections"),
    Keyword::moot("namespace_with_ipsets", "no sets are used"),
    Keyword::moot("instance", "there are no pid files to tell apart"),
    Keyword::moot("use_pid_dir", "there are no pid files"),
    Keyword::moot("child_wait_time", "there are no child processes to wait for"),
];

fn read_block<T: Default>(parser: &mut Parser<'_>, table: &[Keyword<T>], head: &Head) -> Block<T> {
    let mut spec = T::default();
    parser.block(table, &mut spec, head);
    Block {
        name: head.name.clone(),
        place: head.place.clone(),
        spec,
    }
}

/// Whether a word opens a block of the top level and is nothing inside of one.
pub(super) fn is_top_block(word: &str) -> bool {
    const BLOCKS: &[&str] = &[
        "global_defs",
        "vrrp_script",
        "vrrp_track_process",
        "vrrp_sync_group",
        "vrrp_instance",
    ];
    BLOCKS.contains(&word)
}

/// Adds every row.
pub(super) fn list(entries: &mut Vec<KeywordEntry>) {
    add(entries, "the top level", TOP);
    add(entries, "global_defs", global::TABLE);
    add(entries, "vrrp_script", trackers::SCRIPT);
    add(entries, "vrrp_track_process", trackers::PROCESS);
    add(entries, "track_file", trackers::FILE);
    add(entries, "vrrp_sync_group", groups::TABLE);
    add(entries, "vrrp_instance", instance::TABLE);
    add(entries, "authentication", instance::AUTHENTICATION);
}
