//! Where drills happen: a laboratory that is asked and watched all the time.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Output;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::asking::{Asking, Pace, Place};
use super::load::{Flood, Shape, Sources};
use super::measured::{Class, Client, Measured, Phase, Tenure};
use super::scenario::{Also, Scenario};
use super::watch::Neighbour;
use crate::lab::Lab;
use crate::pair::Holders;
use crate::probe::PATIENCE;
use crate::{Names, interrupt, kill_families, wait_for};

/// The nodes that share the floating address; the first one has it when a drill begins.
pub(super) const NODES: [&str; 2] = ["dd1", "dd2"];
/// 200 queries per second over UDP, 40 over TCP.
const PACE: Pace = Pace {
    udp: Duration::from_millis(5),
    tcp: Duration::from_millis(25),
};
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

/// The laboratory while drills happen. Fields are dropped in order: whoever asks before the hosts they ask from.
#[derive(Debug)]
pub struct Stage<'l> {
    floods: Vec<Flood>,
    asking: Asking,
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
            (Names::Same(format!("www.{ZONE}")), Class::Own),
            (Names::Fresh(ZONE.to_owned()), Class::OwnFresh),
            (Names::Same(POPULAR.to_owned()), Class::Popular),
            (Names::Fresh(POPULAR.to_owned()), Class::Fresh),
        ];
        let place = Place {
            host: client,
            sources: &lab.subscribers(),
            server: lab.floating(),
        };
        Ok(Self {
            floods: Vec::new(),
            asking: Asking::start(place, &names, POPULAR, PACE)?,
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
            || self.holders.now() == [true, false] && self.asking.is_steady(),
        )
    }

    /// Lets a scenario happen. Returns a second after its end, when the last query is answered or lost.
    pub fn measure(&mut self, scenario: &Scenario) -> io::Result<Measured> {
        self.also(scenario.also)?;
        let measured = self.act(scenario);
        self.floods.clear();
        self.asking.no_longer_also();
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
            interrupt::sleep(step.watch)?;
        }
        let until = Instant::now();
        interrupt::sleep(PATIENCE)?;
        let abouts: Vec<&str> = scenario.steps.iter().map(|step| step.about).collect();
        let moments: Vec<Duration> = moments.into_iter().map(|at| at - began).collect();
        Ok(Measured {
            phases: Phase::in_turn(&abouts, &moments, until - began),
            queries: self.asking.queries(began, until),
            every_second: self.asking.every_second(began, until),
            held: tenures(&self.holders.periods(began, until), began),
            served: tenures(&self.neighbour.periods(began, until), began),
        })
    }

    /// Gives back what a drill that was broken off may have taken. What cannot be given back shows in the next drill.
    pub fn mend(&mut self) {
        let [one, two] = NODES;
        let _ = self.lab.join(&[(one, two), (two, one)]);
        let names: Vec<String> = { self.lab.nodes().iter() }
            .map(|node| node.name().to_owned())
            .collect();
        for name in names {
            let _ = self.lab.plug(&name);
            if self.lab.node_mut(&name).is_ok_and(|node| !node.is_running()) {
                let _ = self.lab.power_on(&name);
            }
        }
        for (node, role) in NODES
            .into_iter()
            .flat_map(|node| [(node, "front"), (node, "vip")])
        {
            let _ = self.signal(node, role, Signal::CONT);
            let _ = self.weir(node, &["start", role]);
        }
    }

    /// Lets somebody else ask as well.
    fn also(&mut self, also: Also) -> io::Result<()> {
        let [subscriber, _] = self.lab.subscribers();
        let (client, name, class, source) = match also {
            Also::Nobody => return Ok(()),
            Also::Victim(name) => (Client::Subscriber, name, Class::Victim, subscriber),
            Also::Attacker => (Client::Attacker, POPULAR, Class::Popular, IpAddr::V4(ATTACKER)),
        };
        let place = Place {
            host: self.lab.client(),
            sources: &[source],
            server: self.lab.floating(),
        };
        let names = (Names::Same(name.to_owned()), class);
        self.asking.also(place, client, names)
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

/// The text without the lines that begin so and say so.
fn without_lines(text: &str, begin: &str, word: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !(line.starts_with(begin) && line.contains(word)));
    lines.map(|line| format!("{line}\n")).collect()
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
