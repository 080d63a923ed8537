use std::io::ErrorKind;

use weir_wire::{Flags, Rcode};

use super::judge::judge;
use super::*;
use crate::doctor::asking::{Answer, Outcome};
use crate::doctor::finding::Level;
use crate::doctor::surroundings::Network;

const AA: u16 = Flags::AA;
const RA: u16 = Flags::RA;

const fn reply(rcode: Rcode, flags: u16, records: usize) -> Outcome {
    Outcome::Reply(Answer {
        rcode,
        flags: Flags(Flags::QR | Flags::RD | flags),
        records,
    })
}

/// What a sound server says to each of the topics of its kind.
fn sound(kind: Kind) -> Vec<Outcome> {
    let own = [reply(Rcode::NOERROR, AA, 1), reply(Rcode::NXDOMAIN, AA, 0)];
    let resolved = [
        reply(Rcode::NOERROR, RA, 1),
        reply(Rcode::NXDOMAIN, RA, 0),
        reply(Rcode::NOERROR, RA, 13),
    ];
    match kind {
        Kind::Floating | Kind::Front => [&own[..], &resolved].concat(),
        Kind::Auth => [&own[..], &[reply(Rcode::REFUSED, 0, 0)]].concat(),
        Kind::Resolve => resolved.to_vec(),
    }
}

/// A visit from 10.0.0.9 with these outcomes over UDP and over TCP.
fn visit(kind: Kind, udp: Vec<Outcome>, tcp: Vec<Outcome>) -> Visit {
    let zone: NameBuf = "zaibdns.lab".parse().unwrap();
    let door = Door {
        label: "server dd1".to_owned(),
        address: SocketAddr::from(([10, 0, 0, 2], 53)),
        kind,
        zones: match kind {
            Kind::Floating | Kind::Front | Kind::Auth => vec![zone],
            Kind::Resolve => Vec::new(),
        },
        outside: Some("google.com".parse().unwrap()),
        place: Place::Here(Commands {
            check: "check".to_owned(),
            render: "render".to_owned(),
            servers: "showServers()".to_owned(),
            zones: "checkconf".to_owned(),
            status: "status".to_owned(),
        }),
    };
    let heard = |outcomes| Heard {
        source: Some(IpAddr::from([10, 0, 0, 9])),
        outcomes,
    };
    Visit {
        topics: topics(&door),
        door,
        udp: heard(udp),
        tcp: heard(tcp),
        standing: Standing::Welcome,
    }
}

/// What is said when one answer is another one, over both transports: level, what, next.
fn with(kind: Kind, number: usize, outcome: Outcome) -> Vec<(Level, String, String)> {
    let mut outcomes = sound(kind);
    outcomes[number] = outcome;
    told(&visit(kind, outcomes.clone(), outcomes))
}

fn told(visit: &Visit) -> Vec<(Level, String, String)> {
    let finding = |finding: Finding| {
        let what = finding.what.strip_prefix("server dd1 10.0.0.2: ").unwrap();
        (finding.level, what.to_owned(), finding.next.unwrap_or_default())
    };
    judge(visit).into_iter().map(finding).collect()
}

#[test]
fn sound_answers_are_one_line() {
    for (kind, what) in [
        (
            Kind::Front,
            "zaibdns.lab with aa, google.com with ra, over UDP and TCP",
        ),
        (
            Kind::Auth,
            "zaibdns.lab with aa, google.com is not resolved, over UDP and TCP",
        ),
        (Kind::Resolve, "google.com with ra, over UDP and TCP"),
    ] {
        let found = told(&visit(kind, sound(kind), sound(kind)));
        assert_eq!(found, [(Level::Ok, what.to_owned(), String::new())]);
    }
}

/// The blueprint's table of flags and codes, and what else an answer may be: to a server of this kind, the answer to
/// the question of this number, what it means, and the next command.
const MEANINGS: &[(Kind, usize, Outcome, &str, &str)] = &[
    (
        Kind::Front,
        0,
        reply(Rcode::NOERROR, RA, 1),
        "zaibdns.lab: aa is missing: authoritative routing is broken, a resolver answers for our zone",
        "check",
    ),
    (
        Kind::Front,
        0,
        reply(Rcode::NXDOMAIN, RA, 0),
        "zaibdns.lab: aa is missing: authoritative routing is broken, a resolver answers for our zone",
        "check",
    ),
    (
        Kind::Front,
        0,
        reply(Rcode::NXDOMAIN, AA, 0),
        "zaibdns.lab: there is no such zone (no SOA record)",
        "showServers()",
    ),
    (
        Kind::Front,
        0,
        reply(Rcode::SERVFAIL, 0, 0),
        "zaibdns.lab: SERVFAIL: backend failure, no server behind it answers",
        "showServers()",
    ),
    (
        Kind::Front,
        1,
        reply(Rcode::SERVFAIL, 0, 0),
        "names below zaibdns.lab that no cache has: SERVFAIL: backend failure, no server behind it answers",
        "showServers()",
    ),
    (
        Kind::Front,
        0,
        reply(Rcode::REFUSED, 0, 0),
        "zaibdns.lab: REFUSED: an access list (ACL) does not have 10.0.0.9",
        "render | grep -i acl",
    ),
    (
        Kind::Front,
        2,
        reply(Rcode::NOERROR, 0, 1),
        "google.com: ra is missing: recursion is disabled, or an authoritative server was asked",
        "showServers()",
    ),
    (
        Kind::Front,
        3,
        reply(Rcode::SERVFAIL, 0, 0),
        "names below google.com that no cache has: SERVFAIL: backend failure, no server behind it answers",
        "showServers()",
    ),
    (
        Kind::Front,
        2,
        reply(Rcode::FORMERR, 0, 0),
        "google.com: FORMERR",
        "showServers()",
    ),
    (
        Kind::Front,
        2,
        Outcome::Silent,
        "google.com: no answer in 3 s, while others are answered",
        "showServers()",
    ),
    (
        Kind::Auth,
        0,
        reply(Rcode::NOERROR, 0, 1),
        "zaibdns.lab: aa is missing: this server is not authoritative for it",
        "render",
    ),
    (
        Kind::Auth,
        0,
        reply(Rcode::SERVFAIL, 0, 0),
        "zaibdns.lab: SERVFAIL: the zone is not loaded, or has expired",
        "checkconf",
    ),
    (
        Kind::Auth,
        0,
        reply(Rcode::REFUSED, 0, 0),
        "zaibdns.lab: REFUSED: its access list (allow-query) does not have 10.0.0.9, or it has no such zone",
        "render",
    ),
    (
        Kind::Auth,
        2,
        reply(Rcode::NOERROR, RA, 1),
        "google.com: an authoritative server must not resolve: recursion is not disabled (ra)",
        "render",
    ),
    (
        Kind::Resolve,
        0,
        reply(Rcode::SERVFAIL, 0, 0),
        "google.com: SERVFAIL: it cannot resolve: no way to the Internet, or validation fails (clock, trust anchor)",
        "dig @10.0.0.2 -p 53 google.com A +cd",
    ),
    (
        Kind::Resolve,
        0,
        reply(Rcode::REFUSED, 0, 0),
        "google.com: REFUSED: its access list (ACL) does not have 10.0.0.9, or recursion is disabled",
        "render",
    ),
];

#[test]
fn every_flag_and_code_has_its_meaning() {
    for (kind, number, outcome, what, next) in MEANINGS {
        let found = with(*kind, *number, *outcome);
        let expected = (Level::Fail, (*what).to_owned(), (*next).to_owned());
        assert_eq!(found, [expected]);
    }
}

#[test]
fn what_works_although_it_should_not_is_a_warning() {
    for (number, outcome, what) in [
        (
            0,
            reply(Rcode::NOERROR, AA | RA, 1),
            "zaibdns.lab: ra beside aa: its server resolves as well, which an authoritative one must not",
        ),
        (
            2,
            reply(Rcode::NOERROR, AA | RA, 1),
            "google.com: aa is there: an authoritative server or a rule answers in a resolver's place",
        ),
        (
            2,
            reply(Rcode::NXDOMAIN, RA, 0),
            "google.com: there is no such name: the resolvers see another Internet, or it is no good to probe with",
        ),
    ] {
        let found = with(Kind::Front, number, outcome);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (Level::Warn, what));
    }
}

#[test]
fn a_wildcard_is_well_and_so_is_an_authoritative_server_that_says_nothing_about_others() {
    let wildcard = with(Kind::Front, 1, reply(Rcode::NOERROR, AA, 1));
    assert_eq!(wildcard[0].0, Level::Ok);
    assert_eq!(with(Kind::Auth, 2, Outcome::Silent)[0].0, Level::Ok);
}

#[test]
fn a_server_that_answers_nothing_is_one_line() {
    let dead = |outcome| vec![outcome; sound(Kind::Front).len()];
    for (outcome, what, next) in [
        (
            Outcome::Closed,
            "the port is closed: no server listens there",
            "status",
        ),
        (
            Outcome::Silent,
            "no answer in 3 s: the machine is down, a firewall drops it, or the access list (ACL) does",
            "nft list ruleset",
        ),
        (
            Outcome::Unreachable(ErrorKind::NetworkUnreachable),
            "cannot be reached: network unreachable",
            "ip route get 10.0.0.2",
        ),
        (
            Outcome::Unreachable(ErrorKind::PermissionDenied),
            "the firewall of this machine does not let queries out",
            "nft list ruleset",
        ),
    ] {
        let found = told(&visit(Kind::Front, dead(outcome), dead(outcome)));
        assert_eq!(found, [(Level::Fail, what.to_owned(), next.to_owned())]);
    }
    let mut floating = visit(Kind::Front, dead(Outcome::Closed), dead(Outcome::Closed));
    floating.door.kind = Kind::Floating;
    assert!(
        judge(&floating)[0]
            .what
            .contains("has no front end that listens on it")
    );
}

#[test]
fn what_is_said_to_every_question_is_one_line() {
    let all = vec![reply(Rcode::REFUSED, 0, 0); sound(Kind::Front).len()];
    let found = told(&visit(Kind::Front, all.clone(), all));
    let what = "REFUSED: an access list (ACL) does not have 10.0.0.9";
    assert_eq!((found.len(), found[0].1.as_str()), (1, what));
    // An authoritative server may refuse what is not its own; what is, it may not.
    let all = vec![reply(Rcode::REFUSED, 0, 0); sound(Kind::Auth).len()];
    let mut auth = visit(Kind::Auth, all.clone(), all);
    assert_eq!(told(&auth)[0].0, Level::Fail);
    auth.door.zones.clear();
    auth.topics.drain(..2);
    auth.udp.outcomes.truncate(1);
    auth.tcp.outcomes.truncate(1);
    assert_eq!(told(&auth)[0].0, Level::Ok);
}

#[test]
fn tcp_alone_may_be_missing_and_cut_answers_make_it_matter() {
    let closed = vec![Outcome::Closed; sound(Kind::Front).len()];
    let found = told(&visit(Kind::Front, sound(Kind::Front), closed.clone()));
    let what = "the port is closed: no server listens there, where clients come with what is too long for UDP (over TCP)";
    assert_eq!(found[0].1, what);
    let mut cut = sound(Kind::Front);
    cut[2] = reply(Rcode::NOERROR, Flags::TC | RA, 0);
    let found = told(&visit(Kind::Front, cut.clone(), closed));
    let what = "the port is closed: no server listens there, but answers over UDP are cut (tc) and clients come back over \
                TCP (over TCP)";
    assert_eq!((found.len(), found[0].1.as_str()), (1, what));
    let works = told(&visit(Kind::Front, cut, sound(Kind::Front)));
    assert_eq!(works[0].0, Level::Ok, "what is cut is judged over TCP");
}

#[test]
fn long_answers_that_are_lost_are_told() {
    let mut udp = sound(Kind::Front);
    udp[4] = Outcome::Silent;
    let found = told(&visit(Kind::Front, udp, sound(Kind::Front)));
    let what = "a query with EDNS (1232 bytes) or its long answer is lost: a firewall, or the MTU on the way (over UDP)";
    assert_eq!((found[0].0, found[0].1.as_str()), (Level::Warn, what));
}

#[test]
fn a_stranger_is_kept_out_or_the_resolver_is_open() {
    let all = |outcome| vec![outcome; sound(Kind::Front).len()];
    let told = |standing, outcomes: Vec<Outcome>| {
        let mut stranger = visit(Kind::Front, outcomes.clone(), outcomes);
        stranger.standing = standing;
        let found = told(&stranger);
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].0, found[0].1.clone())
    };
    let kept_out = "it does not resolve for this machine (10.0.0.9), which is no subscriber".to_owned();
    let refused = all(reply(Rcode::REFUSED, 0, 0));
    assert_eq!(told(Standing::Refused, refused), (Level::Ok, kept_out));
    let (level, what) = told(Standing::Dropped, all(Outcome::Silent));
    assert!(
        level == Level::Note && what.contains("is not to be seen from here"),
        "{what}"
    );
    assert_eq!(told(Standing::Refused, all(Outcome::Silent)).0, Level::Fail);
    assert_eq!(told(Standing::Dropped, all(Outcome::Closed)).0, Level::Fail);
    let open = "it resolves for this machine (10.0.0.9), which is no subscriber: an open resolver".to_owned();
    assert_eq!(told(Standing::Dropped, sound(Kind::Front)), (Level::Fail, open));
}

#[test]
fn elsewhere_the_next_command_is_the_other_nodes_or_a_question() {
    let mut far = visit(Kind::Front, sound(Kind::Front), sound(Kind::Front));
    far.udp.outcomes[0] = reply(Rcode::SERVFAIL, 0, 0);
    far.door.place = Place::Node("dd1".to_owned());
    assert_eq!(told(&far)[0].2, "ssh dd1 weir doctor");
    far.door.place = Place::Unknown;
    assert_eq!(told(&far)[0].2, "dig @10.0.0.2 -p 53 zaibdns.lab SOA");
}

#[test]
fn names_that_leave_no_room_are_left_out() {
    let long: NameBuf = "a.".repeat(125).parse().unwrap();
    let (topics, packets) = questions(vec![Topic::Zone(long), Topic::Missing(long)]).unwrap();
    assert_eq!((topics, packets.len()), (vec![Topic::Zone(long)], 1));
}

/// Three networks, two front ends, two kinds of servers behind them, strangers refused.
const PRODUCTION: &str = include_str!("../../../../crates/config/fixtures/site/production.toml");

fn surroundings(node: Option<&str>) -> Surroundings {
    let (site, _) = Site::load(PRODUCTION, "weir.toml").unwrap();
    Surroundings {
        node: node.and_then(|name| site.node(name).cloned()),
        site: Some((site, "/etc/weir/weir.toml".into())),
        servers: vec!["192.0.2.53:5300".parse().unwrap()],
        zone: None,
        run: "/run/weir".into(),
        is_root: true,
        network: Network::default(),
    }
}

#[test]
fn every_layer_is_asked_for_what_is_its_own() {
    let doors = doors(&surroundings(Some("dd1")));
    let asked: Vec<String> = { doors.iter() }
        .map(|door| format!("{} {} {}", door.label, door.address, door.zones.len()))
        .collect();
    let expected = [
        "server 192.0.2.53:5300 0",
        "floating address dns 10.10.2.160:53 2",
        "floating address dns6 [2001:db8:2::160]:53 2",
        "floating address old 10.10.2.170:53 2",
        "front end dd1 10.10.2.161:53 2",
        "front end dd1 [2001:db8:2::161]:53 2",
        "front end dd2 10.10.2.162:53 2",
        "front end dd2 [2001:db8:2::162]:53 2",
        "authoritative server auth1 10.20.0.163:53 2",
        "authoritative server auth2 10.20.0.173:53 2",
        "resolver rec1 10.20.0.164:53 0",
        "resolver rec2 10.20.0.165:53 0",
        "resolver rec3 10.20.0.166:53 0",
    ];
    assert_eq!(asked, expected);
    let places: Vec<&Place> = doors.iter().map(|door| &door.place).collect();
    // The address is not here, so it is where another node may have it.
    assert_eq!(places[..2], [&Place::Unknown, &Place::Node("dd2".to_owned())]);
    let Place::Here(commands) = places[4] else {
        panic!("{places:?}");
    };
    assert_eq!(commands.render, "weir render dd1 dnsdist");
    let outside = "google.com".parse().ok();
    assert!(doors.iter().all(|door| door.outside == outside));
}

#[test]
fn who_is_asking_decides_what_is_right() {
    let surroundings = surroundings(None);
    let doors = doors(&surroundings);
    let stands = |label: &str, source: &str| {
        let door = doors.iter().find(|door| door.label == label).unwrap();
        standing(door, &surroundings, source.parse().ok())
    };
    for (label, source, expected) in [
        ("floating address dns", "100.64.0.9", Some(Standing::Welcome)),
        ("front end dd2", "198.51.100.7", Some(Standing::Refused)),
        ("server", "198.51.100.7", Some(Standing::Welcome)),
        ("resolver rec1", "100.64.0.9", None),
        ("resolver rec1", "10.20.0.162", Some(Standing::Welcome)),
        ("authoritative server auth1", "10.30.0.7", Some(Standing::Welcome)),
        // No way there is said when it is tried.
        ("front end dd2", "none", Some(Standing::Welcome)),
    ] {
        assert_eq!(stands(label, source), expected, "{label} {source}");
    }
}
