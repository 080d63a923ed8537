//! Sync groups, and what they and instances notify.

use std::collections::BTreeMap;

use weir_vrrp::GroupSettings;

use super::Check;
use crate::dialects::keepalived::spec::NotifySpec;
use crate::vip::Notify;

impl Check<'_> {
    /// The groups, and what each notifies.
    pub(super) fn groups(&mut self) -> (Vec<GroupSettings>, Vec<Notify>) {
        let spec = self.spec;
        let index: BTreeMap<&str, usize> = (spec.instances.iter().enumerate())
            .map(|(index, instance)| (instance.name.as_str(), index))
            .collect();
        let mut group_of: BTreeMap<usize, &str> = BTreeMap::new();
        let (mut groups, mut notify) = (Vec::new(), Vec::new());
        for group in &spec.groups {
            let mut members = Vec::new();
            for member in &group.spec.members {
                let name = &member.value;
                let Some(&router) = index.get(name.as_str()) else {
                    let why = format!("vrrp_sync_group {}: there is no vrrp_instance {name}", group.name);
                    self.findings.error(&member.place, why);
                    continue;
                };
                if let Some(other) = group_of.insert(router, &group.name) {
                    let why = format!(
                        "{name} is in vrrp_sync_group {other} already; an instance is in one at most"
                    );
                    self.findings.error(&member.place, why);
                }
                members.push(router);
            }
            match group.spec.members.len() {
                0 => {
                    let why = format!(
                        "vrrp_sync_group {} has no members; add group {{ NAME ... }}",
                        group.name
                    );
                    self.findings.error(&group.place, why);
                }
                1 => {
                    let what = format!("vrrp_sync_group {} has one member only", group.name);
                    self.findings.warn(&group.place, what);
                }
                _ => {}
            }
            groups.push(GroupSettings {
                name: group.name.clone(),
                members,
            });
            notify.push(self.notify(&group.spec.notify));
        }
        (groups, notify)
    }

    /// What is notified, each program looked for.
    pub(super) fn notify(&mut self, spec: &NotifySpec) -> Notify {
        let mut program = |keyword: &str| {
            let program = spec.get(keyword)?;
            Some(self.program(program, keyword))
        };
        Notify {
            any: program("notify"),
            master: program("notify_master"),
            backup: program("notify_backup"),
            fault: program("notify_fault"),
            stop: program("notify_stop"),
            master_rx_lower_pri: program("notify_master_rx_lower_pri"),
        }
    }
}
