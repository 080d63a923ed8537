//! Subscribers who ask all the time: for several kinds of names, over UDP and TCP, and once per second.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;

use super::measured::{Class, Client, Fate, Lane, Query};
use crate::probe::PATIENCE;
use crate::{Names, Namespace, Plan, Prober, Transport};

/// What is asked for besides.
const ALSO_PACE: Duration = Duration::from_millis(50);
/// All is well when for so long every query was answered,
const STEADY: Duration = Duration::from_secs(1);
/// within this time.
const PROMPT: Duration = Duration::from_millis(100);

/// From one query to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Over UDP.
    pub udp: Duration,
    /// Over TCP, each with a connection of its own.
    pub tcp: Duration,
}

/// Whom they ask, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Place<'n> {
    /// The host that they are on.
    pub host: &'n Namespace,
    /// Its addresses, in turn; the host's choice when there are none.
    pub sources: &'n [IpAddr],
    /// The floating address.
    pub server: SocketAddr,
}

/// Everybody who asks; until it is dropped.
#[derive(Debug)]
pub struct Asking {
    steady: Vec<Asker>,
    also: Vec<Asker>,
    every_second: Prober,
}

/// A prober and the kind of query that each of its names is.
#[derive(Debug)]
struct Asker {
    prober: Prober,
    lanes: Vec<Lane>,
}

impl Asking {
    /// Begins to ask for these names, and once per second for `popular`.
    pub fn start(place: Place<'_>, names: &[(Names, Class)], popular: &str, pace: Pace) -> io::Result<Self> {
        let every_second = Plan {
            transport: Transport::Udp,
            pace: Duration::from_secs(1),
            names: vec![Names::Same(popular.to_owned())],
            sources: place.sources.to_vec(),
        };
        let ask = |transport, pace| Asker::start(place, Client::Subscriber, transport, pace, names);
        Ok(Self {
            steady: vec![ask(Transport::Udp, pace.udp)?, ask(Transport::Tcp, pace.tcp)?],
            also: Vec::new(),
            every_second: Prober::start(place.host, place.server, every_second)?,
        })
    }

    /// Lets somebody ask for something else as well, over UDP.
    pub fn also(&mut self, place: Place<'_>, client: Client, names: (Names, Class)) -> io::Result<()> {
        let asker = Asker::start(place, client, Transport::Udp, ALSO_PACE, &[names])?;
        self.also.push(asker);
        Ok(())
    }

    /// Ends what [`also`](Self::also) began.
    pub fn no_longer_also(&mut self) {
        self.also.clear();
    }

    /// Whether all queries of the last second were answered whose time is up.
    pub fn is_steady(&self) -> bool {
        let until = Instant::now() - PROMPT;
        let queries = self.queries(until - STEADY, until);
        let asked: BTreeSet<Lane> = queries.iter().map(|query| query.lane).collect();
        let lanes: usize = self.steady.iter().map(|asker| asker.lanes.len()).sum();
        asked.len() == lanes
            && queries
                .iter()
                .all(|query| matches!(query.fate, Fate::Answered(_)))
    }

    /// Everything that was asked in this period, in the order of sending; times count from its beginning.
    pub fn queries(&self, from: Instant, until: Instant) -> Vec<Query> {
        let mut queries = Vec::new();
        for asker in self.steady.iter().chain(&self.also) {
            for probe in asker.prober.probes(from, until) {
                let Some(&lane) = asker.lanes.get(probe.turn) else {
                    continue;
                };
                queries.push(Query {
                    lane,
                    sent: probe.sent - from,
                    fate: fate(probe.sent, probe.reply, lane),
                });
            }
        }
        queries.sort_by_key(|query| query.sent);
        queries
    }

    /// The same of what was asked once per second: when, and whether it was answered.
    pub fn every_second(&self, from: Instant, until: Instant) -> Vec<(Duration, bool)> {
        let probes = self.every_second.probes(from, until);
        { probes.iter() }
            .map(|probe| (probe.sent - from, probe.answer().is_some()))
            .collect()
    }
}

impl Asker {
    fn start(
        place: Place<'_>,
        client: Client,
        transport: Transport,
        pace: Duration,
        names: &[(Names, Class)],
    ) -> io::Result<Self> {
        let plan = Plan {
            transport,
            pace,
            names: names.iter().map(|(names, _)| names.clone()).collect(),
            sources: place.sources.to_vec(),
        };
        let lanes = names.iter().map(|(_, class)| Lane {
            client,
            class: *class,
            transport,
        });
        Ok(Self {
            prober: Prober::start(place.host, place.server, plan)?,
            lanes: lanes.collect(),
        })
    }
}

fn fate(sent: Instant, reply: Option<(Instant, Result<IpAddr, ResponseCode>)>, lane: Lane) -> Fate {
    match reply {
        Some((at, said)) if at - sent <= PATIENCE => match said {
            Ok(_) => Fate::Answered(at - sent),
            // Nobody has such names, and the apex may have no address: that is the answer.
            Err(ResponseCode::NXDomain) if lane.class == Class::OwnFresh => Fate::Answered(at - sent),
            Err(ResponseCode::NoError) if lane.class == Class::Own => Fate::Answered(at - sent),
            Err(code) => Fate::Refused(word(code)),
        },
        _ => Fate::Silent,
    }
}

/// As dig prints it.
pub(super) fn word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }
}
