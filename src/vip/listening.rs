//! Where a process listens for DNS.

use std::net::{IpAddr, SocketAddr};

use weir_linux::listening::{Transport, listeners, sockets_of};

/// The well-known port; a listener on it is taken for the one that is meant.
const DNS_PORT: u16 = 53;

/// The UDP address at which the process answers: one with port 53 if it has one, and none that is floating, where the
/// other node might answer in its place. `None` while it has none.
pub(super) fn dns_socket(pid: u32, floating: &[IpAddr]) -> Option<SocketAddr> {
    let inodes = sockets_of(pid);
    let own = listeners(pid)
        .into_iter()
        .filter(|listener| listener.transport == Transport::Udp && inodes.contains(&listener.inode));
    own.map(|listener| listener.address)
        .filter(|address| !floating.contains(&address.ip()))
        .min_by_key(|address| address.port() != DNS_PORT)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_floating_address_is_not_asked() {
        let listener = UdpSocket::bind("127.0.0.9:0").unwrap();
        let floating = [listener.local_addr().unwrap().ip()];
        assert!(dns_socket(std::process::id(), &[]).is_some());
        let found = dns_socket(std::process::id(), &floating);
        assert_ne!(found, Some(listener.local_addr().unwrap()));
    }
}
