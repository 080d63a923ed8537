//! Drills on a node of a real site: only what the node's own `weir up` undoes again, and undone whatever happens.
//!
//! Whoever asks is on that node as well. Names of the Internet that nobody has asked for before are left alone: their
//! servers are somebody else's.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::asking::{Asking, Pace, Place};
use super::measured::{Class, Measured, Phase, Tenure};
use super::report::{Drilled, Report, line};
use super::round;
use super::verdict::{Radius, Targets, Verdict, judge};
use crate::pair::Holders;
use crate::probe::PATIENCE;
use crate::{Names, Namespace, interrupt, wait_for};

/// Below the limit of one subscriber's address.
const PACE: Pace = Pace {
    udp: Duration::from_millis(10),
    tcp: Duration::from_millis(100),
};
/// How long the node is watched before something happens.
const LEAD: Duration = Duration::from_millis(500);
/// How long it may take to be as it was.
const SETTLE: Duration = Duration::from_secs(30);
/// What whoever answers is called while this node does not have the address.
const ANOTHER: &str = "another node";

/// A node, and what is to be kept.
#[derive(Clone, Debug)]
pub struct Node {
    /// The program that gives orders to the node's `weir up`.
    pub weir: PathBuf,
    /// The run directory of that.
    pub run: PathBuf,
    /// Its name.
    pub name: String,
    /// The site's.
    pub site: String,
    /// The floating address.
    pub floating: SocketAddr,
    /// A zone of the site.
    pub zone: Option<String>,
    /// A name of the Internet that everybody asks for.
    pub popular: String,
    /// What the site promises.
    pub targets: Targets,
    /// Whether `weir vip` holds the address: others cannot hand it over.
    pub can_hand_over: bool,
}

/// What is done to it, and undone.
#[derive(Debug)]
struct Rehearsal {
    name: &'static str,
    title: &'static str,
    expected: Radius,
    steps: [Order; 2],
}

#[derive(Debug)]
struct Order {
    about: &'static str,
    /// The subcommand.
    words: &'static [&'static str],
    /// How long to look.
    watch: Duration,
}

const fn order(about: &'static str, words: &'static [&'static str]) -> Order {
    Order {
        about,
        words,
        watch: Duration::from_secs(5),
    }
}

const REHEARSALS: [Rehearsal; 4] = [
    Rehearsal {
        name: HANDOVER,
        title: "Address handed over",
        expected: Radius::MOVE,
        steps: [
            order("the address is handed over", &["vip", "handover"]),
            order("and returns", &["vip", "resume"]),
        ],
    },
    Rehearsal {
        name: "front-stopped",
        title: "Front end stopped",
        expected: Radius::MOVE,
        steps: [
            order("front end stopped", &["stop", "front"]),
            order("front end started", &["start", "front"]),
        ],
    },
    Rehearsal {
        name: "vip-stopped",
        title: "VRRP stopped",
        expected: Radius::MOVE,
        steps: [
            order("VRRP stopped", &["stop", "vip"]),
            order("VRRP started", &["start", "vip"]),
        ],
    },
    Rehearsal {
        name: "reload",
        title: "Configuration reloaded",
        expected: Radius::NOTHING,
        steps: [
            order("configuration reloaded", &["reload"]),
            order("and again", &["reload"]),
        ],
    },
];
const HANDOVER: &str = "handover";

impl Node {
    /// What would be done, for whoever has to agree.
    pub fn announcement(&self) -> String {
        let orders = REHEARSALS.iter().flat_map(|rehearsal| &rehearsal.steps);
        orders.fold(
            format!(
                "drill on {}: each of these is done and undone, while {} is asked 110 times per second from here\n",
                self.name,
                self.floating.ip()
            ),
            |text, order| text + &format!("  {:28}weir {}\n", order.about, order.words.join(" ")),
        )
    }

    /// Does all of it. `progress` hears each drill as it ends. When somebody asks to stop, what was done is undone first.
    pub fn rehearse(&self, progress: &mut dyn FnMut(&str)) -> io::Result<Report> {
        let began = round::now();
        let here = Namespace::of_this_machine();
        let asking = self.ask(&here)?;
        let holders = Holders::watch([&here], self.floating.ip())?;
        wait_for(
            "every query is answered: may this node's own address ask?",
            SETTLE,
            || asking.is_steady(),
        )?;
        let [is_holder] = holders.now();
        let mut drills = Vec::new();
        for rehearsal in &REHEARSALS {
            let (measured, verdict) = match self.obstacle(rehearsal, is_holder) {
                Some(why) => (Measured::default(), Verdict::NotRun(why)),
                None => round::undisturbed(|| self.once(rehearsal, &asking, &holders, is_holder))?,
            };
            let drill = Drilled {
                name: rehearsal.name.to_owned(),
                title: rehearsal.title.to_owned(),
                expected: vec![rehearsal.expected; rehearsal.steps.len()],
                measured,
                verdict,
            };
            progress(&line(&drill));
            drills.push(drill);
        }
        Ok(Report {
            site: self.site.clone(),
            about: format!("node {}", self.name),
            began,
            targets: self.targets,
            drills,
            tests: Vec::new(),
        })
    }

    fn ask(&self, here: &Namespace) -> io::Result<Asking> {
        let mut names = vec![(Names::Same(self.popular.clone()), Class::Popular)];
        if let Some(zone) = &self.zone {
            names.push((Names::Same(zone.clone()), Class::Own));
            names.push((Names::Fresh(zone.clone()), Class::OwnFresh));
        }
        let place = Place {
            host: here,
            sources: &[],
            server: self.floating,
        };
        Asking::start(place, &names, &self.popular, PACE)
    }

    fn obstacle(&self, rehearsal: &Rehearsal, is_holder: bool) -> Option<String> {
        match rehearsal.name {
            HANDOVER if !self.can_hand_over => Some("only weir vip hands an address over".to_owned()),
            HANDOVER if !is_holder => Some(format!("{} does not have the address", self.name)),
            _ => None,
        }
    }

    /// Does it, looks, undoes it, looks until all is as it was.
    fn once(
        &self,
        rehearsal: &Rehearsal,
        asking: &Asking,
        holders: &Holders<1>,
        is_holder: bool,
    ) -> io::Result<(Measured, Verdict)> {
        let began = Instant::now();
        interrupt::sleep(LEAD)?;
        let [strike, mend] = &rehearsal.steps;
        let struck = Instant::now();
        let looked = self.order(strike).and_then(|()| interrupt::sleep(strike.watch));
        let mended = Instant::now();
        self.order(mend)?;
        looked?;
        interrupt::sleep(mend.watch)?;
        let until = Instant::now();
        interrupt::sleep(PATIENCE)?;
        let moments = [struck - began, mended - began];
        let held: Vec<Tenure> = { holders.periods(began, until).into_iter() }
            .map(|(_, from, end)| Tenure {
                node: self.name.clone(),
                from: from - began,
                until: end - began,
            })
            .collect();
        let measured = Measured {
            phases: Phase::in_turn(&[strike.about, mend.about], &moments, until - began),
            queries: asking.queries(began, until),
            every_second: asking.every_second(began, until),
            served: served(&held, until - began),
            held,
        };
        wait_for("the node is as it was", SETTLE, || {
            holders.now() == [is_holder] && asking.is_steady()
        })?;
        let verdict = judge(&measured, &[rehearsal.expected; 2], &self.targets);
        Ok((measured, verdict))
    }

    fn order(&self, order: &Order) -> io::Result<()> {
        let output = Command::new(&self.weir)
            .args(order.words)
            .arg("--run")
            .arg(&self.run)
            .output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "weir {}: {}",
                order.words.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ))),
        }
    }
}

/// Whoever has the address answers: this node, or another one.
fn served(held: &[Tenure], until: Duration) -> Vec<Tenure> {
    let another = |from, until| Tenure {
        node: ANOTHER.to_owned(),
        from,
        until,
    };
    let mut served = Vec::new();
    let mut since = Duration::ZERO;
    for tenure in held {
        served.push(another(since, tenure.from));
        served.push(tenure.clone());
        since = tenure.until;
    }
    served.push(another(since, until));
    served.retain(|tenure| tenure.from < tenure.until);
    served
}
