//! Whether what was written fits together: the only way from a spec to settings.

mod groups;
mod routers;
mod trackers;

use std::collections::BTreeMap;

use weir_vrrp::NodeSettings;

use super::files::Files;
use super::findings::Findings;
use super::spec::{Block, Spec};
use crate::diagnostics::{Place, Placed};
use crate::vip::{Program, VipSettings};

const STRICT: &str = "vrrp_strict is ignored: keepalived would drop every query to the address (no_accept) and forbid \
                      authentication, unicast peers and repeated announcements; remove it on every node";

/// What the checks of one configuration share.
pub(super) struct Check<'c> {
    spec: &'c Spec,
    files: &'c dyn Files,
    findings: &'c mut Findings,
}

/// Checks everything, so that one run names every mistake. The settings mean something only when there was no error.
pub(super) fn check(spec: &Spec, whole: &Place, files: &dyn Files, findings: &mut Findings) -> VipSettings {
    let mut check = Check {
        spec,
        files,
        findings,
    };
    if spec.instances.is_empty() {
        check
            .findings
            .error(whole, "there is no vrrp_instance, so there is no address to hold");
    }
    if let Some(place) = &spec.global.strict {
        check.findings.warn(place, STRICT);
    }
    check.names(&spec.instances, "vrrp_instance");
    check.names(&spec.groups, "vrrp_sync_group");
    check.names(&spec.scripts, "vrrp_script");
    check.names(&spec.processes, "vrrp_track_process");
    check.names(&spec.files, "track_file");

    let mut trackers = trackers::Trackers::default();
    let (group_specs, groups) = check.groups();
    let mut settings = VipSettings {
        router_id: spec.global.router_id.clone(),
        node: NodeSettings {
            groups: group_specs,
            startup_delay: spec.global.startup_delay,
            ..NodeSettings::default()
        },
        groups,
        notify_fifo: spec.global.notify_fifo.as_ref().map(|fifo| fifo.value.clone()),
        notify_fifo_script: { spec.global.notify_fifo_script.as_ref() }
            .map(|script| check.program(script, "notify_fifo_script")),
        realtime_priority: spec.global.realtime_priority,
        arp_interval: spec.global.arp_interval,
        na_interval: spec.global.na_interval,
        ..VipSettings::default()
    };
    for instance in &spec.instances {
        let tracking = check.tracking(instance, &mut trackers);
        if let Some((router, attachment)) = check.router(instance) {
            settings.node.routers.push((router, tracking));
            settings.routers.push(attachment);
        }
    }
    check.vrids(&settings);
    check.shared_addresses();
    check.unused();
    (settings.node.trackers, settings.trackers) = trackers.finish();
    settings
}

impl Check<'_> {
    /// Two blocks of one name: keepalived drops one of them.
    fn names<T>(&mut self, blocks: &[Block<T>], what: &str) {
        let mut seen = BTreeMap::new();
        for block in blocks {
            if let Some(before) = seen.insert(&block.name, &block.place) {
                let why = format!(
                    "{what} {} was defined before, at {before}; give one another name",
                    block.name
                );
                self.findings.error(&block.place, why);
            }
        }
    }

    /// A program that is notified, run by its own user or by `script_user`. One that is not there is not missed by
    /// the protocol.
    fn program(&mut self, program: &Placed<Program>, keyword: &str) -> Program {
        let mut checked = program.value.clone();
        let name = checked.words.first().map_or("", String::as_str);
        if !self.files.is_program(name) {
            let what = format!("{keyword}: there is no program '{name}', so nothing will be run");
            self.findings.warn(&program.place, what);
        }
        if checked.user.is_none() {
            checked.user.clone_from(&self.spec.global.script_user);
        }
        checked
    }
}
