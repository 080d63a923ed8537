//! Who listens where: the kernel's tables of sockets, and the descriptors of processes (proc(5)).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

/// A socket that takes what anybody sends to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What it speaks.
    pub transport: Transport,
    /// The address that it is bound to.
    pub address: SocketAddr,
    /// Its number, by which its owner is found ([`sockets_of`]).
    pub inode: u64,
}

/// The sockets that listen in the network namespace of a process, whoever has them.
///
/// What cannot be read, because the process has ended or IPv6 is switched off, has no listeners.
pub fn listeners(pid: u32) -> Vec<Listener> {
    let tables = [
        ("udp", Transport::Udp),
        ("udp6", Transport::Udp),
        ("tcp", Transport::Tcp),
        ("tcp6", Transport::Tcp),
    ];
    let mut found = Vec::new();
    for (table, transport) in tables {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let lines = text.lines().skip(1).filter_map(parse_line);
        found.extend(lines.map(|(address, inode)| Listener {
            transport,
            address,
            inode,
        }));
    }
    found
}

/// The numbers of all sockets that a process has open; none where we may not look (`ptrace(2)` access).
pub fn sockets_of(pid: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let links = entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    let inodes = links.filter_map(|link| {
        let name = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        name.parse().ok()
    });
    inodes.collect()
}

/// The address and the inode of a socket that is not connected.
fn parse_line(line: &str) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote) = (parse_address(fields.next()?)?, parse_address(fields.next()?)?);
    let inode = fields.nth(6)?.parse().ok()?;
    (remote.port() == 0).then_some((local, inode))
}

/// `0100007F:0035`: 32-bit words in the machine's byte order, then the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        u32::from_str_radix(address.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn listeners_are_found_and_connected_sockets_are_not() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("[::1]:0").unwrap();
        let client = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(udp.local_addr().unwrap()).unwrap();
        let inodes = sockets_of(std::process::id());
        let own: Vec<_> = listeners(std::process::id())
            .into_iter()
            .filter(|listener| inodes.contains(&listener.inode))
            .map(|listener| (listener.transport, listener.address))
            .collect();
        for (expected, transport, address) in [
            (true, Transport::Udp, udp.local_addr().unwrap()),
            (true, Transport::Tcp, tcp.local_addr().unwrap()),
            (false, Transport::Udp, connected.local_addr().unwrap()),
            (false, Transport::Tcp, client.local_addr().unwrap()),
        ] {
            assert_eq!(
                own.contains(&(transport, address)),
                expected,
                "{address}: {own:?}"
            );
        }
    }

    #[test]
    fn lines_are_read_as_the_kernel_writes_them() {
        let line = "  77: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   0        0 4242 2 0 0";
        let expected = (SocketAddr::from(([127, 0, 0, 1], 53)), 4242);
        if cfg!(target_endian = "little") {
            assert_eq!(parse_line(line), Some(expected));
        }
        for cut in [
            "",
            "77:",
            "77: zz:0035",
            "77: 0100007F:0035 0100007F:1000 07 0 0 0 0 0 4242",
        ] {
            assert_eq!(parse_line(cut), None, "{cut:?}");
        }
    }
}
