//! The tests that the blueprint's author makes by hand after building the site, by the titles of their sections.
//!
//! Those that only ask are made before the drills. Those that wait for something to fail are read from the drill that
//! lets it fail; when it was not rehearsed, they are not there.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::asking::word;
use super::measured::{Class, Client as Asker, Lane, Measured, Phase};
use super::report::{Drilled, Tested};
use super::stage::NODES;
use super::verdict::Targets;
use crate::lab::Lab;
use crate::{Ask, Client, Namespace, Reply, Transport, internet};

/// How long a query that must not be answered is waited for.
const SILENCE: Duration = Duration::from_millis(700);

struct Test {
    section: &'static str,
    how: How,
}

/// How it is made.
enum How {
    /// Somebody asks a server, by their names.
    Ask(&'static str, &'static str, &'static str, Want),
    /// Somebody looks who has the address: these.
    Look([bool; 2]),
    /// It is read from a phase of a drill, the last one when there is none of this number.
    Drill(&'static str, usize, &'static str, Seen),
}

/// What should come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// An answer with aa.
    Authoritative,
    /// An answer with ra and without aa.
    Recursive,
    /// No answer: REFUSED, or silence.
    Nothing,
}

/// What is read from a phase; `Err` when it is not what should be seen.
type Seen = fn(&Measured, &Phase, &Targets) -> Result<String, String>;

const OWN: &str = "www.zaibdns.lab";
const OTHER: &str = "google.com";

const fn ask(
    section: &'static str,
    from: &'static str,
    server: &'static str,
    name: &'static str,
    want: Want,
) -> Test {
    Test {
        section,
        how: How::Ask(from, server, name, want),
    }
}

const fn look(section: &'static str) -> Test {
    Test {
        section,
        how: How::Look([true, false]),
    }
}

const fn drill(
    section: &'static str,
    name: &'static str,
    phase: usize,
    asked: &'static str,
    seen: Seen,
) -> Test {
    Test {
        section,
        how: How::Drill(name, phase, asked, seen),
    }
}

/// In the blueprint's order.
const TESTS: [Test; 27] = [
    ask(
        "STEP 7 > Test Authoritative Function",
        "dd1",
        "auth1",
        OWN,
        Want::Authoritative,
    ),
    ask(
        "STEP 8 > Confirm Recursion Is Disabled",
        "dd1",
        "auth1",
        OTHER,
        Want::Nothing,
    ),
    ask(
        "STEP 6 > Test Recursive Function",
        "dd1",
        "rec1",
        OTHER,
        Want::Recursive,
    ),
    ask(
        "STEP 6 > Test Recursive Function",
        "dd1",
        "rec2",
        OTHER,
        Want::Recursive,
    ),
    ask(
        "STEP 7 > Test ACL Restriction",
        "internet",
        "rec1",
        OTHER,
        Want::Nothing,
    ),
    ask(
        "STEP 7 > Test ACL Restriction",
        "internet",
        "rec2",
        OTHER,
        Want::Nothing,
    ),
    ask(
        "STEP 7 > Test ACL Restriction",
        "internet",
        FLOATING,
        OTHER,
        Want::Nothing,
    ),
    ask(
        "TEST Routing Logic > Test Authoritative Routing",
        "client",
        "dd1",
        OWN,
        Want::Authoritative,
    ),
    ask(
        "TEST Routing Logic > Test Recursive Routing",
        "client",
        "dd1",
        OTHER,
        Want::Recursive,
    ),
    ask(
        "STEP 3 > Test DD2 Directly",
        "client",
        "dd2",
        OWN,
        Want::Authoritative,
    ),
    ask(
        "STEP 3 > Test DD2 Directly",
        "client",
        "dd2",
        OTHER,
        Want::Recursive,
    ),
    look("STEP 5 > Verify VIP"),
    ask("STEP 5 > Test VIP", "client", FLOATING, OWN, Want::Authoritative),
    ask("STEP 5 > Test VIP", "client", FLOATING, OTHER, Want::Recursive),
    drill(
        "STEP 6 > Failover Test: Test Failover",
        "front-stopped",
        0,
        "dd1: stop the front end",
        moved,
    ),
    drill(
        "STEP 6 > Failover Test: Test Recovery",
        "front-stopped",
        1,
        "dd1: start the front end",
        returned,
    ),
    look("STEP 1 > Confirm Who Owns VIP"),
    ask(
        "STEP 2 > Baseline DNS Test",
        "client",
        FLOATING,
        OTHER,
        Want::Recursive,
    ),
    ask(
        "STEP 2 > Baseline DNS Test",
        "client",
        FLOATING,
        OWN,
        Want::Authoritative,
    ),
    drill(
        "STEP 3 > Test Soft Failover (Service Failure)",
        "front-stopped",
        0,
        "who has the address",
        on_second,
    ),
    drill(
        "Test DNS During Failover",
        "front-stopped",
        0,
        "dig @10.10.2.160 google.com",
        resolves,
    ),
    drill(
        "STEP 4 > Restore MASTER",
        "front-stopped",
        1,
        "who has the address",
        returned,
    ),
    drill(
        "STEP 5 > Hard Failover (Real Test)",
        "node-off",
        0,
        "dd1: poweroff",
        moved,
    ),
    drill(
        "STEP 6 > Continuous Resolution Test (While Failing Over)",
        "front-stopped",
        0,
        "while true; do dig @10.10.2.160 google.com; sleep 1; done",
        every_second,
    ),
    drill(
        "Backend Failure Test (Very Important)",
        "rec-down",
        0,
        "rec1: stop; new names",
        resolves_new,
    ),
    drill(
        "Authoritative Isolation Test",
        "auth-down",
        0,
        "auth1: stop; new names of zaibdns.lab",
        own_fails,
    ),
    drill(
        "Authoritative Isolation Test",
        "auth-down",
        0,
        "auth1: stop; google.com, new names",
        resolves_new,
    ),
];

/// The floating address instead of a node.
const FLOATING: &str = "floating";

/// Makes those tests that only ask; each stands where it is in the table.
pub(super) fn ask_all(lab: &Lab) -> io::Result<Vec<Option<Tested>>> {
    let holders = lab.holders()?;
    let tested = TESTS.iter().map(|test| {
        let (asked, seen) = match &test.how {
            How::Ask(from, server, name, want) => {
                let address = address(lab, server)?;
                let asked = format!("{from}: dig @{} {name}", address.ip());
                (asked, put(lab, from, address, name, *want)?)
            }
            How::Look(wanted) => {
                // The first look of each watcher is due at once.
                let _ = crate::wait_for("a look at both nodes", SILENCE, || holders.now() == *wanted);
                ("who has the address".to_owned(), hold(holders.now(), *wanted))
            }
            How::Drill(..) => return Ok(None),
        };
        Ok(Some(row(test, asked, seen)))
    });
    tested.collect()
}

/// Adds what the drills have seen, and leaves out what they have not.
pub(super) fn complete(asked: Vec<Option<Tested>>, drills: &[Drilled], targets: &Targets) -> Vec<Tested> {
    let rows = TESTS.iter().zip(asked).filter_map(|(test, asked)| {
        let How::Drill(name, phase, what, seen) = &test.how else {
            return asked;
        };
        let drill = drills.iter().find(|drill| drill.name == *name)?;
        let phase = drill.measured.phases.get(*phase)?;
        Some(row(
            test,
            (*what).to_owned(),
            seen(&drill.measured, phase, targets),
        ))
    });
    rows.collect()
}

fn row(test: &Test, asked: String, seen: Result<String, String>) -> Tested {
    let is_ok = seen.is_ok();
    Tested {
        section: test.section.to_owned(),
        asked,
        seen: seen.unwrap_or_else(|seen| seen),
        is_ok,
    }
}

fn address(lab: &Lab, server: &str) -> io::Result<SocketAddr> {
    if server == FLOATING {
        return Ok(lab.floating());
    }
    let address = lab.node(server)?.host().addresses().next();
    let address = address.ok_or_else(|| io::Error::other(format!("{server} has no address")))?;
    Ok(SocketAddr::new(address, 53))
}

/// Asks over UDP and TCP.
fn put(
    lab: &Lab,
    from: &str,
    server: SocketAddr,
    name: &str,
    want: Want,
) -> io::Result<Result<String, String>> {
    let (host, source): (&Namespace, _) = match from {
        "client" => (lab.client(), None),
        "internet" => (lab.internet().host(), Some(internet::OUTSIDER)),
        node => (lab.node(node)?.namespace(), None),
    };
    let mut client = Client::to(server).from(host);
    if let Some(source) = source {
        client = client.source(source);
    }
    if want == Want::Nothing {
        client = client.patience(SILENCE);
    }
    let ask = Ask::new(name, "A")?;
    let seen = [Transport::Udp, Transport::Tcp].map(|transport| {
        let reply = client.ask(transport, &ask).ok();
        let described = reply.as_ref().map_or_else(|| "no reply".to_owned(), describe);
        (is_wanted(reply.as_ref(), want), described)
    });
    let [(udp_ok, udp), (tcp_ok, tcp)] = seen;
    let text = if udp == tcp {
        udp
    } else {
        format!("UDP {udp}; TCP {tcp}")
    };
    Ok(if udp_ok && tcp_ok { Ok(text) } else { Err(text) })
}

fn is_wanted(reply: Option<&Reply>, want: Want) -> bool {
    match (want, reply) {
        (Want::Nothing, None) => true,
        (Want::Nothing, Some(reply)) => reply.message.answers.is_empty(),
        (Want::Authoritative, Some(reply)) => reply.is_authoritative() && !reply.addresses().is_empty(),
        (Want::Recursive, Some(reply)) => {
            !reply.is_authoritative() && reply.offers_recursion() && !reply.addresses().is_empty()
        }
        (Want::Authoritative | Want::Recursive, None) => false,
    }
}

/// What dig would print: response code, flags, addresses.
fn describe(reply: &Reply) -> String {
    let mut words = vec![word(reply.rcode())];
    for (name, is_set) in [
        ("aa", reply.is_authoritative()),
        ("tc", reply.is_truncated()),
        ("ra", reply.offers_recursion()),
    ] {
        if is_set {
            words.push(name.to_owned());
        }
    }
    words.extend(reply.addresses().iter().map(ToString::to_string));
    words.join(" ")
}

fn hold(held: [bool; 2], wanted: [bool; 2]) -> Result<String, String> {
    let names: Vec<&str> = { NODES.iter().zip(held) }
        .filter_map(|(name, is_held)| is_held.then_some(*name))
        .collect();
    let text = match names.as_slice() {
        [] => "nobody has it".to_owned(),
        names => format!("on {}", names.join(" and ")),
    };
    if held == wanted { Ok(text) } else { Err(text) }
}

/// Whether exactly this node has the address at the end of a phase.
fn ends_on(measured: &Measured, phase: &Phase, node: &str) -> Result<String, String> {
    let last = phase.until.saturating_sub(Duration::from_millis(1));
    let held = NODES.map(|name| {
        let mut held = measured.held.iter();
        held.any(|tenure| tenure.node == name && tenure.from <= last && last < tenure.until)
    });
    hold(held, NODES.map(|name| name == node))
}

fn on_second(measured: &Measured, phase: &Phase, _: &Targets) -> Result<String, String> {
    ends_on(measured, phase, NODES[1])
}

/// Resolution goes on, through the other node.
fn moved(measured: &Measured, phase: &Phase, targets: &Targets) -> Result<String, String> {
    both(
        on_second(measured, phase, targets),
        resolves(measured, phase, targets),
    )
}

fn returned(measured: &Measured, phase: &Phase, targets: &Targets) -> Result<String, String> {
    both(
        ends_on(measured, phase, NODES[0]),
        resolves(measured, phase, targets),
    )
}

fn resolves(measured: &Measured, phase: &Phase, targets: &Targets) -> Result<String, String> {
    goes_on(measured, phase, targets, Class::Popular)
}

fn resolves_new(measured: &Measured, phase: &Phase, targets: &Targets) -> Result<String, String> {
    goes_on(measured, phase, targets, Class::Fresh)
}

fn own_fails(measured: &Measured, phase: &Phase, _: &Targets) -> Result<String, String> {
    let outcome = measured.outcome(lane(Class::OwnFresh), phase.from, phase.until);
    let text = format!("{} of {} lost", outcome.lost, outcome.asked);
    if outcome.lost > 0 { Ok(text) } else { Err(text) }
}

fn every_second(measured: &Measured, phase: &Phase, targets: &Targets) -> Result<String, String> {
    let (failed, asked) = measured.failed_every_second(phase.from, phase.until);
    let text = format!("{failed} of {asked} failed");
    if asked > 0 && failed <= targets.failed_queries {
        Ok(text)
    } else {
        Err(text)
    }
}

fn goes_on(measured: &Measured, phase: &Phase, targets: &Targets, class: Class) -> Result<String, String> {
    let outcome = measured.outcome(lane(class), phase.from, phase.until);
    let text = match outcome.lost {
        0 => format!("{} answered", outcome.asked),
        lost => format!(
            "{lost} of {} lost, out for {} ms",
            outcome.asked,
            outcome.outage().as_millis()
        ),
    };
    let is_ok = outcome.asked > 0 && outcome.is_over() && outcome.outage() <= targets.convergence;
    if is_ok { Ok(text) } else { Err(text) }
}

fn lane(class: Class) -> Lane {
    Lane {
        client: Asker::Subscriber,
        class,
        transport: Transport::Udp,
    }
}

fn both(one: Result<String, String>, other: Result<String, String>) -> Result<String, String> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(format!("{one}; {other}")),
        (Ok(one) | Err(one), Ok(other) | Err(other)) => Err(format!("{one}; {other}")),
    }
}
