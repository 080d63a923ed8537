//! The command line of `weir doctor`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use weir_config::site::DEFAULT_FILE;
use weir_wire::NameBuf;

/// Where `weir up` keeps the status sockets of a node.
pub(super) const RUN_DIRECTORY: &str = "/run/weir";
const DNS_PORT: u16 = 53;

/// `weir doctor`: why is there no answer?
#[derive(Args, Debug)]
#[command(
    after_help = "On a node or on any client; as root it looks further: ARP, VRRP, whose the sockets are.\n\
    It changes nothing, never reads /etc/resolv.conf, and asks nobody but the addresses of the site file and of --server.\n\
    \n\
    What the flags and codes of an answer mean:\n  \
    no aa for an own zone    authoritative routing is broken: a resolver answers for it\n  \
    no ra for other names    recursion is disabled, or the query went to an authoritative server\n  \
    REFUSED                  an access list (ACL)\n  \
    SERVFAIL                 a server behind has failed\n\
    \n\
    Exit codes: 0 nothing has failed, 1 something has, 2 it could not look."
)]
pub struct Arguments {
    /// The site file (default: /etc/weir/weir.toml, where it is there)
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// The node that this machine is (default: the one with the host's name; otherwise it is a client)
    #[arg(short, long, value_name = "NAME", conflicts_with = "client")]
    pub(super) node: Option<String>,

    /// This machine is a client, whatever it is called
    #[arg(long)]
    pub(super) client: bool,

    /// Ask this server as well, as a client does; without a site file, ask it alone; may be given several times
    #[arg(long = "server", value_name = "ADDR[:PORT]", value_parser = server)]
    pub(super) servers: Vec<SocketAddr>,

    /// A zone that the servers of --server have to answer for
    #[arg(long, value_name = "NAME", requires = "servers")]
    pub(super) zone: Option<NameBuf>,

    /// The run directory of `weir up`
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,

    /// Print an array of JSON objects
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// The site file to read: what was asked for, or the usual one where it is there.
    pub(super) fn site_file(&self) -> Option<PathBuf> {
        let usual = || Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists());
        self.file.clone().or_else(usual)
    }
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let address = text
        .parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, DNS_PORT));
    address.or_else(|_| text.parse()).map_err(|_| {
        "an address, as 192.0.2.53, 192.0.2.53:5300, 2001:db8::53 or [2001:db8::53]:5300".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_usual_port_unless_it_says_another() {
        for (text, address) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5300", "192.0.2.53:5300"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5300", "[2001:db8::53]:5300"),
        ] {
            assert_eq!(server(text), Ok(address.parse().unwrap()), "{text}");
        }
        assert!(server("ns1.lab.example").is_err(), "no name is looked up");
    }
}
