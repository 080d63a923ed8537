//! A round of drills that never was, the same every time.

use std::time::Duration;

use super::{Drilled, Report, Tested};
use crate::Transport;
use crate::drill::measured::{Class, Client, Fate, Lane, Measured, Phase, Query, Tenure};
use crate::drill::verdict::{Expect, Of, Radius, Targets, Verdict, judge};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// From one query of a lane to the next.
const PACE_MS: u64 = 20;

/// Queries of a kind for so long; those sent in these periods are lost.
fn ask(lane: Lane, until_ms: u64, lost: &[(u64, u64)], fate: &Fate) -> Vec<Query> {
    let sent = (0..until_ms).step_by(PACE_MS as usize);
    sent.map(|sent| Query {
        lane,
        sent: ms(sent),
        fate: match lost.iter().any(|(from, until)| (*from..*until).contains(&sent)) {
            true => fate.clone(),
            false => Fate::Answered(ms(1)),
        },
    })
    .collect()
}

fn lane(class: Class, transport: Transport) -> Lane {
    Lane {
        client: Client::Subscriber,
        class,
        transport,
    }
}

/// Every class and transport, with what is lost of each.
fn all(until_ms: u64, lost: impl Fn(Lane) -> Vec<(u64, u64)>, fate: &Fate) -> Vec<Query> {
    let classes = [Class::Own, Class::OwnFresh, Class::Popular, Class::Fresh];
    let lanes = classes
        .into_iter()
        .flat_map(|class| [Transport::Udp, Transport::Tcp].map(|transport| lane(class, transport)));
    let mut queries: Vec<Query> = lanes
        .flat_map(|lane| ask(lane, until_ms, &lost(lane), fate))
        .collect();
    queries.sort_by_key(|query| query.sent);
    queries
}

fn phases(abouts: &[&str], each_ms: u64) -> Vec<Phase> {
    let phase = |(number, about): (usize, &&str)| Phase {
        about: (*about).to_owned(),
        from: ms(each_ms * number as u64),
        until: ms(each_ms * (number as u64 + 1)),
    };
    abouts.iter().enumerate().map(phase).collect()
}

fn tenures(tenures: &[(&str, u64, u64)]) -> Vec<Tenure> {
    let tenure = |(node, from, until): &(&str, u64, u64)| Tenure {
        node: (*node).to_owned(),
        from: ms(*from),
        until: ms(*until),
    };
    tenures.iter().map(tenure).collect()
}

fn every_second(until_ms: u64, failed_ms: &[u64]) -> Vec<(Duration, bool)> {
    let sent = (0..until_ms).step_by(1000);
    sent.map(|sent| (ms(sent), !failed_ms.contains(&sent))).collect()
}

fn drilled(name: &str, title: &str, expected: Vec<Radius>, measured: Measured) -> Drilled {
    let verdict = judge(&measured, &expected, &Targets::default());
    Drilled {
        name: name.to_owned(),
        title: title.to_owned(),
        expected,
        measured,
        verdict,
    }
}

const OWN_FAILS: Radius = Radius {
    rest: Expect::Unharmed,
    except: &[(Of::Class(Class::OwnFresh), Expect::Fails)],
};
const LIMITED: Radius = Radius {
    rest: Expect::Unharmed,
    except: &[(Of::Attacker, Expect::Limited)],
};

/// A service that moves and comes back.
fn moved() -> Drilled {
    let served = tenures(&[("dd1", 0, 120), ("dd2", 120, 4010), ("dd1", 4010, 8000)]);
    let held = tenures(&[("dd1", 0, 80), ("dd2", 100, 4000), ("dd1", 4005, 8000)]);
    let measured = Measured {
        phases: phases(&["front end on dd1 killed", "weir up starts it again"], 4000),
        queries: all(8000, |_| vec![(0, 140)], &Fate::Silent),
        every_second: every_second(8000, &[0]),
        held,
        served,
    };
    drilled(
        "front-killed",
        "Front end killed",
        vec![Radius::MOVE, Radius::NOTHING],
        measured,
    )
}

/// Only one zone fails.
fn isolated() -> Drilled {
    let measured = Measured {
        phases: phases(&["auth1 without power", "auth1 has power"], 4000),
        queries: all(
            8000,
            |lane| match lane.class {
                Class::OwnFresh => vec![(500, 4300)],
                _ => Vec::new(),
            },
            &Fate::Refused("SERVFAIL".to_owned()),
        ),
        every_second: every_second(8000, &[]),
        held: tenures(&[("dd1", 0, 8000)]),
        served: tenures(&[("dd1", 0, 8000)]),
    };
    let back = Radius {
        rest: Expect::Unharmed,
        except: &[(Of::Class(Class::OwnFresh), Expect::Converges)],
    };
    drilled(
        "auth-down",
        "Authoritative server down",
        vec![OWN_FAILS, back],
        measured,
    )
}

/// Too long an outage, on a node with a name that wants to be more than a name.
fn late() -> Drilled {
    let measured = Measured {
        phases: phases(
            &["VRRP on <dd1> & its guard killed", "VRRP on <dd1> started"],
            6000,
        ),
        queries: all(12_000, |_| vec![(20, 3620)], &Fate::Silent),
        every_second: every_second(12_000, &[1000, 2000, 3000]),
        held: tenures(&[("<dd1>", 0, 3000), ("dd2", 3600, 9000), ("<dd1>", 8900, 12_000)]),
        served: tenures(&[("<dd1>", 0, 3610), ("dd2", 3610, 9000), ("<dd1>", 9000, 12_000)]),
    };
    drilled(
        "vip-killed",
        "VRRP killed",
        vec![Radius::MOVE, Radius::NOTHING],
        measured,
    )
}

/// Only the attacker loses.
fn flooded() -> Drilled {
    let mut queries = all(5000, |_| Vec::new(), &Fate::Silent);
    let attacker = Lane {
        client: Client::Attacker,
        class: Class::Popular,
        transport: Transport::Udp,
    };
    let lost: Vec<(u64, u64)> = (0..20).map(|number| (number * 250, number * 250 + 200)).collect();
    queries.extend(ask(attacker, 5000, &lost, &Fate::Silent));
    queries.sort_by_key(|query| query.sent);
    let measured = Measured {
        phases: phases(&["5000 queries/s from one address"], 5000),
        queries,
        every_second: every_second(5000, &[]),
        held: tenures(&[("dd1", 0, 5000)]),
        served: tenures(&[("dd1", 0, 5000)]),
    };
    drilled("flood-address", "Flood from one address", vec![LIMITED], measured)
}

fn not_run() -> Drilled {
    Drilled {
        name: "rolling-upgrade".to_owned(),
        title: "Rolling upgrade".to_owned(),
        expected: Vec::new(),
        measured: Measured::default(),
        verdict: Verdict::NotRun("dnsdist has no upgrade without interruption".to_owned()),
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let test = |section: &str, asked: &str, seen: &str, is_ok| Tested {
        section: section.to_owned(),
        asked: asked.to_owned(),
        seen: seen.to_owned(),
        is_ok,
    };
    Report {
        site: "zaibdns.lab".to_owned(),
        about: "weir front, weir vip".to_owned(),
        began: "2026-11-27 08:30 UTC".to_owned(),
        targets: Targets::default(),
        drills: vec![moved(), isolated(), late(), flooded(), not_run()],
        tests: vec![
            test(
                "STEP 7 > Test Authoritative Function",
                "dig @10.10.2.163 www.zaibdns.lab",
                "NOERROR aa 10.10.2.163",
                true,
            ),
            test(
                "STEP 8 > Confirm Recursion Is Disabled",
                "dig @10.10.2.163 google.com",
                "NOERROR ra 192.0.2.80",
                false,
            ),
        ],
    }
}

/// The same drills of another site, where all went well that ran.
pub(crate) fn other() -> Report {
    Report {
        about: "dnsdist, keepalived".to_owned(),
        drills: vec![moved(), isolated(), flooded(), not_run()],
        tests: Vec::new(),
        ..report()
    }
}
