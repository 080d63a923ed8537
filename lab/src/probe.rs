//! What a subscriber notices: one query every 5 ms to one address, when each was answered, and by whom.
//!
//! The backend behind the front ends answers with the address that asked it ([`Behaviour::Asker`]), so every answer
//! names the front end that it came through, cached or not. Every second query is for a name that was never asked
//! before and therefore needs the backend; the others are for one name that a cache holds.
//!
//! [`Behaviour::Asker`]: crate::Behaviour::Asker

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};

use crate::{Ask, Namespace};

/// Between two queries.
const PACE: Duration = Duration::from_millis(5);
/// An answer that takes longer is none: what stub resolvers wait before they ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// How often the receiver looks whether it should end.
const TICK: Duration = Duration::from_millis(20);

/// One query.
#[derive(Clone, Copy, Debug)]
struct Probe {
    sent: Instant,
    /// When the answer came and what address is in it.
    answer: Option<(Instant, IpAddr)>,
}

impl Probe {
    fn is_answered(&self) -> bool {
        self.answer.is_some_and(|(at, _)| at - self.sent <= PATIENCE)
    }
}

type Log = Arc<Mutex<Vec<Probe>>>;

/// Asks until it is dropped.
#[derive(Debug)]
pub struct Prober {
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
    pub fn start(host: &Namespace, server: SocketAddr) -> io::Result<Self> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = host.enter(|| UdpSocket::bind((any, 0)))??;
        socket.set_read_timeout(Some(TICK))?;
        let receiver = socket.try_clone()?;
        let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let threads = vec![
            std::thread::spawn({
                let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
                move || send(&socket, server, &log, &stop)
            }),
            std::thread::spawn({
                let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
                move || receive(&receiver, server, &log, &stop)
            }),
        ];
        Ok(Self { log, stop, threads })
    }

    /// What became of the queries sent in this period. For those of the last second that is not
    /// decided yet.
    pub fn outcome(&self, from: Instant, until: Instant) -> Outcome {
        let log = lock(&self.log);
        let probes = log
            .iter()
            .filter(|probe| probe.sent >= from && probe.sent < until);
        judge(probes, until)
    }

    /// Whether the last so many queries whose time is up were all answered by `who`.
    pub fn is_steady(&self, who: IpAddr, queries: usize) -> bool {
        let (log, now) = (lock(&self.log), Instant::now());
        // Answers are there after a millisecond or two; an answer that takes longer is no steady state.
        let decided = log
            .iter()
            .rev()
            .skip_while(|probe| now - probe.sent < 4 * PACE)
            .take(queries);
        let mut count = 0;
        decided
            .inspect(|_| count += 1)
            .all(|probe| probe.answer.is_some_and(|(_, by)| by == who))
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

fn judge<'p>(probes: impl Iterator<Item = &'p Probe>, until: Instant) -> Outcome {
    let mut outcome = Outcome {
        is_over: true,
        ..Outcome::default()
    };
    let mut silent_since = None;
    for probe in probes {
        outcome.asked += 1;
        let Some((_, by)) = probe.answer.filter(|_| probe.is_answered()) else {
            outcome.lost += 1;
            silent_since.get_or_insert(probe.sent);
            continue;
        };
        if let Some(since) = silent_since.take() {
            outcome.outage = outcome.outage.max(probe.sent - since);
        }
        match outcome.answered_by.last_mut() {
            Some((last, count)) if *last == by => *count += 1,
            _ => outcome.answered_by.push((by, 1)),
        }
    }
    if let Some(since) = silent_since {
        outcome.outage = outcome.outage.max(until - since);
        outcome.is_over = false;
    }
    outcome
}

fn lock(log: &Mutex<Vec<Probe>>) -> MutexGuard<'_, Vec<Probe>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the pace whatever is answered. A moment that was missed is not made up for: two queries at once would count
/// one outage twice.
fn send(
    socket: &UdpSocket,
    server: SocketAddr,
    log: &Mutex<Vec<Probe>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = lock(log).len();
        let name = match number % 2 {
            0 => "popular.lab".to_owned(),
            _ => format!("{number}.{}.lab", std::process::id()),
        };
        let query = Ask::new(&name, "A")?.id(id_of(number)).to_bytes()?;
        lock(log).push(Probe {
            sent: Instant::now(),
            answer: None,
        });
        // A neighbour that does not answer, a port that nobody listens on: errors that are a lost query.
        let _ = socket.send_to(&query, server);
        due += PACE;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(rest) => std::thread::sleep(rest),
            None => due = now,
        }
    }
    Ok(())
}

fn receive(
    socket: &UdpSocket,
    server: SocketAddr,
    log: &Mutex<Vec<Probe>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let (at, reply) = (Instant::now(), buffer.get(..length).unwrap_or_default());
        // An answer from another address than the one that was asked is none, as for every client.
        let Some((id, by)) = answer_of(reply).filter(|_| from == server) else {
            continue;
        };
        let mut log = lock(log);
        let outstanding = log.iter_mut().enumerate().rev();
        let mut outstanding = outstanding.take_while(|(_, probe)| at - probe.sent <= PATIENCE);
        if let Some((_, probe)) = outstanding.find(|(number, _)| id_of(*number) == id) {
            probe.answer.get_or_insert((at, by));
        }
    }
    Ok(())
}

/// The id of a query; different among all that are outstanding.
fn id_of(number: usize) -> u16 {
    (number % usize::from(u16::MAX)) as u16
}

/// The id and the first address of a good answer.
fn answer_of(reply: &[u8]) -> Option<(u16, IpAddr)> {
    let message = Message::from_vec(reply).ok()?;
    let address = message.answers.iter().find_map(|record| record.data.ip_addr())?;
    (message.metadata.response_code == ResponseCode::NoError).then_some((message.metadata.id, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    /// One query per pace; `.` is lost, `l` answered too late, `1` and `2` by whom.
    fn judged(text: &str) -> Outcome {
        let start = Instant::now();
        let sent = |number: usize| start + PACE * number as u32;
        let probes: Vec<_> = text
            .chars()
            .enumerate()
            .map(|(number, what)| {
                let sent = sent(number);
                let answer = match what {
                    '.' => None,
                    'l' => Some((sent + PATIENCE + PACE, ONE)),
                    '1' => Some((sent + PATIENCE, ONE)),
                    _ => Some((sent, TWO)),
                };
                Probe { sent, answer }
            })
            .collect();
        judge(probes.iter(), sent(text.len()))
    }

    #[test]
    fn an_outage_ends_with_the_next_query_that_is_answered() {
        let outcome = judged("11..1l.2212");
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
    }
}
