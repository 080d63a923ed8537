//! Where a process listens for DNS: its UDP sockets, by `/proc` (proc(5)).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The well-known port; a listener on it is taken for the one that is meant.
const DNS_PORT: u16 = 53;

/// The UDP address at which the process answers: one with port 53 if it has one, and none that is floating, where the
/// other node might answer in its place. `None` while it has none.
pub(super) fn dns_socket(pid: u32, floating: &[IpAddr]) -> Option<SocketAddr> {
    let inodes = sockets_of(pid);
    let tables = ["udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let listening = lines
        .filter_map(parse_line)
        .filter(|(address, inode)| inodes.contains(inode) && !floating.contains(&address.ip()));
    listening
        .map(|(address, _)| address)
        .min_by_key(|address| address.port() != DNS_PORT)
}

/// The inodes of all sockets that a process has open.
fn sockets_of(pid: u32) -> Vec<u64> {
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
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_listener_is_found_and_a_connected_socket_is_not() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(address).unwrap();
        let inodes = sockets_of(std::process::id());
        let table = fs::read_to_string("/proc/self/net/udp").unwrap();
        let own: Vec<SocketAddr> = table
            .lines()
            .filter_map(parse_line)
            .filter(|(_, inode)| inodes.contains(inode))
            .map(|(address, _)| address)
            .collect();
        assert!(own.contains(&address), "{own:?}");
        assert!(!own.contains(&connected.local_addr().unwrap()), "{own:?}");
    }

    #[test]
    fn a_floating_address_is_not_asked() {
        let listener = UdpSocket::bind("127.0.0.9:0").unwrap();
        let floating = [listener.local_addr().unwrap().ip()];
        assert!(dns_socket(std::process::id(), &[]).is_some());
        let found = dns_socket(std::process::id(), &floating);
        assert_ne!(found, Some(listener.local_addr().unwrap()));
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
