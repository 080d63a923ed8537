//! The floating address with real peers in network namespaces: who holds it, what clients notice when it moves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use weir_lab::pair::{Contender, Drill, Pair, Settings};

/// Version 2 needs 3.6 s to notice that nobody speaks, and the machine is busy.
const SETTLE: Duration = Duration::from_secs(15);

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_smoke() {
    let pair = Pair::start([Contender::debian(), Contender::debian()], Settings::BLUEPRINT).unwrap();
    let mut drill = Drill::start(pair).unwrap();
    if let Err(e) = drill.settle(0, SETTLE) {
        panic!("{e} {}", drill.pair.logs());
    }
    let m = drill
        .measure(Duration::from_secs(5), |pair| pair.front(0)?.kill())
        .unwrap();
    eprintln!("{m:?}");
    drill.settle(1, SETTLE).unwrap();
    let m = drill
        .measure(Duration::from_secs(5), |pair| pair.start_front(0))
        .unwrap();
    eprintln!("{m:?}");
    drill.settle(0, SETTLE).unwrap();
    for name in ["unplug", "power", "deaf"] {
        let m = drill
            .measure(Duration::from_secs(5), |pair| match name {
                "unplug" => pair.unplug(0),
                "power" => pair.power_off(0),
                _ => pair.deafen(1),
            })
            .unwrap();
        eprintln!("{name} {m:?}");
        let m = drill
            .measure(Duration::from_secs(5), |pair| match name {
                "unplug" => pair.plug(0),
                "power" => pair.power_on(0),
                _ => pair.hear(1),
            })
            .unwrap();
        eprintln!("un{name} {m:?}");
        drill.settle(0, SETTLE * 4).unwrap();
    }
    let m = drill
        .measure(Duration::from_secs(5), |pair| pair.vip(0)?.kill_family())
        .unwrap();
    eprintln!("{m:?}");
    let m = drill
        .measure(Duration::from_secs(5), |pair| pair.start_vip(0))
        .unwrap();
    eprintln!("{m:?}");
    drill.settle(0, SETTLE * 4).unwrap();
}
