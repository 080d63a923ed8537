//! The prober over TCP: a new connection for every query.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use socket2::{Domain, Socket, Type};

use super::{Log, PATIENCE, Plan, keep_pace, lock, note, read};
use crate::Namespace;

/// A thread that connects; each connection then has a thread of its own, for as long as [`PATIENCE`].
pub(super) fn start(
    host: &Namespace,
    server: SocketAddr,
    plan: Plan,
    log: &Log,
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let (log, stop) = (Arc::clone(log), Arc::clone(stop));
    host.spawn(move || {
        // A prober that cannot ask shows as one that has not asked.
        let _ = keep_pace(plan.pace, &stop, |number| {
            let query = plan.query(number)?;
            let source = plan.sources.get(number % plan.sources.len().max(1)).copied();
            // Opened here, on this host, the socket stays on it, whichever thread uses it.
            let socket = open(server, source)?;
            note(&log, plan.turn(number));
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                // Refused, reset, no route, too late: errors that are a lost query.
                let Ok(said) = exchange(socket, server, &query) else {
                    return;
                };
                let at = Instant::now();
                if let Some(probe) = lock(&log).get_mut(number) {
                    probe.reply = Some((at, said));
                }
            });
            Ok(())
        });
    })
}

fn open(server: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

fn exchange(socket: Socket, server: SocketAddr, query: &[u8]) -> io::Result<Result<IpAddr, ResponseCode>> {
    let until = Instant::now() + PATIENCE;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(rest(until)))?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.set_read_timeout(Some(rest(until)))?;
    stream.read_exact(&mut reply)?;
    let (_, said) = read(&reply).ok_or_else(|| io::Error::other("no DNS message"))?;
    Ok(said)
}

/// What is left until then; a timeout must not be zero.
fn rest(until: Instant) -> Duration {
    until
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}
