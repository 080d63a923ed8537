//! Where drills happen: a laboratory that is asked and watched all the time.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Output;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use rustix::process::{Pid, Signal, kill_process};

use super::load::{Flood, Shape, Sources};
use super::measured::{Class, Client, Fate, Lane, Measured, Phase, Query, Tenure};
use super::scenario::{Also, Scenario};
use super::watch::Neighbour;
use crate::lab::Lab;
use crate::pair::Holders;
use crate::probe::PATIENCE;
use crate::{Names, Namespace, Plan, Prober, Transport, interrupt, kill_families, wait_for};

/// The nodes that share the floating address; the first one has it when a drill begins.
pub(super) const NODES: [&str; 2] = ["dd1", "dd2"];
/// Over UDP, 200 queries per second in all.
const UDP_PACE: Duration = Duration::from_millis(5);
/// Over TCP, each with a connection of its own.
const TCP_PACE: Duration = Duration::from_millis(25);
/// Of names that are asked for besides.
const ALSO_PACE: Duration = Duration::from_millis(50);
/// A drill begins when for so long every query was answered,
const STEADY: Duration = Duration::from_secs(1);
/// within this time.
const PROMPT: Duration = Duration::from_millis(100);
/// How long the site may take to come to rest.
const SETTLE: Duration = Duration::from_secs(30);
/// How long it is watched before something happens.
const LEAD: Duration = Duration::from_millis(500);
/// The address that a flood from one address comes from: a third subscriber's.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(10, 10, 2, 199);
/// The site's own zone.
pub(super) const ZONE: &str = "zaibdns.lab";
/// What everybody asks for.
const POPULAR: &str = "google.com";

/// A prober and the kind of query that each of its names is.
#[derive(Debug)]
struct Asking {
    prober: Prober,
    lanes: Vec<Lane>,
}

/// The laboratory while drills happen. Fields are dropped in order: whoever asks before the hosts they ask from.
#[derive(Debug)]
pub struct Stage<'l> {
    floods: Vec<Flood>,
    asking: Vec<Asking>,
    loop_prober: Prober,
    holders: Holders,
    neighbour: Neighbour,
    moment: Option<Instant>,
    /// The site.
    pub lab: &'l mut Lab,
}

impl<'l> Stage<'l> {
    /// Begins to ask and to watch.
    pub fn start(lab: &'l mut Lab) -> io::Result<Self> {
        // Version 2 of VRRP, which the blueprint's password needs, waits 3.6 s for a silent node: longer than the target.
        lab.rewrite_site(|text| without_lines(text, "password_file = ", "vrrp"))?;
        let client = lab.client();
        client.ip(&["address", "replace", &format!("{ATTACKER}/24"), "dev", "eth0"])?;
        let nodes = [lab.node(NODES[0])?.namespace(), lab.node(NODES[1])?.namespace()];
        let neighbour = Neighbour::watch(client, lab.floating().ip(), nodes)?;
        let names = [
            (Names::Same(format!("www.{}", ZONE)), Class::Own),
            (Names::Fresh(ZONE.to_owned()), Class::OwnFresh),
            (Names::Same(POPULAR.to_owned()), Class::Popular),
            (Names::Fresh(POPULAR.to_owned()), Class::Fresh),
        ];
        let every_second = [(Names::Same(POPULAR.to_owned()), Class::Popular)];
        let sources = lab.subscribers();
        let asking = vec![
            ask(
                lab,
                Client::Subscriber,
                Transport::Udp,
                UDP_PACE,
                &names,
                &sources,
            )?,
            ask(
                lab,
                Client::Subscriber,
                Transport::Tcp,
                TCP_PACE,
                &names,
                &sources,
            )?,
        ];
        let second = Duration::from_secs(1);
        let every_second = ask(
            lab,
            Client::Subscriber,
            Transport::Udp,
            second,
            &every_second,
            &sources,
        )?;
        Ok(Self {
            floods: Vec::new(),
            asking,
            loop_prober: every_second.prober,
            holders: lab.holders()?,
            neighbour,
            moment: None,
            lab,
        })
    }

    /// Waits until the first node has the address, and it alone, and every query is answered.
    pub fn rest(&self) -> io::Result<Duration> {
        wait_for(
            "dd1 alone has the address, and every query is answered",
            SETTLE,
            || self.holders.now() == [true, false] && self.is_steady(),
        )
    }

    /// Whether all queries of the last second were answered whose time is up.
    fn is_steady(&self) -> bool {
        let until = Instant::now() - PROMPT;
        let queries = self.queries(until - STEADY, until);
        let lanes: BTreeSet<Lane> = queries.iter().map(|query| query.lane).collect();
        let asked: usize = self.asking.iter().map(|asking| asking.lanes.len()).sum();
        lanes.len() == asked
            && queries
                .iter()
                .all(|query| matches!(query.fate, Fate::Answered(_)))
    }

    /// Lets a scenario happen. Returns a second after its end, when the last query is answered or lost.
    pub fn measure(&mut self, scenario: &Scenario) -> io::Result<Measured> {
        let asking = self.asking.len();
        self.also(scenario.also)?;
        let measured = self.act(scenario);
        self.floods.clear();
        self.asking.truncate(asking);
        measured
    }

    fn act(&mut self, scenario: &Scenario) -> io::Result<Measured> {
        let began = Instant::now();
        interrupt::sleep(LEAD)?;
        let mut moments = Vec::new();
        for step in scenario.steps {
            let called = Instant::now();
            self.moment = None;
            (step.act)(self)?;
            moments.push(self.moment.unwrap_or(called));
            interrupt::sleep(step.watch.saturating_sub(called.elapsed()))?;
        }
        let until = Instant::now();
        interrupt::sleep(PATIENCE)?;
        let ends = moments.iter().skip(1).copied().chain([until]);
        let phases = scenario.steps.iter().zip(&moments).zip(ends);
        let phases = phases.map(|((step, from), end)| Phase {
            about: step.about.to_owned(),
            from: *from - began,
            until: end - began,
        });
        let loop_probes = self.loop_prober.probes(began, until).into_iter();
        Ok(Measured {
            phases: phases.collect(),
            queries: self.queries(began, until),
            every_second: loop_probes
                .map(|probe| (probe.sent - began, probe.answer().is_some()))
                .collect(),
            held: tenures(&self.holders.periods(began, until), began),
            served: tenures(&self.neighbour.periods(began, until), began),
        })
    }

    /// Everything that was asked in this period, in the order of sending.
    fn queries(&self, from: Instant, until: Instant) -> Vec<Query> {
        let mut queries = Vec::new();
        for asking in &self.asking {
            for probe in asking.prober.probes(from, until) {
                let Some(&lane) = asking.lanes.get(probe.turn) else {
                    continue;
                };
                let fate = match probe.reply {
                    Some((at, _)) if at - probe.sent > PATIENCE => Fate::Silent,
                    Some((at, Ok(_))) => Fate::Answered(at - probe.sent),
                    // Nobody has such names: that is the answer.
                    Some((at, Err(ResponseCode::NXDomain))) if lane.class == Class::OwnFresh => {
                        Fate::Answered(at - probe.sent)
                    }
                    Some((_, Err(code))) => Fate::Refused(word(code)),
                    None => Fate::Silent,
                };
                queries.push(Query {
                    lane,
                    sent: probe.sent - from,
                    fate,
                });
            }
        }
        queries.sort_by_key(|query| query.sent);
        queries
    }

    /// Lets somebody else ask as well.
    fn also(&mut self, also: Also) -> io::Result<()> {
        let (client, name, class, source) = match also {
            Also::Nobody => return Ok(()),
            Also::Victim(name) => (Client::Subscriber, name, Class::Victim, self.lab.subscribers()[0]),
            Also::Attacker => (Client::Attacker, POPULAR, Class::Popular, IpAddr::V4(ATTACKER)),
        };
        let names = [(Names::Same(name.to_owned()), class)];
        let asking = ask(self.lab, client, Transport::Udp, ALSO_PACE, &names, &[source])?;
        self.asking.push(asking);
        Ok(())
    }

    /// What happens, happens now and not when the step began: it took a while to prepare.
    pub(super) fn now(&mut self) {
        self.moment = Some(Instant::now());
    }

    /// Begins a flood from the client's host.
    pub(super) fn flood(
        &mut self,
        rate: usize,
        sources: Sources,
        names: Names,
        qtype: &'static str,
    ) -> io::Result<()> {
        let shape = Shape {
            rate,
            sources,
            names,
            qtype,
        };
        let flood = Flood::start(self.lab.client(), self.lab.floating(), shape)?;
        self.floods.push(flood);
        Ok(())
    }

    /// Ends the floods.
    pub(super) fn end_floods(&mut self) {
        self.floods.clear();
    }

    /// Runs a subcommand of weir on a node; an error when it says so.
    pub(super) fn weir(&self, node: &str, words: &[&str]) -> io::Result<()> {
        let Output { status, stderr, .. } = self.lab.weir(node, words)?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{node}: weir {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&stderr).trim()
            ))),
        }
    }

    /// Sends a signal to the process that has a role on a node.
    pub(super) fn signal(&self, node: &str, role: &str, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.lab.role_pid(node, role)?).map_err(io::Error::other)?;
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no such process"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Kills the process that has a role on a node and all that descend from it, at the same moment.
    pub(super) fn kill_family(&self, node: &str, role: &str) -> io::Result<()> {
        kill_families(&[self.lab.role_pid(node, role)?])
    }
}

fn ask(
    lab: &Lab,
    client: Client,
    transport: Transport,
    pace: Duration,
    names: &[(Names, Class)],
    sources: &[IpAddr],
) -> io::Result<Asking> {
    let plan = Plan {
        transport,
        pace,
        names: names.iter().map(|(names, _)| names.clone()).collect(),
        sources: sources.to_vec(),
    };
    let host: &Namespace = lab.client();
    let lanes = names.iter().map(|(_, class)| Lane {
        client,
        class: *class,
        transport,
    });
    Ok(Asking {
        prober: Prober::start(host, lab.floating(), plan)?,
        lanes: lanes.collect(),
    })
}

/// The text without the lines that begin so and say so.
fn without_lines(text: &str, begin: &str, word: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !(line.starts_with(begin) && line.contains(word)));
    lines.map(|line| format!("{line}\n")).collect()
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

fn tenures(periods: &[(usize, Instant, Instant)], began: Instant) -> Vec<Tenure> {
    let tenures = periods.iter().map(|(node, from, until)| Tenure {
        node: NODES.get(*node).copied().unwrap_or_default().to_owned(),
        from: *from - began,
        until: *until - began,
    });
    let mut tenures: Vec<Tenure> = tenures.collect();
    tenures.sort_by_key(|tenure| tenure.from);
    tenures
}
