//! What was seen while a drill ran: values, without the laboratory they came from. Times count from the drill's
//! beginning.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::{Silence, Transport, silences};

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A name of the site's own zone; caches hold it.
    Own,
    /// Names of the site's own zone that nobody has asked for before.
    OwnFresh,
    /// A name of the Internet that everybody asks for.
    Popular,
    /// Names of the Internet that nobody has asked for before.
    Fresh,
    /// A name, or names, that the drill makes fail.
    Victim,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// Subscribers who only want an answer.
    Subscriber,
    /// The address that a flood comes from.
    Attacker,
}

/// Queries of one kind; a line of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// Who asks.
    pub client: Client,
    /// What for.
    pub class: Class,
    /// How.
    pub transport: Transport,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Own => "own zone",
            Self::OwnFresh => "own, never asked",
            Self::Popular => "popular",
            Self::Fresh => "never asked",
            Self::Victim => "failing zone",
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Subscriber => "subscribers",
            Self::Attacker => "attacker",
        })
    }
}

impl Lane {
    /// Who asks and what for, however.
    pub fn group(&self) -> String {
        match self.client {
            Client::Subscriber => self.class.to_string(),
            Client::Attacker => format!("{}: {}", self.client, self.class),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.group(), self.transport)
    }
}

/// What became of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was answered, after this long.
    Answered(Duration),
    /// The reply is no answer: SERVFAIL, REFUSED.
    Refused(String),
    /// No reply in time.
    Silent,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its kind.
    pub lane: Lane,
    /// When it was sent.
    pub sent: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// A period in which a node had the floating address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// The node's name.
    pub node: String,
    /// Since when.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// What happened, or was done, and how long it was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// In words.
    pub about: String,
    /// When it happened.
    pub from: Duration,
    /// The end of the watch.
    pub until: Duration,
}

impl Phase {
    /// One after the other: what happened, and when; the last one is watched until then.
    pub fn in_turn(abouts: &[&str], moments: &[Duration], until: Duration) -> Vec<Self> {
        let ends = moments.iter().skip(1).copied().chain([until]);
        let phases = abouts.iter().zip(moments).zip(ends);
        phases
            .map(|((about, from), until)| Self {
                about: (*about).to_owned(),
                from: *from,
                until,
            })
            .collect()
    }
}

/// Everything that was seen of one drill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// What happened, in turn.
    pub phases: Vec<Phase>,
    /// What was asked, in the order of sending.
    pub queries: Vec<Query>,
    /// What was asked once per second, in the order of sending: when, and whether it was answered.
    pub every_second: Vec<(Duration, bool)>,
    /// Who had the address.
    pub held: Vec<Tenure>,
    /// To which node the client's queries went: whose hardware address it knew the floating address under.
    pub served: Vec<Tenure>,
}

/// What became of the queries of a lane in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Queries sent.
    pub asked: usize,
    /// Those that were not answered.
    pub lost: usize,
    /// Those of the lost that got a reply, by what it said.
    pub refused: BTreeMap<String, usize>,
    /// The runs of lost queries.
    pub silences: Vec<Silence<Duration>>,
    /// The answer that took longest.
    pub slowest: Duration,
}

impl Outcome {
    /// The longest run of lost queries.
    pub fn outage(&self) -> Duration {
        self.silences
            .iter()
            .map(Silence::length)
            .max()
            .unwrap_or_default()
    }

    /// Whether the last query was answered; if not, the outage may be longer than seen.
    pub fn is_over(&self) -> bool {
        self.silences.last().is_none_or(|silence| silence.is_over)
    }
}

impl Measured {
    /// How long the drill took.
    pub fn span(&self) -> Duration {
        self.phases
            .iter()
            .map(|phase| phase.until)
            .max()
            .unwrap_or_default()
    }

    /// The lanes in which something was asked, in a fixed order.
    pub fn lanes(&self) -> Vec<Lane> {
        let mut lanes: Vec<_> = self.queries.iter().map(|query| query.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// What became of the queries of a lane that were sent in this period.
    pub fn outcome(&self, lane: Lane, from: Duration, until: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let sent = self
            .queries
            .iter()
            .filter(|query| query.lane == lane && query.sent >= from && query.sent < until);
        let fates = sent.map(|query| {
            outcome.asked += 1;
            match &query.fate {
                Fate::Answered(after) => outcome.slowest = outcome.slowest.max(*after),
                Fate::Refused(said) => *outcome.refused.entry(said.clone()).or_default() += 1,
                Fate::Silent => {}
            }
            (query.sent, matches!(query.fate, Fate::Answered(_)))
        });
        let runs = silences(fates, until);
        outcome.lost = runs.iter().map(|silence| silence.lost).sum();
        outcome.silences = runs;
        outcome
    }

    /// How many of the queries that were asked once per second in this period failed, and how many there were.
    pub fn failed_every_second(&self, from: Duration, until: Duration) -> (usize, usize) {
        let sent = self
            .every_second
            .iter()
            .filter(|(sent, _)| *sent >= from && *sent < until);
        sent.fold((0, 0), |(failed, asked), (_, is_answered)| {
            (failed + usize::from(!is_answered), asked + 1)
        })
    }

    /// Which nodes answered, in turn, with the number of answers until the next one did.
    pub fn answered_by(&self) -> Vec<(&str, usize)> {
        let mut answered: Vec<(&str, usize)> = Vec::new();
        for query in &self.queries {
            if !matches!(query.fate, Fate::Answered(_)) {
                continue;
            }
            let node = self.node_at(query.sent);
            match answered.last_mut() {
                Some((last, count)) if *last == node => *count += 1,
                _ => answered.push((node, 1)),
            }
        }
        answered
    }

    /// The longest time in which nothing was asked at all: then this machine was held up, whatever the site did.
    pub fn held_up(&self) -> Duration {
        let pairs = self.queries.windows(2);
        pairs
            .filter_map(|pair| match pair {
                [one, next] => Some(next.sent - one.sent),
                _ => None,
            })
            .max()
            .unwrap_or_default()
    }

    /// For how long two nodes had the address at once.
    pub fn held_twice(&self) -> Duration {
        let mut twice = Duration::ZERO;
        for (number, one) in self.held.iter().enumerate() {
            for other in self
                .held
                .iter()
                .skip(number + 1)
                .filter(|other| other.node != one.node)
            {
                let (from, until) = (one.from.max(other.from), one.until.min(other.until));
                twice += until.saturating_sub(from);
            }
        }
        twice
    }

    fn node_at(&self, at: Duration) -> &str {
        let serving = self.served.iter().rev();
        serving
            .filter(|tenure| tenure.from <= at && at < tenure.until)
            .map(|tenure| tenure.node.as_str())
            .next()
            .unwrap_or("?")
    }
}
