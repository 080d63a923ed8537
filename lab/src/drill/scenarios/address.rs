//! What holds the floating address fails, or its node, or the network between the nodes.

use crate::drill::scenario::{Scenario, step};
use crate::drill::verdict::Radius;

/// Both directions between the nodes.
const BETWEEN: [(&str, &str); 2] = [("dd1", "dd2"), ("dd2", "dd1")];

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario::new(
        "vip-stopped",
        "VRRP stopped",
        &[
            step("VRRP on dd1 stopped", 4, Radius::MOVE, |stage| {
                stage.weir("dd1", &["stop", "vip"])
            }),
            step("VRRP on dd1 started", 4, Radius::MOVE, |stage| {
                stage.weir("dd1", &["start", "vip"])
            }),
        ],
    ),
    Scenario::new(
        "vip-killed",
        "VRRP killed",
        &[step(
            "VRRP on dd1 killed; weir up starts it again",
            8,
            Radius::MOVE,
            |stage| stage.kill_family("dd1", "vip"),
        )],
    ),
    Scenario::new(
        "node-off",
        "Node without power",
        &[
            step("dd1 without power", 5, Radius::MOVE, |stage| {
                stage.lab.power_off("dd1")
            }),
            step("dd1 has power", 6, Radius::MOVE, |stage| {
                stage.lab.power_on("dd1")
            }),
        ],
    ),
    Scenario::new(
        "link-cut",
        "Link cut",
        &[
            step("dd1 loses its cables", 5, Radius::MOVE, |stage| {
                stage.lab.unplug("dd1")
            }),
            step("dd1 has its cables again", 5, Radius::MOVE, |stage| {
                stage.lab.plug("dd1")
            }),
        ],
    ),
    Scenario::new(
        "partition",
        "Nodes do not hear each other",
        &[
            step("dd1 and dd2 do not hear each other", 5, Radius::MOVE, |stage| {
                stage.lab.cut(&BETWEEN)
            }),
            step("they hear each other again", 5, Radius::MOVE, |stage| {
                stage.lab.join(&BETWEEN)
            }),
        ],
    ),
];
