//! Somebody asks more than their share.

use std::io;
use std::net::Ipv4Addr;

use crate::drill::load::Sources;
use crate::drill::measured::Class;
use crate::drill::scenario::{Also, Scenario, step};
use crate::drill::stage::{ATTACKER, Stage};
use crate::drill::verdict::{Expect, Of, Radius};
use crate::{Behaviour, Names};

/// The subscribers' network behind CGNAT.
const CGNAT: Sources = Sources::Network16(Ipv4Addr::new(100, 64, 0, 0));
/// Nobody's subscribers.
const STRANGERS: Sources = Sources::Network16(Ipv4Addr::new(198, 18, 0, 0));

/// Who floods is limited; nobody else notices.
const LIMITED: Radius = Radius {
    rest: Expect::Unharmed,
    except: &[(Of::Attacker, Expect::Limited)],
};
/// The zone that is tortured may fail; nothing else does.
const VICTIM: Radius = Radius {
    rest: Expect::Unharmed,
    except: &[(Of::Class(Class::Victim), Expect::Anything)],
};

/// The zone that nobody answers for, and a name in it.
const TORTURED: &str = "wayward.com";
const TORTURED_NAME: &str = "www.wayward.com";

/// Subscribers behind CGNAT ask for names that nobody has asked for before, at this rate.
pub(super) fn subscribers_ask(stage: &mut Stage<'_>, rate: usize) -> io::Result<()> {
    stage.flood(rate, CGNAT, Names::Fresh("example.com".to_owned()), "A")
}

fn popular() -> Names {
    Names::Same("google.com".to_owned())
}

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario::new(
        "flood-address",
        "Flood from one address",
        &[step("2000 queries/s from one address", 5, LIMITED, |stage| {
            stage.flood(2000, Sources::Address(ATTACKER), popular(), "A")
        })],
    )
    .also(Also::Attacker)
    .quick(),
    Scenario::new(
        "flood-network",
        "Flood from a /16",
        &[step(
            "3000 queries/s from all addresses of a /16",
            5,
            Radius::NOTHING,
            |stage| stage.flood(3000, CGNAT, popular(), "A"),
        )],
    ),
    Scenario::new(
        "flood-spoofed",
        "Flood from spoofed sources",
        &[step(
            "3000 queries/s from addresses that are no subscribers'",
            5,
            Radius::NOTHING,
            |stage| stage.flood(3000, STRANGERS, popular(), "A"),
        )],
    ),
    Scenario::new(
        "flood-subdomains",
        "Random subdomains of a zone that does not answer",
        &[
            step("200 queries/s for random names of one zone", 6, VICTIM, |stage| {
                stage.lab.internet().wayward().behave(Behaviour::Silent);
                stage.flood(200, CGNAT, Names::Fresh(TORTURED.to_owned()), "A")
            }),
            step("the flood ends, the zone answers", 3, VICTIM, |stage| {
                stage.end_floods();
                stage.lab.internet().wayward().behave(Behaviour::Answer);
                Ok(())
            }),
        ],
    )
    .also(Also::Victim(TORTURED_NAME)),
    Scenario::new(
        "flood-any",
        "Flood of ANY",
        &[step(
            "2000 queries/s for ANY from a /16",
            5,
            Radius::NOTHING,
            |stage| stage.flood(2000, CGNAT, popular(), "ANY"),
        )],
    ),
];
