//! The front end fails; its node does not.

use rustix::process::Signal;

use crate::drill::scenario::{Scenario, step};
use crate::drill::verdict::Radius;

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::new(
        "front-stopped",
        "Front end stopped",
        &[
            step("front end on dd1 stopped", 4, Radius::MOVE, |stage| {
                stage.weir("dd1", &["stop", "front"])
            }),
            step("front end on dd1 started", 4, Radius::MOVE, |stage| {
                stage.weir("dd1", &["start", "front"])
            }),
        ],
    )
    .quick(),
    Scenario::new(
        "front-killed",
        "Front end killed",
        &[step(
            "front end on dd1 killed; weir up starts it again",
            6,
            Radius::MOVE,
            |stage| stage.signal("dd1", "front", Signal::KILL),
        )],
    )
    .quick(),
    Scenario::new(
        "front-hung",
        "Front end hung",
        &[
            step("front end on dd1 hangs (SIGSTOP)", 4, Radius::MOVE, |stage| {
                stage.signal("dd1", "front", Signal::STOP)
            }),
            step("front end on dd1 goes on", 4, Radius::MOVE, |stage| {
                stage.signal("dd1", "front", Signal::CONT)
            }),
        ],
    ),
];
