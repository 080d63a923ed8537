//! The blueprint's site in namespaces: a client, a front end, one authoritative and two recursive servers.
//!
//! The addresses are the blueprint's. The floating address is a second address of LAB-DD1: there is one front end.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::internet::{self, Internet};
use crate::{Ask, Client, Namespace, Network, Process, Scratch, Transport, blueprint};

/// How long a server may take until it answers.
const READY: Duration = Duration::from_secs(20);

const fn dns(last: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 10, 2, last)), 53)
}

/// Which program stands at LAB-DD1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// Our own, at this path.
    Weir(PathBuf),
    /// Debian's dnsdist, to compare with.
    Dnsdist,
}

impl Front {
    /// The program that tests are about: `built`, unless `WEIR_TEST_FRONT` says `dnsdist` or another path.
    pub fn under_test(built: &str) -> Self {
        match std::env::var_os("WEIR_TEST_FRONT") {
            Some(name) if name == "dnsdist" => Self::Dnsdist,
            Some(path) => Self::Weir(path.into()),
            None => Self::Weir(built.into()),
        }
    }

    /// What the program gets to read for this configuration.
    pub fn configuration(&self, text: &str) -> String {
        match self {
            Self::Weir(_) => text.to_owned(),
            Self::Dnsdist => blueprint::for_dnsdist(text),
        }
    }

    /// The command that runs it with this file in the foreground; `start` makes a command of a program's name.
    pub fn command(&self, file: &Path, start: impl FnOnce(&str) -> Command) -> io::Result<Command> {
        let mut command = match self {
            Self::Weir(program) => {
                let program = program
                    .to_str()
                    .ok_or_else(|| io::Error::other("program path is not UTF-8"))?;
                let mut command = start(program);
                command.arg("front");
                command
            }
            Self::Dnsdist => start("dnsdist"),
        };
        command
            .arg("-C")
            .arg(file)
            .args(["--supervised", "--disable-syslog"]);
        Ok(command)
    }
}

/// The running site. Fields are dropped in order: servers before the hosts they run on.
#[derive(Debug)]
pub struct Site {
    /// The front end on LAB-DD1.
    pub front: Process,
    /// named, authoritative for `zaibdns.lab`.
    pub auth1: Process,
    /// named, recursive.
    pub rec1: Process,
    /// unbound, recursive.
    pub rec2: Process,
    /// How long the front end took until UDP and TCP answered.
    pub ready: Duration,
    internet: Internet,
    client: Namespace,
    _hosts: Vec<Namespace>,
    _network: Network,
    _scratch: Scratch,
}

impl Site {
    /// The address that subscribers ask.
    pub const FLOATING: SocketAddr = dns(160);
    /// LAB-DD1.
    pub const DD1: SocketAddr = dns(161);
    /// LAB-AUTH1.
    pub const AUTH1: SocketAddr = dns(163);
    /// LAB-REC1.
    pub const REC1: SocketAddr = dns(164);
    /// LAB-REC2.
    pub const REC2: SocketAddr = dns(165);
    /// LAB-CLIENT1.
    pub const CLIENT: IpAddr = dns(166).ip();

    /// Starts everything and waits until it answers. Needs root.
    pub fn start(front: &Front, configuration: &str) -> io::Result<Self> {
        let scratch = Scratch::create()?;
        let network = Network::create()?;
        let internet = Internet::start(&network, &scratch)?;
        let client = network.attach("client", &["10.10.2.166/24"])?;
        let dd1 = network.attach("dd1", &["10.10.2.161/24", "10.10.2.160/32"])?;
        let auth1_host = network.attach("auth1", &["10.10.2.163/24"])?;
        let rec1_host = network.attach("rec1", &["10.10.2.164/24"])?;
        let rec2_host = network.attach("rec2", &["10.10.2.165/24"])?;
        // The front end needs the way back to clients that it must not answer.
        for host in [&dd1, &rec1_host, &rec2_host] {
            host.ip(&["route", "add", internet::PREFIX, "via", internet::GATEWAY])?;
        }
        let mut auth1 = start_auth(&auth1_host, &scratch)?;
        let mut rec1 = start_named_rec(&rec1_host, &scratch)?;
        let mut rec2 = start_unbound_rec(&rec2_host, &scratch)?;
        answers(&mut auth1, Client::to(Self::AUTH1).from(&client), "zaibdns.lab")?;
        answers(&mut rec1, Client::to(Self::REC1).from(&client), "google.com")?;
        answers(&mut rec2, Client::to(Self::REC2).from(&client), "google.com")?;

        let file = scratch.write("dnsdist.conf", &front.configuration(configuration))?;
        let command = front.command(&file, |program| dd1.command(program))?;
        let mut front = Process::start("front", command, scratch.path())?;
        let ready = answers(&mut front, Client::to(Self::DD1).from(&client), "google.com")?;
        let hosts = vec![dd1, auth1_host, rec1_host, rec2_host];
        Ok(Self {
            front,
            auth1,
            rec1,
            rec2,
            ready,
            internet,
            client,
            _hosts: hosts,
            _network: network,
            _scratch: scratch,
        })
    }

    /// Asks `server` from LAB-CLIENT1.
    pub fn client(&self, server: SocketAddr) -> Client<'_> {
        Client::to(server).from(&self.client)
    }

    /// Asks `server` from the Internet's side, with an address that is not a subscriber's.
    pub fn internet_client(&self, server: SocketAddr) -> Client<'_> {
        Client::to(server)
            .from(self.internet.host())
            .source(internet::OUTSIDER)
    }
}

/// Waits until the server resolves `name` over TCP and over UDP. TCP first: a port that nobody listens on refuses a
/// connection at once, while a lost datagram costs the client its patience.
fn answers(process: &mut Process, client: Client<'_>, name: &str) -> io::Result<Duration> {
    let client = client.patience(Duration::from_millis(250));
    let ask = Ask::new(name, "SOA")?;
    process.wait_until(READY, || {
        [Transport::Tcp, Transport::Udp].into_iter().all(|transport| {
            client
                .ask(transport, &ask)
                .is_ok_and(|reply| !reply.message.answers.is_empty())
        })
    })
}

fn start_auth(host: &Namespace, scratch: &Scratch) -> io::Result<Process> {
    let directory = scratch.path().join("auth1").display().to_string();
    scratch.write("auth1/db.zaibdns.lab", blueprint::ZONE)?;
    let file = scratch.write("auth1/named.conf", &blueprint::named_auth(&directory))?;
    start_named(host, "auth1", &file, scratch)
}

fn start_named_rec(host: &Namespace, scratch: &Scratch) -> io::Result<Process> {
    let directory = scratch.path().join("rec1").display().to_string();
    scratch.write("rec1/root.hints", internet::HINTS)?;
    let file = scratch.write(
        "rec1/named.conf",
        &blueprint::named_rec(&directory, "10.10.2.164"),
    )?;
    start_named(host, "rec1", &file, scratch)
}

fn start_named(host: &Namespace, name: &str, file: &Path, scratch: &Scratch) -> io::Result<Process> {
    let mut command = host.command("named");
    command.arg("-g").args(["-n", "1", "-4", "-c"]).arg(file);
    Process::start(name, command, scratch.path())
}

fn start_unbound_rec(host: &Namespace, scratch: &Scratch) -> io::Result<Process> {
    let directory = scratch.path().join("rec2").display().to_string();
    scratch.write("rec2/root.hints", internet::HINTS)?;
    let file = scratch.write(
        "rec2/unbound.conf",
        &blueprint::unbound_rec(&directory, "10.10.2.165"),
    )?;
    let mut command = host.command("unbound");
    command.arg("-d").arg("-c").arg(file);
    Process::start("rec2", command, scratch.path())
}
