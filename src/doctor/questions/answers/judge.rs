//! What an answer means, in the operator's terms: flags and codes in, findings out.

use std::io::ErrorKind;

use weir_wire::{Flags, NameBuf, Rcode};

use super::{Door, Kind, Place, Standing, Topic, Visit, kind_of};
use crate::doctor::asking::{Answer, Heard, Outcome};
use crate::doctor::finding::{Finding, Level};

/// Shows what a firewall drops.
const FIREWALL: &str = "nft list ruleset";

/// Something that is wrong with the answers of one server. Equal ones over both transports are one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    level: Level,
    what: String,
    cause: Cause,
    /// The question, if it is about one.
    topic: Option<Topic>,
}

/// What kind of thing is wrong: it decides what to run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A query went to the wrong server.
    Routing,
    /// A server resolves, or does not.
    Recursion,
    /// An access list.
    Acl,
    /// A server behind, or a zone.
    Backend,
    /// Nobody listens.
    Port,
    /// The way there.
    Path,
    /// This machine's firewall.
    OwnFirewall,
    /// Somebody's firewall, or a machine that is down.
    Silence,
}

/// A level, what is wrong, and what kind of thing that is.
type Wrong = (Level, String, Cause);

/// Which transports a problem was seen over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Both,
    Udp,
    Tcp,
}

/// What one server's answers come to: one line when all is well, otherwise one per problem.
pub(super) fn judge(visit: &Visit) -> Vec<Finding> {
    let problems = problems(visit);
    if problems.is_empty() {
        return vec![Finding::ok(format!("{}: {}", name(&visit.door), summary(visit)))];
    }
    let finding = |(problem, over): (Problem, Over)| {
        let over = match over {
            Over::Both => "",
            Over::Udp => " (over UDP)",
            Over::Tcp => " (over TCP)",
        };
        let what = format!("{}: {}{over}", name(&visit.door), problem.what);
        Finding::new(problem.level, what, next(visit, &problem))
    };
    problems.into_iter().map(finding).collect()
}

fn name(door: &Door) -> String {
    match door.address {
        // The usual port need not be said.
        address if address.port() == super::DNS_PORT => format!("{} {}", door.label, address.ip()),
        address => format!("{} {address}", door.label),
    }
}

/// What is well.
fn summary(visit: &Visit) -> String {
    let mut parts: Vec<String> = Vec::new();
    for topic in &visit.topics {
        match (topic, visit.door.kind) {
            (Topic::Zone(zone), _) => parts.push(format!("{} with aa", plain(*zone))),
            (Topic::Outside(name), Kind::Auth) => parts.push(format!("{} is not resolved", plain(*name))),
            (Topic::Outside(name), Kind::Floating | Kind::Front | Kind::Resolve) => {
                parts.push(format!("{} with ra", plain(*name)));
            }
            (Topic::Missing(_) | Topic::Fresh(_) | Topic::Signed, _) => {}
        }
    }
    match visit.standing {
        Standing::Welcome => parts.join(", ") + ", over UDP and TCP",
        Standing::Dropped | Standing::Refused => {
            format!(
                "it does not resolve for this machine ({}), which is no subscriber",
                source(visit)
            )
        }
    }
}

/// A name as people write it.
fn plain(name: NameBuf) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some(short) if !short.is_empty() => short.to_owned(),
        _ => text,
    }
}

fn problems(visit: &Visit) -> Vec<(Problem, Over)> {
    if visit.standing != Standing::Welcome {
        return strangers(visit).into_iter().collect();
    }
    let both = [(&visit.udp, Over::Udp), (&visit.tcp, Over::Tcp)];
    let mut found: Vec<(Problem, Over)> = Vec::new();
    for (heard, over) in both {
        for problem in over_one(visit, heard) {
            match found.iter_mut().find(|(known, _)| *known == problem) {
                Some((_, known)) if *known != over => *known = Over::Both,
                Some(_) => {}
                None => found.push((problem, over)),
            }
        }
    }
    let answers_udp = is_alive(&visit.udp);
    let is_cut = visit
        .udp
        .outcomes
        .iter()
        .any(|outcome| reply(outcome).is_some_and(|answer| answer.flags.has(Flags::TC)));
    for (problem, over) in &mut found {
        if *over == Over::Tcp && answers_udp && !is_alive(&visit.tcp) {
            problem.what += if is_cut {
                ", but answers over UDP are cut (tc) and clients come back over TCP"
            } else {
                ", where clients come with what is too long for UDP"
            };
        }
    }
    found.extend(signed(visit).map(|problem| (problem, Over::Udp)));
    found
}

/// Somebody who may not ask is told nothing; whether others are is not to be seen from there.
fn strangers(visit: &Visit) -> Option<(Problem, Over)> {
    let resolved = [&visit.udp, &visit.tcp].into_iter().any(|heard| {
        let outside = outcome(visit, heard, |topic| matches!(topic, Topic::Outside(_)));
        outside.and_then(reply).is_some_and(|answer| answer.records > 0)
    });
    let source = source(visit);
    let problem = |level, what, cause| Problem {
        level,
        what,
        cause,
        topic: None,
    };
    let is_silent = visit.udp.outcomes.first() == Some(&Outcome::Silent);
    let problem = if resolved {
        let what =
            format!("it resolves for this machine ({source}), which is no subscriber: an open resolver");
        problem(Level::Fail, what, Cause::Acl)
    } else if is_silent && visit.standing == Standing::Dropped {
        let what = format!(
            "no answer for this machine ({source}), which is no subscriber: whether others get one is not to be seen \
             from here"
        );
        problem(Level::Note, what, Cause::Acl)
    } else {
        dead(visit, &visit.udp)?
    };
    Some((problem, Over::Both))
}

/// What is wrong over one transport.
fn over_one(visit: &Visit, heard: &Heard) -> Vec<Problem> {
    if let Some(problem) = dead(visit, heard).or_else(|| same_code(visit, heard)) {
        return vec![problem];
    }
    let mut found: Vec<Problem> = Vec::new();
    let mut name_is_bad = false;
    for (topic, outcome) in visit.topics.iter().zip(&heard.outcomes) {
        let problem = judge_one(visit, topic, outcome);
        let about = match topic {
            Topic::Zone(name) | Topic::Outside(name) => {
                name_is_bad = problem.is_some();
                plain(*name)
            }
            // What holds for the name itself need not be said again of names below it.
            Topic::Missing(_) | Topic::Fresh(_) if name_is_bad => continue,
            Topic::Missing(name) | Topic::Fresh(name) => {
                format!("names below {} that no cache has", plain(*name))
            }
            Topic::Signed => continue,
        };
        found.extend(problem.map(|(level, what, cause)| Problem {
            level,
            what: format!("{about}: {what}"),
            cause,
            topic: Some(*topic),
        }));
    }
    found
}

/// No question got an answer.
fn dead(visit: &Visit, heard: &Heard) -> Option<Problem> {
    if is_alive(heard) {
        return None;
    }
    let (what, cause) = match heard.outcomes.first()? {
        Outcome::Reply(_) => return None,
        Outcome::Closed if visit.door.kind == Kind::Floating => (
            "the port is closed: who holds the address has no front end that listens on it".to_owned(),
            Cause::Port,
        ),
        Outcome::Closed => (
            "the port is closed: no server listens there".to_owned(),
            Cause::Port,
        ),
        Outcome::Unreachable(ErrorKind::PermissionDenied) => (
            "the firewall of this machine does not let queries out".to_owned(),
            Cause::OwnFirewall,
        ),
        Outcome::Unreachable(kind) => (format!("cannot be reached: {kind}"), Cause::Path),
        Outcome::Silent => (
            "no answer in 3 s: the machine is down, a firewall drops it, or the access list (ACL) does"
                .to_owned(),
            Cause::Silence,
        ),
    };
    Some(Problem {
        level: Level::Fail,
        what,
        cause,
        topic: None,
    })
}

/// Every question got the same code, which then says more about who asks than about what.
fn same_code(visit: &Visit, heard: &Heard) -> Option<Problem> {
    // An authoritative server is right to refuse what is in no zone of ours.
    let asked = visit.topics.iter().zip(&heard.outcomes);
    let mut asked = asked.filter(|(topic, _)| !must_not_resolve(visit.door.kind, topic));
    let (topic, outcome) = asked.next()?;
    let first = reply(outcome)?;
    let is_same = asked.all(|(_, outcome)| reply(outcome).is_some_and(|answer| answer.rcode == first.rcode));
    let (what, cause) = code(visit, first).filter(|_| is_same)?;
    Some(Problem {
        level: Level::Fail,
        what,
        cause,
        topic: Some(*topic),
    })
}

/// Whether the question is one that the server must not find an answer to.
const fn must_not_resolve(kind: Kind, topic: &Topic) -> bool {
    matches!((kind, topic), (Kind::Auth, Topic::Outside(_)))
}

fn is_alive(heard: &Heard) -> bool {
    heard.outcomes.iter().any(|outcome| reply(outcome).is_some())
}

/// What is wrong with the answer to one question, while others get theirs.
fn judge_one(visit: &Visit, topic: &Topic, outcome: &Outcome) -> Option<Wrong> {
    let kind = visit.door.kind;
    let must_not_resolve = must_not_resolve(kind, topic);
    let Some(answer) = reply(outcome) else {
        // An authoritative server need not say that it does not resolve.
        let what = "no answer in 3 s, while others are answered".to_owned();
        return (!must_not_resolve).then_some((Level::Fail, what, Cause::Backend));
    };
    // What does not fit comes over TCP, where it is judged.
    if answer.flags.has(Flags::TC) {
        return None;
    }
    if must_not_resolve {
        let resolves = answer.flags.has(Flags::RA) || answer.records > 0;
        let what = "an authoritative server must not resolve: recursion is not disabled (ra)";
        return resolves.then(|| (Level::Fail, what.to_owned(), Cause::Recursion));
    }
    if let Some((what, cause)) = code(visit, answer) {
        return Some((Level::Fail, what, cause));
    }
    let wrong = match topic {
        Topic::Zone(_) | Topic::Missing(_) => own_zone(kind, topic, answer),
        Topic::Outside(_) | Topic::Fresh(_) | Topic::Signed => elsewhere(topic, answer),
    };
    wrong.map(|(level, what, cause)| (level, what.to_owned(), cause))
}

/// What a code other than NOERROR and NXDOMAIN says.
fn code(visit: &Visit, answer: &Answer) -> Option<(String, Cause)> {
    let source = source(visit);
    Some(match (answer.rcode, visit.door.kind) {
        (Rcode::NOERROR | Rcode::NXDOMAIN, _) => return None,
        (Rcode::REFUSED, Kind::Floating | Kind::Front) => (
            format!("REFUSED: an access list (ACL) does not have {source}"),
            Cause::Acl,
        ),
        (Rcode::REFUSED, Kind::Auth) => (
            format!("REFUSED: its access list (allow-query) does not have {source}, or it has no such zone"),
            Cause::Acl,
        ),
        (Rcode::REFUSED, Kind::Resolve) => (
            format!("REFUSED: its access list (ACL) does not have {source}, or recursion is disabled"),
            Cause::Acl,
        ),
        (Rcode::SERVFAIL, Kind::Floating | Kind::Front) => (
            "SERVFAIL: backend failure, no server behind it answers".to_owned(),
            Cause::Backend,
        ),
        (Rcode::SERVFAIL, Kind::Auth) => (
            "SERVFAIL: the zone is not loaded, or has expired".to_owned(),
            Cause::Backend,
        ),
        (Rcode::SERVFAIL, Kind::Resolve) => (
            "SERVFAIL: it cannot resolve: no way to the Internet, or validation fails (clock, trust anchor)"
                .to_owned(),
            Cause::Backend,
        ),
        (other, _) => (format!("{other}"), Cause::Backend),
    })
}

/// Our zones come from an authoritative server.
fn own_zone(kind: Kind, topic: &Topic, answer: &Answer) -> Option<(Level, &'static str, Cause)> {
    if !answer.flags.has(Flags::AA) {
        let what = match kind {
            Kind::Floating | Kind::Front | Kind::Resolve => {
                "aa is missing: authoritative routing is broken, a resolver answers for our zone"
            }
            Kind::Auth => "aa is missing: this server is not authoritative for it",
        };
        return Some((Level::Fail, what, Cause::Routing));
    }
    if matches!(topic, Topic::Zone(_)) && answer.records == 0 {
        let what = "there is no such zone (no SOA record)";
        return Some((Level::Fail, what, Cause::Backend));
    }
    let what = "ra beside aa: its server resolves as well, which an authoritative one must not";
    let resolves = answer.flags.has(Flags::RA);
    resolves.then_some((Level::Warn, what, Cause::Recursion))
}

/// Everything else comes from a resolver.
fn elsewhere(topic: &Topic, answer: &Answer) -> Option<(Level, &'static str, Cause)> {
    if !answer.flags.has(Flags::RA) {
        let what = "ra is missing: recursion is disabled, or an authoritative server was asked";
        return Some((Level::Fail, what, Cause::Recursion));
    }
    if answer.flags.has(Flags::AA) {
        let what = "aa is there: an authoritative server or a rule answers in a resolver's place";
        return Some((Level::Warn, what, Cause::Routing));
    }
    let is_nothing = answer.rcode == Rcode::NXDOMAIN || answer.records == 0;
    let what = "there is no such name: the resolvers see another Internet, or it is no good to probe with";
    let is_gone = matches!(topic, Topic::Outside(_)) && is_nothing;
    is_gone.then_some((Level::Warn, what, Cause::Backend))
}

/// Long answers are lost on the way, or EDNS is.
fn signed(visit: &Visit) -> Option<Problem> {
    let is_signed = |topic: &Topic| *topic == Topic::Signed;
    let udp = outcome(visit, &visit.udp, is_signed)?;
    let tcp = outcome(visit, &visit.tcp, is_signed)?;
    let is_lost = is_alive(&visit.udp) && *udp == Outcome::Silent && reply(tcp).is_some();
    is_lost.then(|| Problem {
        level: Level::Warn,
        what: "a query with EDNS (1232 bytes) or its long answer is lost: a firewall, or the MTU on the way"
            .to_owned(),
        cause: Cause::Silence,
        topic: Some(Topic::Signed),
    })
}

fn outcome<'v>(visit: &Visit, heard: &'v Heard, wanted: impl Fn(&Topic) -> bool) -> Option<&'v Outcome> {
    let number = visit.topics.iter().position(wanted)?;
    heard.outcomes.get(number)
}

const fn reply(outcome: &Outcome) -> Option<&Answer> {
    match outcome {
        Outcome::Reply(answer) => Some(answer),
        Outcome::Closed | Outcome::Unreachable(_) | Outcome::Silent => None,
    }
}

/// Whom the server has seen.
fn source(visit: &Visit) -> String {
    let source = visit.udp.source.or(visit.tcp.source);
    source.map_or_else(|| "this machine".to_owned(), |source| source.to_string())
}

/// What to run next.
fn next(visit: &Visit, problem: &Problem) -> String {
    let door = &visit.door;
    match (problem.cause, &door.place) {
        (Cause::Path, _) => format!("ip route get {}", door.address.ip()),
        (Cause::OwnFirewall, _) => FIREWALL.to_owned(),
        (_, Place::Node(node)) => format!("ssh {node} weir doctor"),
        (Cause::Port | Cause::Silence, Place::Unknown) => format!("ping -c 3 {}", door.address.ip()),
        (_, Place::Unknown) => dig(visit, problem),
        (cause, Place::Here(commands)) => match (cause, door.kind) {
            (Cause::Routing, Kind::Floating | Kind::Front) => commands.check.clone(),
            (Cause::Acl, Kind::Floating | Kind::Front) => format!("{} | grep -i acl", commands.render),
            (Cause::Routing | Cause::Recursion | Cause::Acl, Kind::Auth | Kind::Resolve) => {
                commands.render.clone()
            }
            (Cause::Backend | Cause::Recursion, Kind::Floating | Kind::Front) => commands.servers.clone(),
            (Cause::Backend, Kind::Auth) => commands.zones.clone(),
            // Without validation (cd): whether it is that, or the way to the Internet.
            (Cause::Backend, Kind::Resolve) => format!("{} +cd", dig(visit, problem)),
            (Cause::Port, _) => commands.status.clone(),
            (Cause::Silence | Cause::Path | Cause::OwnFirewall, _) => FIREWALL.to_owned(),
        },
    }
}

/// Asks the question again.
fn dig(visit: &Visit, problem: &Problem) -> String {
    let address = visit.door.address;
    let (name, kind) = match problem.topic {
        Some(Topic::Zone(name)) => (plain(name), "SOA".to_owned()),
        Some(Topic::Missing(name) | Topic::Fresh(name)) => (format!("fresh.{}", plain(name)), "A".to_owned()),
        Some(Topic::Outside(name)) => (plain(name), kind_of(name).to_string()),
        Some(Topic::Signed) | None => (".".to_owned(), "NS".to_owned()),
    };
    let name = name.trim_end_matches('.');
    let name = if name.is_empty() { "." } else { name };
    format!("dig @{} -p {} {name} {kind}", address.ip(), address.port())
}
