//! A backend on loopback that behaves as told and counts what it is asked.
//!
//! One thread for UDP, one per TCP connection; a delayed answer gets a thread of its own. That is plenty for a test
//! and simple to trust. Every name has an address record unless a behaviour says otherwise, so that health checks
//! succeed without being mentioned.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::Transport;

/// How often a blocked thread looks whether it should end.
const TICK: Duration = Duration::from_millis(20);
/// Receives are remembered up to this many: a load test asks millions of times.
const REMEMBERED: usize = 10_000;

/// What the backend does with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// One address record.
    Answer,
    /// One address record with the address that asked: the client learns through whom its query went, also from an
    /// answer that was cached there. As `Answer` when that is an IPv6 address.
    Asker,
    /// The answer, this much later.
    Delay(Duration),
    /// Nothing.
    Silent,
    /// An answer with another id.
    WrongId,
    /// An answer to another question.
    WrongQuestion,
    /// TC and no records over UDP; the answer over TCP.
    Truncate,
    /// No records, this response code, and an SOA record when it is NXDOMAIN.
    Rcode(ResponseCode),
    /// An answer of about this many bytes in TXT records; over UDP cut to what the query's EDNS size allows.
    Large(usize),
}

/// One query as the backend saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The name, in the case it was asked in.
    pub name: String,
    /// The type's mnemonic.
    pub qtype: String,
    /// How it came.
    pub transport: Transport,
    /// The id under which it was asked.
    pub id: u16,
    /// Whether RD was set.
    pub recursion_desired: bool,
    /// The address it came from.
    pub from: SocketAddr,
}

#[derive(Debug)]
struct Script {
    /// What it is authoritative for, if it is; otherwise it resolves.
    zone: Option<Name>,
    default: Behaviour,
    /// For whom, if not for everybody, and for which name.
    by_name: HashMap<(Option<IpAddr>, String), Behaviour>,
    received: Vec<Received>,
    counts: HashMap<String, usize>,
}

/// The fake backend; it ends when dropped.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Responder {
    /// The address that every name has.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    /// The TTL of every record, in seconds.
    pub const TTL: u32 = 300;

    /// A backend on 127.0.0.1 and a free port, UDP and TCP, that answers.
    pub fn start() -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A backend at this address; port 0 means a free one.
    pub fn start_at(address: SocketAddr) -> io::Result<Self> {
        Self::launch(address, None)
    }

    /// The authoritative server of a zone, for resolvers to ask: only names have addresses, and there is nothing else.
    pub fn start_zone(zone: &str, address: SocketAddr) -> io::Result<Self> {
        let zone = Name::from_ascii(zone).map_err(io::Error::other)?;
        Self::launch(address, Some(zone))
    }

    fn launch(address: SocketAddr, zone: Option<Name>) -> io::Result<Self> {
        let (udp, tcp) = bind_both(address)?;
        let address = udp.local_addr()?;
        udp.set_read_timeout(Some(TICK))?;
        tcp.set_nonblocking(true)?;
        let script = Script {
            zone,
            default: Behaviour::Answer,
            by_name: HashMap::new(),
            received: Vec::new(),
            counts: HashMap::new(),
        };
        let script = Arc::new(Mutex::new(script));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = vec![
            std::thread::spawn({
                let (script, stop) = (Arc::clone(&script), Arc::clone(&stop));
                move || serve_udp(udp, &script, &stop)
            }),
            std::thread::spawn({
                let (script, stop) = (Arc::clone(&script), Arc::clone(&stop));
                move || accept(&tcp, &script, &stop)
            }),
        ];
        Ok(Self {
            address,
            script,
            stop,
            threads,
        })
    }

    /// From now on, for every name without a behaviour of its own.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.script).default = behaviour;
    }

    /// From now on, for this name; with or without the final dot.
    pub fn behave_for(&self, name: &str, behaviour: Behaviour) {
        let key = (None, canonical(name));
        lock(&self.script).by_name.insert(key, behaviour);
    }

    /// From now on, when this one asks for this name.
    pub fn behave_towards(&self, asker: IpAddr, name: &str, behaviour: Behaviour) {
        let key = (Some(asker), canonical(name));
        lock(&self.script).by_name.insert(key, behaviour);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often this name was asked, over UDP and TCP together.
    pub fn count(&self, name: &str) -> usize {
        lock(&self.script)
            .counts
            .get(&canonical(name))
            .copied()
            .unwrap_or_default()
    }

    /// The queries for this name, oldest first.
    pub fn received(&self, name: &str) -> Vec<Received> {
        let script = lock(&self.script);
        script
            .received
            .iter()
            .filter(|query| canonical(&query.name) == canonical(name))
            .cloned()
            .collect()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A free TCP port may be taken for UDP: try a few.
fn bind_both(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::other("no free port");
    for _ in 0..20 {
        let tcp = TcpListener::bind(address)?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn serve_udp(socket: UdpSocket, script: &Mutex<Script>, stop: &AtomicBool) {
    let socket = Arc::new(socket);
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Some((bytes, delay)) = react(&buffer[..length], Transport::Udp, from, script) else {
            continue;
        };
        if delay.is_zero() {
            let _ = socket.send_to(&bytes, from);
        } else {
            let socket = Arc::clone(&socket);
            std::thread::spawn(move || {
                std::thread::sleep(delay);
                let _ = socket.send_to(&bytes, from);
            });
        }
    }
}

fn accept(listener: &TcpListener, script: &Arc<Mutex<Script>>, stop: &Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, from)) => {
                let (script, stop) = (Arc::clone(script), Arc::clone(stop));
                std::thread::spawn(move || serve_tcp(stream, from, &script, &stop));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Reads on, while delayed answers are sent by threads of their own: out of order, as a good backend does.
fn serve_tcp(
    mut stream: TcpStream,
    from: SocketAddr,
    script: &Mutex<Script>,
    stop: &AtomicBool,
) -> Option<()> {
    let writer = Arc::new(Mutex::new(stream.try_clone().ok()?));
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    // A peer that keeps the connection open must not keep the test from ending.
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    while !stop.load(Ordering::Relaxed) {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).ok()?;
        let Some((bytes, delay)) = react(&query, Transport::Tcp, from, script) else {
            continue;
        };
        let length = u16::try_from(bytes.len()).ok()?;
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        let writer = Arc::clone(&writer);
        let send = move || {
            std::thread::sleep(delay);
            let _ = writer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write_all(&framed);
        };
        if delay.is_zero() {
            send();
        } else {
            std::thread::spawn(send);
        }
    }
    Some(())
}

/// What to send back, and how much later.
fn react(
    query: &[u8],
    transport: Transport,
    from: SocketAddr,
    script: &Mutex<Script>,
) -> Option<(Vec<u8>, Duration)> {
    let message = Message::from_vec(query).ok()?;
    let question = message.queries.first()?.clone();
    let (behaviour, zone) = note(&message, &question, transport, from, script);
    let delay = match behaviour {
        Behaviour::Silent => return None,
        Behaviour::Delay(delay) => delay,
        _ => Duration::ZERO,
    };
    let address = match (behaviour, from.ip()) {
        (Behaviour::Asker, IpAddr::V4(asker)) => asker,
        _ => Responder::ADDRESS,
    };
    let mut reply = reply_to(&message, question, transport, behaviour, address);
    if let Some(zone) = zone {
        authoritative(&mut reply, &zone);
    }
    Some((reply.to_vec().ok()?, delay))
}

/// Remembers the query and finds its behaviour.
fn note(
    message: &Message,
    question: &Query,
    transport: Transport,
    from: SocketAddr,
    script: &Mutex<Script>,
) -> (Behaviour, Option<Name>) {
    let name = question.name().to_ascii();
    let key = canonical(&name);
    let mut script = lock(script);
    if script.received.len() < REMEMBERED {
        script.received.push(Received {
            name,
            qtype: question.query_type().to_string(),
            transport,
            id: message.metadata.id,
            recursion_desired: message.metadata.recursion_desired,
            from,
        });
    }
    let told = [Some(from.ip()), None].map(|asker| script.by_name.get(&(asker, key.clone())).copied());
    let behaviour = told.into_iter().flatten().next().unwrap_or(script.default);
    *script.counts.entry(key).or_default() += 1;
    (behaviour, script.zone.clone())
}

/// Makes of a resolver's answer that of the zone's own server, so that a resolver believes it: what is no address is not
/// there, but the zone's name servers are.
fn authoritative(reply: &mut Message, zone: &Name) {
    reply.metadata.authoritative = true;
    reply.metadata.recursion_available = false;
    let Some(question) = reply.queries.first() else {
        return;
    };
    if question.query_type() == RecordType::NS && question.name() == zone {
        let server = NS(zone.clone());
        reply.answers = vec![Record::from_rdata(
            zone.clone(),
            Responder::TTL,
            RData::NS(server),
        )];
    } else if !matches!(question.query_type(), RecordType::A | RecordType::TXT) {
        reply.answers.clear();
    }
    reply.authorities.clear();
    if reply.answers.is_empty() && !reply.metadata.truncation {
        reply.add_authority(soa(zone));
    }
}

fn reply_to(
    query: &Message,
    question: Query,
    transport: Transport,
    behaviour: Behaviour,
    address: Ipv4Addr,
) -> Message {
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    let name = question.name().clone();
    reply.add_query(question);
    if let Some(edns) = &query.edns {
        let mut mine = edns.clone();
        mine.set_max_payload(1232);
        reply.set_edns(mine);
    }
    match behaviour {
        Behaviour::Truncate if transport == Transport::Udp => reply.metadata.truncation = true,
        // As every server does: what is too long for the asker's buffer is not sent.
        Behaviour::Large(size) if transport == Transport::Udp && size > usize::from(query.max_payload()) => {
            reply.metadata.truncation = true;
        }
        Behaviour::Rcode(code) => {
            reply.metadata.response_code = code;
            if code == ResponseCode::NXDomain {
                reply.add_authority(soa(&Name::root()));
            }
        }
        Behaviour::Large(size) => {
            for _ in 0..size / 200 {
                let text = RData::TXT(TXT::new(vec!["x".repeat(187)]));
                reply.add_answer(Record::from_rdata(name.clone(), Responder::TTL, text));
            }
        }
        Behaviour::WrongId => reply.metadata.id = !query.metadata.id,
        Behaviour::WrongQuestion => {
            for question in &mut reply.queries {
                question.set_query_type(RecordType::NULL);
            }
        }
        Behaviour::Answer
        | Behaviour::Asker
        | Behaviour::Delay(_)
        | Behaviour::Silent
        | Behaviour::Truncate => {}
    }
    if !matches!(behaviour, Behaviour::Rcode(_) | Behaviour::Large(_)) && !reply.metadata.truncation {
        reply.add_answer(Record::from_rdata(name, Responder::TTL, RData::A(A(address))));
    }
    reply
}

/// What is said with "there is no such thing".
fn soa(zone: &Name) -> Record {
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 3600, 600, 86400, Responder::TTL);
    Record::from_rdata(zone.clone(), Responder::TTL, RData::SOA(soa))
}
