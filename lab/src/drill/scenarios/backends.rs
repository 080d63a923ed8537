//! What the front ends ask fails: servers, or what one of them says about one name.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use rustix::process::Signal;

use crate::Behaviour;
use crate::drill::measured::Class;
use crate::drill::scenario::{Also, Scenario, step};
use crate::drill::stage::Stage;
use crate::drill::verdict::{Expect, Of, Radius};

/// Only this class fails, and is back when the server is.
const fn only(class: &'static [(Of, Expect)]) -> Radius {
    Radius {
        rest: Expect::Unharmed,
        except: class,
    }
}

/// Names of the Internet that no cache holds need a recursive server.
const FRESH_WAITS: Radius = only(&[(Of::Class(Class::Fresh), Expect::Converges)]);
const FRESH_FAILS: Radius = only(&[(Of::Class(Class::Fresh), Expect::Fails)]);
/// Names of the own zone that no cache holds need the authoritative server.
const OWN_FAILS: Radius = only(&[(Of::Class(Class::OwnFresh), Expect::Fails)]);
const OWN_WAITS: Radius = only(&[(Of::Class(Class::OwnFresh), Expect::Converges)]);
/// Nobody promises anything for one name that its own servers do not answer.
const VICTIM: Radius = only(&[(Of::Class(Class::Victim), Expect::Anything)]);

/// Slower than every client waits, faster than a resolver gives up.
const SLOW: Duration = Duration::from_millis(1500);

const SERVFAIL_NAME: &str = "servfail.wayward.com";
const SLOW_NAME: &str = "slow.wayward.com";
const SILENT_NAME: &str = "silent.wayward.com";

/// From now on the Internet's server of a name behaves so towards rec1.
fn towards_rec1(stage: &mut Stage<'_>, name: &str, behaviour: Behaviour) -> std::io::Result<()> {
    for address in stage.lab.node("rec1")?.host().addresses() {
        stage
            .lab
            .internet()
            .wayward()
            .behave_towards(address, name, behaviour);
    }
    Ok(())
}

pub(super) const SCENARIOS: [Scenario; 8] = [
    Scenario::new(
        "rec-down",
        "One recursive server down",
        &[
            step("rec1 without power", 5, FRESH_WAITS, |stage| {
                stage.lab.power_off("rec1")
            }),
            step("rec1 has power", 4, FRESH_WAITS, |stage| {
                stage.lab.power_on("rec1")
            }),
        ],
    )
    .quick(),
    Scenario::new(
        "rec-hung",
        "One recursive server hung",
        &[
            step("the server on rec1 hangs (SIGSTOP)", 5, FRESH_WAITS, |stage| {
                stage.signal("rec1", "resolve", Signal::STOP)
            }),
            step("it goes on", 4, FRESH_WAITS, |stage| {
                stage.signal("rec1", "resolve", Signal::CONT)
            }),
        ],
    ),
    Scenario::new(
        "rec-all-down",
        "All recursive servers down",
        &[
            step("rec1 and rec2 without power", 5, FRESH_FAILS, |stage| {
                stage.lab.power_off("rec1")?;
                stage.lab.power_off("rec2")
            }),
            step("rec1 and rec2 have power", 5, FRESH_WAITS, |stage| {
                stage.lab.power_on("rec1")?;
                stage.now();
                stage.lab.power_on("rec2")
            }),
        ],
    ),
    Scenario::new(
        "auth-down",
        "Authoritative server down",
        &[
            step("auth1 without power", 5, OWN_FAILS, |stage| {
                stage.lab.power_off("auth1")
            }),
            step("auth1 has power", 4, OWN_WAITS, |stage| {
                stage.lab.power_on("auth1")?;
                stage.now();
                Ok(())
            }),
        ],
    )
    .quick(),
    Scenario::new(
        "rec-servfail",
        "A recursive server says SERVFAIL for one name",
        &[step("rec1 says SERVFAIL for one name", 5, VICTIM, |stage| {
            towards_rec1(stage, SERVFAIL_NAME, Behaviour::Rcode(ResponseCode::ServFail))
        })],
    )
    .also(Also::Victim(SERVFAIL_NAME)),
    Scenario::new(
        "rec-slow",
        "A recursive server is slow with one name",
        &[step("rec1 is slow with one name", 5, VICTIM, |stage| {
            towards_rec1(stage, SLOW_NAME, Behaviour::Delay(SLOW))
        })],
    )
    .also(Also::Victim(SLOW_NAME)),
    Scenario::new(
        "rec-silent",
        "A recursive server has no answer for one name",
        &[step("rec1 has no answer for one name", 5, VICTIM, |stage| {
            towards_rec1(stage, SILENT_NAME, Behaviour::Silent)
        })],
    )
    .also(Also::Victim(SILENT_NAME)),
    Scenario::new(
        "cold-cache",
        "Cold caches",
        &[
            step(
                "front end on dd2 and server on rec2 lose their caches",
                3,
                FRESH_WAITS,
                |stage| {
                    stage.signal("dd2", "front", Signal::KILL)?;
                    stage.signal("rec2", "resolve", Signal::KILL)
                },
            ),
            step(
                "those on dd1 and rec1 as well; 300 queries/s for new names",
                5,
                Radius::MOVE,
                |stage| {
                    super::floods::subscribers_ask(stage, 300)?;
                    stage.signal("dd1", "front", Signal::KILL)?;
                    stage.signal("rec1", "resolve", Signal::KILL)
                },
            ),
        ],
    ),
];
