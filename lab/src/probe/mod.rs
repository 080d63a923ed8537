//! What a subscriber notices: queries at a steady pace to one address, when each was answered, and how.
//!
//! A [`Plan`] says what is asked, from which addresses and how. A query never waits for another: over UDP the sender
//! does not wait for answers, over TCP every query has a connection and a thread of its own.

mod silence;
mod tcp;
mod udp;

pub use silence::{Silence, silences};

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};

use crate::{Ask, Namespace, Transport};

/// An answer that takes longer is none: what stub resolvers wait before they ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// What is asked, again and again.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How.
    pub transport: Transport,
    /// From one query to the next.
    pub pace: Duration,
    /// What for, in turn.
    pub names: Vec<Names>,
    /// From these addresses of the host, in turn; from the one that the host takes when there are none.
    pub sources: Vec<IpAddr>,
}

/// Names to ask for. The type is A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Always this one: a cache holds it.
    Same(String),
    /// One below this that was never asked for: no cache holds it.
    Fresh(String),
}

impl Names {
    /// The name that the next query is for.
    pub(crate) fn next(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        match self {
            Self::Same(name) => name.clone(),
            Self::Fresh(parent) => {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                format!("{number}-{}.{parent}", std::process::id())
            }
        }
    }
}

impl Plan {
    /// Which of its names the query with this number is for.
    fn turn(&self, number: usize) -> usize {
        number % self.names.len().max(1)
    }

    /// The query with this number, as bytes.
    fn query(&self, number: usize) -> io::Result<Vec<u8>> {
        let names = self.names.get(self.turn(number));
        let names = names.ok_or_else(|| io::Error::other("a prober without names"))?;
        Ask::new(&names.next(), "A")?.id(id_of(number)).to_bytes()
    }
}

/// One query, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which of the plan's names it was for.
    pub turn: usize,
    /// When it was sent.
    pub sent: Instant,
    /// When the first reply came, and what it says: an address, or why there is none.
    pub reply: Option<(Instant, Result<IpAddr, ResponseCode>)>,
}

impl Probe {
    /// The address in its answer; none when it was lost: no reply in time, or one that is no answer.
    pub fn answer(&self) -> Option<IpAddr> {
        let (at, said) = self.reply?;
        said.ok().filter(|_| at - self.sent <= PATIENCE)
    }
}

type Log = Arc<Mutex<Vec<Probe>>>;

/// Asks until it is dropped.
#[derive(Debug)]
pub struct Prober {
    pace: Duration,
    log: Log,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// What became of the queries of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Queries sent.
    pub asked: usize,
    /// Those without an answer, or with one that is none (SERVFAIL, no address).
    pub lost: usize,
    /// The longest run of lost queries: from sending its first to sending the next one that was answered.
    pub outage: Duration,
    /// Whether the last query was answered; if not, the outage may be longer than seen.
    pub is_over: bool,
    /// Who answered, in turn, with the number of answers until the next one did.
    pub answered_by: Vec<(IpAddr, usize)>,
}

impl Prober {
    /// Asks `server` from `host`.
    pub fn start(host: &Namespace, server: SocketAddr, plan: Plan) -> io::Result<Self> {
        let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let pace = plan.pace;
        let threads = match plan.transport {
            Transport::Udp => udp::start(host, server, plan, &log, &stop)?,
            Transport::Tcp => vec![tcp::start(host, server, plan, &log, &stop)?],
        };
        Ok(Self {
            pace,
            log,
            stop,
            threads,
        })
    }

    /// The queries sent in this period. For those of the last second it is not decided yet whether they are lost.
    pub fn probes(&self, from: Instant, until: Instant) -> Vec<Probe> {
        let log = lock(&self.log);
        let start = log.partition_point(|probe| probe.sent < from);
        let sent = log.iter().skip(start);
        sent.take_while(|probe| probe.sent < until).copied().collect()
    }

    /// What became of the queries sent in this period, with the same proviso.
    pub fn outcome(&self, from: Instant, until: Instant) -> Outcome {
        judge(&self.probes(from, until), until)
    }

    /// Whether the last so many queries whose time is up were all answered by `who`.
    pub fn is_steady(&self, who: IpAddr, queries: usize) -> bool {
        let (log, now) = (lock(&self.log), Instant::now());
        // Answers are there after a millisecond or two; an answer that takes longer is no steady state.
        let decided = log
            .iter()
            .rev()
            .skip_while(|probe| now - probe.sent < 4 * self.pace)
            .take(queries);
        let mut count = 0;
        decided
            .inspect(|_| count += 1)
            .all(|probe| probe.answer() == Some(who))
            && count == queries
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn judge(probes: &[Probe], until: Instant) -> Outcome {
    let fates = probes.iter().map(|probe| (probe.sent, probe.answer().is_some()));
    let silences = silences(fates, until);
    let mut answered_by: Vec<(IpAddr, usize)> = Vec::new();
    for by in probes.iter().filter_map(Probe::answer) {
        match answered_by.last_mut() {
            Some((last, count)) if *last == by => *count += 1,
            _ => answered_by.push((by, 1)),
        }
    }
    Outcome {
        asked: probes.len(),
        lost: silences.iter().map(|silence| silence.lost).sum(),
        outage: silences.iter().map(Silence::length).max().unwrap_or_default(),
        is_over: silences.last().is_none_or(|silence| silence.is_over),
        answered_by,
    }
}

/// Calls `send` with the number of every query, at the plan's pace whatever is answered. A moment that was missed is
/// not made up for: two queries at once would count one outage twice.
fn keep_pace(
    pace: Duration,
    stop: &AtomicBool,
    mut send: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut due = Instant::now();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        send(number)?;
        due += pace;
        while let Some(rest) = due.checked_duration_since(Instant::now()) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(rest.min(TICK));
        }
        due = due.max(Instant::now());
    }
    Ok(())
}

/// How often whoever waits looks whether it should end.
const TICK: Duration = Duration::from_millis(20);

/// Notes that a query goes out now.
fn note(log: &Mutex<Vec<Probe>>, turn: usize) {
    let mut log = lock(log);
    // The time is taken under the lock: the log is in order.
    let sent = Instant::now();
    log.push(Probe {
        turn,
        sent,
        reply: None,
    });
}

fn lock(log: &Mutex<Vec<Probe>>) -> MutexGuard<'_, Vec<Probe>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id of a query; different among all that are outstanding.
fn id_of(number: usize) -> u16 {
    (number % usize::from(u16::MAX)) as u16
}

/// The id of a reply and what it says.
fn read(reply: &[u8]) -> Option<(u16, Result<IpAddr, ResponseCode>)> {
    let message = Message::from_vec(reply).ok()?;
    let address = message.answers.iter().find_map(|record| record.data.ip_addr());
    let said = match (message.metadata.response_code, address) {
        (ResponseCode::NoError, Some(address)) => Ok(address),
        (code, _) => Err(code),
    };
    Some((message.metadata.id, said))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{Behaviour, Responder, wait_for};

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const PACE: Duration = Duration::from_millis(5);

    /// One query per pace; `.` is lost, `l` answered too late, `s` SERVFAIL, `1` and `2` by whom.
    fn judged(text: &str) -> Outcome {
        let start = Instant::now();
        let sent = |number: usize| start + PACE * number as u32;
        let probes: Vec<_> = text
            .chars()
            .enumerate()
            .map(|(turn, what)| {
                let sent = sent(turn);
                let reply = match what {
                    '.' => None,
                    's' => Some((sent, Err(ResponseCode::ServFail))),
                    'l' => Some((sent + PATIENCE + PACE, Ok(ONE))),
                    '1' => Some((sent + PATIENCE, Ok(ONE))),
                    _ => Some((sent, Ok(TWO))),
                };
                Probe { turn, sent, reply }
            })
            .collect();
        judge(&probes, sent(text.len()))
    }

    #[test]
    fn an_outage_ends_with_the_next_query_that_is_answered() {
        let outcome = judged("11.s1l.2212");
        assert_eq!((outcome.asked, outcome.lost), (11, 4));
        assert_eq!(outcome.outage, PACE * 2);
        assert!(outcome.is_over);
        assert_eq!(outcome.answered_by, [(ONE, 3), (TWO, 2), (ONE, 1), (TWO, 1)]);
    }

    #[test]
    fn an_outage_that_does_not_end_lasts_until_the_end() {
        let outcome = judged("1.1...");
        assert_eq!(
            (outcome.lost, outcome.outage, outcome.is_over),
            (4, PACE * 3, false)
        );
        assert_eq!(judged("").lost, 0);
        assert!(judged("").is_over);
    }

    #[test]
    fn a_query_that_hangs_holds_up_no_other() {
        let backend = Responder::start().unwrap();
        backend.behave_for("hang.lab", Behaviour::Silent);
        for transport in [Transport::Udp, Transport::Tcp] {
            let plan = Plan {
                transport,
                pace: PACE,
                names: vec![Names::Same("hang.lab".to_owned()), Names::Fresh("lab".to_owned())],
                sources: Vec::new(),
            };
            let here = Namespace::of_this_machine();
            let began = Instant::now();
            let prober = Prober::start(&here, backend.address(), plan).unwrap();
            let answered = |turn: usize| {
                let probes = prober.probes(began, Instant::now());
                let of_turn = probes.iter().filter(|probe| probe.turn == turn);
                of_turn
                    .filter(|probe| probe.answer() == Some(Responder::ADDRESS.into()))
                    .count()
            };
            // It would take ten seconds if each waited for the one before it.
            wait_for("the others are answered", PATIENCE * 5, || answered(1) >= 10).unwrap();
            assert_eq!(answered(0), 0, "{transport}");
        }
    }
}
