//! The prober over UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Log, PATIENCE, Plan, Probe, TICK, id_of, keep_pace, lock, note, read};
use crate::Namespace;

/// Sockets per source: a front end's workers get clients by their port, and every worker should have one.
const PORTS: usize = 8;

/// A thread that sends and one that receives.
pub(super) fn start(
    host: &Namespace,
    server: SocketAddr,
    plan: Plan,
    log: &Log,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<JoinHandle<io::Result<()>>>> {
    let sockets = Arc::new(host.enter(|| open(server, &plan.sources))??);
    let sender = {
        let (sockets, log, stop) = (Arc::clone(&sockets), Arc::clone(log), Arc::clone(stop));
        move || {
            keep_pace(plan.pace, &stop, |number| {
                let query = plan.query(number)?;
                note(&log, plan.turn(number));
                if let Some(socket) = sockets.get(number % sockets.len().max(1)) {
                    // A neighbour that does not answer, a port that nobody listens on: errors that are a lost query.
                    let _ = socket.send_to(&query, server);
                }
                Ok(())
            })
        }
    };
    let receiver = {
        let (log, stop) = (Arc::clone(log), Arc::clone(stop));
        move || receive(&sockets, server, &log, &stop)
    };
    Ok(vec![std::thread::spawn(sender), std::thread::spawn(receiver)])
}

fn open(server: SocketAddr, sources: &[IpAddr]) -> io::Result<Vec<UdpSocket>> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let sources = if sources.is_empty() { &[any] } else { sources };
    let each = sources.iter().cycle().take(sources.len() * PORTS);
    each.map(|source| {
        let socket = UdpSocket::bind((*source, 0))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    })
    .collect()
}

fn receive(
    sockets: &[UdpSocket],
    server: SocketAddr,
    log: &Mutex<Vec<Probe>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let mut readable: Vec<_> = sockets
            .iter()
            .map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN))
            .collect();
        poll(&mut readable, Some(&tick))?;
        for (socket, poll) in sockets.iter().zip(&readable) {
            if poll.revents().is_empty() {
                continue;
            }
            // An answer from another address than the one that was asked is none, as for every client.
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if from == server {
                    enter(log, buffer.get(..length).unwrap_or_default());
                }
            }
        }
    }
    Ok(())
}

/// Gives a reply to the query that it is for.
fn enter(log: &Mutex<Vec<Probe>>, reply: &[u8]) {
    let at = Instant::now();
    let Some((id, said)) = read(reply) else {
        return;
    };
    let mut log = lock(log);
    let outstanding = log.iter_mut().enumerate().rev();
    let mut outstanding = outstanding.take_while(|(_, probe)| at - probe.sent <= PATIENCE);
    if let Some((_, probe)) = outstanding.find(|(number, _)| id_of(*number) == id) {
        probe.reply.get_or_insert((at, said));
    }
}
