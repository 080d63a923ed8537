//! What a drill may cost, and whether it cost more.

use std::fmt;
use std::time::Duration;

use super::measured::{Class, Client, Lane, Measured, Outcome, Phase};

/// What the site promises its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    /// No outage lasts longer.
    pub convergence: Duration,
    /// A client that asks once per second loses no more in a drill.
    pub failed_queries: usize,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            convergence: Duration::from_secs(3),
            failed_queries: 1,
        }
    }
}

/// What may become of a kind of query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Every query is answered.
    Unharmed,
    /// An outage is allowed, as long as [`Targets::convergence`] in all.
    Converges,
    /// No answer until it is mended: the drill broke what answers.
    Fails,
    /// Some are not answered: a limit holds.
    Limited,
    /// Anything: nobody promises anything for it.
    Anything,
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unharmed => "every query is answered",
            Self::Converges => "answered again within the target",
            Self::Fails => "fails",
            Self::Limited => "is limited",
            Self::Anything => "may fail",
        })
    }
}

/// The queries that an expectation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those of subscribers for this.
    Class(Class),
    /// All that the attacker's own address asks.
    Attacker,
}

impl Of {
    fn holds(self, lane: Lane) -> bool {
        match self {
            Self::Class(class) => lane.class == class && lane.client == Client::Subscriber,
            Self::Attacker => lane.client == Client::Attacker,
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => class.fmt(f),
            Self::Attacker => Client::Attacker.fmt(f),
        }
    }
}

/// The expected blast radius: what may become of which queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radius {
    /// Of those that are not named below.
    pub rest: Expect,
    /// Of these.
    pub except: &'static [(Of, Expect)],
}

impl Radius {
    /// Nothing fails.
    pub const NOTHING: Self = Self::all(Expect::Unharmed);
    /// A short outage for everybody.
    pub const MOVE: Self = Self::all(Expect::Converges);

    /// The same for every query.
    pub const fn all(rest: Expect) -> Self {
        Self { rest, except: &[] }
    }

    /// What a lane's queries are called where they are expected to fail.
    pub fn words(&self, lane: Lane) -> String {
        let mut except = self.except.iter();
        match except.find(|(of, _)| of.holds(lane)) {
            Some((of, _)) => of.to_string(),
            None => lane.class.to_string(),
        }
    }

    /// What may become of the queries of a lane.
    pub fn of(&self, lane: Lane) -> Expect {
        let mut except = self.except.iter();
        except
            .find(|(of, _)| of.holds(lane))
            .map_or(self.rest, |(_, expect)| *expect)
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (of, expect) in self.except {
            write!(f, "{of} {expect}; ")?;
        }
        match self.except {
            [] => self.rest.fmt(f),
            _ => write!(f, "the rest: {}", self.rest),
        }
    }
}

/// How a drill ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It cost no more than expected.
    Pass,
    /// It did; why, one reason per line.
    Fail(Vec<String>),
    /// It was not rehearsed, for this reason.
    NotRun(String),
}

impl Verdict {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail(_) => "FAIL",
            Self::NotRun(_) => "not run",
        }
    }

    /// Why, if there is more to say.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Pass => &[],
            Self::Fail(reasons) => reasons,
            Self::NotRun(reason) => std::slice::from_ref(reason),
        }
    }
}

/// Holds what was seen against what was expected of each phase.
pub fn judge(measured: &Measured, expected: &[Radius], targets: &Targets) -> Verdict {
    let mut reasons = Vec::new();
    let mut is_judged_every_second = true;
    for (phase, radius) in measured.phases.iter().zip(expected) {
        let lanes = measured.lanes().into_iter();
        let mut objections: Vec<_> = lanes
            .filter_map(|lane| {
                let outcome = measured.outcome(lane, phase.from, phase.until);
                let reason = objection(&outcome, radius.of(lane), targets)?;
                Some((outcome.outage(), format!("{}: {lane}: {reason}", phase.about)))
            })
            .collect();
        objections.sort_by_key(|(outage, _)| std::cmp::Reverse(*outage));
        let others = objections.len().saturating_sub(1);
        reasons.extend(objections.into_iter().next().map(|(_, worst)| match others {
            0 => worst,
            _ => format!("{worst}; {others} other kinds of query as well"),
        }));
        is_judged_every_second &= matches!(radius.of(EVERY_SECOND), Expect::Unharmed | Expect::Converges);
    }
    if measured.queries.is_empty() || measured.phases.is_empty() {
        reasons.push("nothing was asked".to_owned());
    }
    let (failed, asked) = measured.failed_every_second(Duration::ZERO, measured.span());
    if is_judged_every_second && failed > targets.failed_queries {
        reasons.push(format!(
            "{failed} of {asked} queries failed that were asked once per second, {} allowed",
            targets.failed_queries
        ));
    }
    match reasons.is_empty() {
        true => Verdict::Pass,
        false => Verdict::Fail(reasons),
    }
}

/// What is asked once per second.
const EVERY_SECOND: Lane = Lane {
    client: Client::Subscriber,
    class: Class::Popular,
    transport: crate::Transport::Udp,
};

/// What is lost for so long at the end of a phase may be answered again in the next moment.
const TAIL: Duration = Duration::from_millis(500);

/// What is wrong with what became of a lane's queries in a phase.
fn objection(outcome: &Outcome, expect: Expect, targets: &Targets) -> Option<String> {
    let (asked, lost, outage) = (outcome.asked, outcome.lost, outcome.outage());
    match expect {
        Expect::Anything => None,
        _ if asked == 0 => Some("nothing was asked".to_owned()),
        Expect::Unharmed if lost > 0 => Some(format!(
            "{lost} of {asked} lost, out for {} ms, none expected{}",
            outage.as_millis(),
            said(outcome)
        )),
        Expect::Converges if !outcome.is_over() && outage > TAIL => {
            Some(format!("not answered again: {lost} of {asked} lost"))
        }
        Expect::Converges if outage > targets.convergence => Some(format!(
            "out for {} ms, {} ms allowed",
            outage.as_millis(),
            targets.convergence.as_millis()
        )),
        Expect::Fails if lost == 0 => Some(format!("all {asked} answered: nothing was broken")),
        Expect::Limited if lost == 0 => Some(format!("all {asked} answered: no limit held")),
        Expect::Unharmed | Expect::Converges | Expect::Fails | Expect::Limited => None,
    }
}

/// What the replies said that were no answers.
fn said(outcome: &Outcome) -> String {
    let each = outcome.refused.iter();
    each.map(|(code, count)| format!(", {count} {code}")).collect()
}

/// Which queries failed, and for whom, in words: the measured blast radius of a phase.
pub fn measured_radius(measured: &Measured, phase: &Phase) -> Vec<String> {
    let lanes = measured.lanes();
    let seen: Vec<(Lane, Outcome)> = lanes
        .iter()
        .map(|lane| (*lane, measured.outcome(*lane, phase.from, phase.until)))
        .filter(|(_, outcome)| outcome.lost > 0)
        .collect();
    if seen.len() == lanes.len() && lanes.len() > 1 {
        return vec![together("every kind of query", &seen)];
    }
    let groups = seen.chunk_by(|(one, _), (other, _)| (one.client, one.class) == (other.client, other.class));
    groups
        .map(|group| {
            let Some((lane, _)) = group.first() else {
                return String::new();
            };
            match group.len() {
                1 => together(&lane.to_string(), group),
                _ => together(&lane.group(), group),
            }
        })
        .collect()
}

/// What became of the queries of several lanes.
fn together(name: &str, lanes: &[(Lane, Outcome)]) -> String {
    let mut all = Outcome::default();
    for (_, outcome) in lanes {
        all.asked += outcome.asked;
        all.lost += outcome.lost;
        all.silences.extend(&outcome.silences);
        for (code, count) in &outcome.refused {
            *all.refused.entry(code.clone()).or_default() += count;
        }
    }
    format!(
        "{name}: {} of {} lost, out for {} ms{}",
        all.lost,
        all.asked,
        all.outage().as_millis(),
        said(&all)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;
    use crate::drill::measured::{Fate, Query};
    use crate::drill::report::fixture::ms;

    const POPULAR: Lane = EVERY_SECOND;
    const OWN: Lane = Lane {
        client: Client::Subscriber,
        class: Class::Own,
        transport: Transport::Tcp,
    };

    /// One phase in which each lane gets a query per 100 ms; `.` is lost, `s` SERVFAIL.
    fn seen(lanes: &[(Lane, &str)]) -> Measured {
        let query = |lane: Lane, number: usize, what: char| Query {
            lane,
            sent: ms(100 * number as u64),
            fate: match what {
                '.' => Fate::Silent,
                's' => Fate::Refused("SERVFAIL".to_owned()),
                _ => Fate::Answered(ms(1)),
            },
        };
        let queries = lanes.iter().flat_map(|(lane, text)| {
            text.chars()
                .enumerate()
                .map(|(number, what)| query(*lane, number, what))
        });
        Measured {
            queries: queries.collect(),
            phases: vec![Phase {
                about: "it breaks".to_owned(),
                from: Duration::ZERO,
                until: ms(1000),
            }],
            ..Measured::default()
        }
    }

    fn reasons(radius: Radius, measured: &Measured) -> Vec<String> {
        let targets = Targets {
            convergence: ms(200),
            failed_queries: 1,
        };
        judge(measured, &[radius], &targets).reasons().to_vec()
    }

    #[test]
    fn each_expectation_is_held_against_its_queries() {
        let nothing: [String; 0] = [];
        for (expect, text, reason) in [
            (Expect::Unharmed, "1111", None),
            (
                Expect::Unharmed,
                "1s11",
                Some("1 of 4 lost, out for 100 ms, none expected, 1 SERVFAIL"),
            ),
            (Expect::Converges, "1..111", None),
            (
                Expect::Converges,
                "1...11",
                Some("out for 300 ms, 200 ms allowed"),
            ),
            (Expect::Converges, "11111111..", None),
            (
                Expect::Converges,
                "1111......",
                Some("not answered again: 6 of 10 lost"),
            ),
            (Expect::Fails, "ssss", None),
            (Expect::Fails, "1111", Some("all 4 answered: nothing was broken")),
            (Expect::Limited, "1.1.", None),
            (Expect::Limited, "1111", Some("all 4 answered: no limit held")),
            (Expect::Anything, "1s.1", None),
        ] {
            let reasons = reasons(Radius::all(expect), &seen(&[(POPULAR, text)]));
            let wanted: Vec<_> = reason
                .iter()
                .map(|why| format!("it breaks: popular, UDP: {why}"))
                .collect();
            assert_eq!(reasons, wanted, "{expect:?} {text}");
        }
        assert_eq!(
            reasons(Radius::NOTHING, &seen(&[(POPULAR, "11"), (OWN, "11")])),
            nothing
        );
    }

    #[test]
    fn the_worst_lane_speaks_for_the_others() {
        let reasons = reasons(Radius::NOTHING, &seen(&[(POPULAR, "1.11"), (OWN, "1..1")]));
        let why = "it breaks: own zone, TCP: 2 of 4 lost, out for 200 ms, none expected; 1 other kinds of query as well";
        assert_eq!(reasons, [why]);
    }

    #[test]
    fn who_is_excepted_is_judged_by_the_exception_only() {
        const OWN_FAILS: Radius = Radius {
            rest: Expect::Unharmed,
            except: &[(Of::Class(Class::Own), Expect::Fails)],
        };
        assert!(reasons(OWN_FAILS, &seen(&[(POPULAR, "11"), (OWN, "..")])).is_empty());
        assert_eq!(
            reasons(OWN_FAILS, &seen(&[(POPULAR, ".1"), (OWN, "..")])).len(),
            1
        );
        let attacker = Lane {
            client: Client::Attacker,
            ..OWN
        };
        assert_eq!(
            reasons(OWN_FAILS, &seen(&[(POPULAR, "11"), (attacker, "..")])).len(),
            1
        );
    }

    #[test]
    fn a_loop_that_asks_once_per_second_may_lose_so_many() {
        let mut measured = seen(&[(POPULAR, "1111")]);
        measured.every_second = [true, false, true]
            .map(|is_answered| (ms(10), is_answered))
            .to_vec();
        assert!(reasons(Radius::NOTHING, &measured).is_empty());
        measured.every_second.push((ms(20), false));
        assert_eq!(
            reasons(Radius::NOTHING, &measured),
            ["2 of 4 queries failed that were asked once per second, 1 allowed"]
        );
        // Where the name is expected to fail, the loop fails as well.
        assert!(reasons(Radius::all(Expect::Anything), &measured).is_empty());
    }

    #[test]
    fn what_was_not_asked_has_not_passed() {
        assert_eq!(
            reasons(Radius::NOTHING, &Measured::default()),
            ["nothing was asked"]
        );
    }
}
