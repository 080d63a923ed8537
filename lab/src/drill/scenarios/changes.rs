//! Nothing fails; the site is changed while it runs.

use std::io;

use crate::drill::measured::Class;
use crate::drill::scenario::{Scenario, step};
use crate::drill::stage::Stage;
use crate::drill::verdict::{Expect, Of, Radius};
use crate::lab::{Front, Vip};

/// What a reload adds to the site file.
const RULE: &str = "\n[policy]\nblocked = \"blocked.example.com\"\n";

/// With a server that joins, there are so many more nodes than its number: dd1, dd2, auth1, less itself.
const BESIDES_REC: usize = 2;

/// Names of the Internet that no cache holds, until the dead servers are out.
const FRESH_WAITS: Radius = Radius {
    rest: Expect::Unharmed,
    except: &[(Of::Class(Class::Fresh), Expect::Converges)],
};

/// Has every role of a node go on as a new program; an error when the front end is still the old process.
fn upgrade(stage: &mut Stage<'_>, node: &str) -> io::Result<()> {
    let old = stage.lab.role_pid(node, "front")?;
    stage.weir(node, &["upgrade"])?;
    match stage.lab.role_pid(node, "front")? == old {
        true => Err(io::Error::other(format!(
            "{node}: process {old} is still the front end"
        ))),
        false => Ok(()),
    }
}

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::new(
        "upgrade",
        "Rolling upgrade",
        &[
            step("weir upgrade on dd2", 5, Radius::NOTHING, |stage| {
                upgrade(stage, "dd2")
            }),
            step("weir upgrade on dd1", 5, Radius::NOTHING, |stage| {
                upgrade(stage, "dd1")
            }),
        ],
    )
    .unless(|plan| match (plan.front, plan.vip) {
        (Front::Weir, Vip::Weir) => None,
        _ => Some("only weir's own roles are replaced without interruption"),
    }),
    Scenario::new(
        "reload",
        "Configuration reloaded",
        &[
            step("a rule comes: every node reloads", 3, Radius::NOTHING, |stage| {
                stage.lab.rewrite_site(|text| text.to_owned() + RULE)
            }),
            step("it goes: every node reloads", 3, Radius::NOTHING, |stage| {
                stage.lab.rewrite_site(|text| text.replace(RULE, ""))
            }),
        ],
    )
    .quick(),
    Scenario::new(
        "rec-added",
        "A recursive server added",
        &[
            step("a third server joins", 4, Radius::NOTHING, |stage| {
                // One more when the drill is repeated.
                let name = format!("rec{}", stage.lab.nodes().len() - BESIDES_REC);
                stage.lab.add_recursive(&name)
            }),
            step(
                "rec1 and rec2 without power: the third serves",
                4,
                FRESH_WAITS,
                |stage| {
                    stage.lab.power_off("rec1")?;
                    stage.lab.power_off("rec2")
                },
            ),
            step("rec1 and rec2 have power", 4, FRESH_WAITS, |stage| {
                stage.lab.power_on("rec1")?;
                stage.lab.power_on("rec2")
            }),
        ],
    ),
];
