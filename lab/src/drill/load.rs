//! Floods: queries at a bounded rate from whatever source address, for which nobody waits.
//!
//! They leave through a raw socket with the IP header written here: one socket sends from every address, its own or
//! not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{Ask, Names, Namespace};

/// Between two bursts; a burst is what is due since the last one.
const PACE: Duration = Duration::from_millis(5);
/// So many queries in a burst at most.
const MOST_AT_ONCE: usize = 200;
/// No flood sends more, whatever it is told: the machine has other work.
const MOST_PER_SECOND: usize = 20_000;
/// Of an IPv4 header and of a UDP header, in bytes.
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;

/// What a flood is made of.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Queries per second.
    pub rate: usize,
    /// Where they say that they come from.
    pub sources: Sources,
    /// What they ask for.
    pub names: Names,
    /// The mnemonic of their type.
    pub qtype: &'static str,
}

/// Source addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// One.
    Address(Ipv4Addr),
    /// Every address of the /16 that this one is in, all over it.
    Network16(Ipv4Addr),
}

impl Sources {
    /// The source of the query with this number. 40503 is odd, so that all 65,536 have their turn.
    fn source(self, number: usize) -> Ipv4Addr {
        match self {
            Self::Address(address) => address,
            Self::Network16(address) => {
                let [one, two, ..] = address.octets();
                let [three, four] = ((number.wrapping_mul(40503) & 0xffff) as u16).to_be_bytes();
                Ipv4Addr::new(one, two, three, four)
            }
        }
    }
}

/// Sends until it is dropped.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Flood {
    /// Sends to `server` from `host`.
    pub fn start(host: &Namespace, server: SocketAddr, shape: Shape) -> io::Result<Self> {
        let IpAddr::V4(address) = server.ip() else {
            return Err(io::Error::other("floods are for IPv4"));
        };
        // IPPROTO_RAW: what is sent begins with its IP header.
        let raw = host.enter(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))))??;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let rate = shape.rate.min(MOST_PER_SECOND) as f64;
                let mut query = Ask::new(&shape.names.next(), shape.qtype)?.to_bytes()?;
                let (began, mut number) = (Instant::now(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let due = (began.elapsed().as_secs_f64() * rate) as usize;
                    // What was due while the machine had other work is not made up for.
                    number = number.max(due.saturating_sub(MOST_AT_ONCE));
                    while number < due {
                        if matches!(shape.names, Names::Fresh(_)) {
                            query = Ask::new(&shape.names.next(), shape.qtype)?.to_bytes()?;
                        }
                        let source = shape.sources.source(number);
                        let packet = packet(source, address, server.port(), number, &query);
                        // A queue that is full is a query less.
                        let _ = raw.send_to(&packet, &SocketAddr::new(address.into(), 0).into());
                        number += 1;
                    }
                    std::thread::sleep(PACE);
                }
                Ok(())
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An IPv4 packet with a query in it. The kernel fills in the IP checksum; a UDP checksum of zero means none.
fn packet(source: Ipv4Addr, address: Ipv4Addr, port: u16, number: usize, query: &[u8]) -> Vec<u8> {
    let datagram = (UDP_HEADER + query.len()) as u16;
    let total = IP_HEADER as u16 + datagram;
    // Ports from which nobody who is well-behaved sends are left out.
    let from_port = 1024 + (number % 60_000) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(source.octets());
    packet.extend(address.octets());
    packet.extend(from_port.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend(datagram.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(query);
    packet
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_network_sends_from_every_address() {
        let sources = Sources::Network16(Ipv4Addr::new(100, 64, 0, 0));
        let all: HashSet<Ipv4Addr> = (0..65_536).map(|number| sources.source(number)).collect();
        assert_eq!(all.len(), 65_536);
        assert!(all.iter().all(|address| address.octets()[..2] == [100, 64]));
    }

    #[test]
    fn a_packet_carries_its_query() {
        let (source, address) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let packet = packet(source, address, 53, 7, b"query");
        assert_eq!(packet.len(), 33);
        assert_eq!(&packet[2..4], [0, 33]);
        assert_eq!(&packet[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
        assert_eq!(&packet[22..26], [0, 53, 0, 13]);
        assert_eq!(&packet[28..], b"query");
    }
}
