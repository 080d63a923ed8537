//! What every test here needs: the program with a configuration, and short ways to ask it something.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use weir_lab::{Ask, Client, Front, Process, Reply, Scratch};

/// How long a client waits for what should come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// How long a client waits for what should not come.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);
/// How long the program may take until it listens; the limit that we promise has a test of its own.
const READY: Duration = Duration::from_secs(10);
/// Asked until the program answers; no test asks for it.
const FIRST_NAME: &str = "ready.stage.example";

/// The running program. Backends outlive it when they were started before it.
pub(crate) struct Stage {
    pub(crate) front: Process,
    pub(crate) address: SocketAddr,
    pub(crate) file: PathBuf,
    scratch: Scratch,
}

impl Stage {
    /// Starts the program on a free port, with `setLocal` in front of `configuration`, and waits until a query gets
    /// through to a backend and back.
    pub(crate) fn start(configuration: &str) -> Self {
        let stage = Self::listen(configuration);
        stage.wait_for_answers(FIRST_NAME);
        stage
    }

    /// The same without a query: for configurations that answer none.
    pub(crate) fn listen(configuration: &str) -> Self {
        let address = free_address();
        Self::start_at(address, &format!("setLocal(\"{address}\")\n{configuration}"))
    }

    /// Starts the program with exactly this configuration, of which `address` is one listening address.
    pub(crate) fn start_at(address: SocketAddr, configuration: &str) -> Self {
        let scratch = Scratch::create().unwrap();
        let file = scratch
            .write("dnsdist.conf", &program().configuration(configuration))
            .unwrap();
        let command = program().command(&file, |program| Command::new(program)).unwrap();
        let mut front = Process::start("front", command, scratch.path()).unwrap();
        front
            .wait_until(READY, || TcpStream::connect(address).is_ok())
            .unwrap();
        Self {
            front,
            address,
            file,
            scratch,
        }
    }

    /// Waits until this name resolves over UDP: until then its backend may count as down.
    pub(crate) fn wait_for_answers(&self, name: &str) {
        let client = self.client().patience(Duration::from_millis(200));
        let answers = || {
            client
                .udp(&a(name))
                .is_ok_and(|reply| !reply.message.answers.is_empty())
        };
        weir_lab::wait_for("the first answer", READY, answers).unwrap();
    }

    /// Asks the program from this machine.
    pub(crate) fn client(&self) -> Client<'static> {
        Client::to(self.address).patience(PATIENCE)
    }

    /// Asks for an address over UDP.
    pub(crate) fn resolve(&self, name: &str) -> io::Result<Reply> {
        self.client().udp(&a(name))
    }

    /// Whether a UDP query for an address stays without a reply.
    pub(crate) fn is_silent(&self, ask: &Ask) -> bool {
        self.client().patience(SILENCE).udp(ask).is_err()
    }

    /// Replaces the configuration file; nobody is told.
    pub(crate) fn rewrite(&self, configuration: &str) {
        let text = format!("setLocal(\"{}\")\n{configuration}", self.address);
        self.scratch.write("dnsdist.conf", &text).unwrap();
    }
}

/// The program under test.
pub(crate) fn program() -> Front {
    Front::under_test(env!("CARGO_BIN_EXE_weir"))
}

/// A query for the IPv4 address of a name.
pub(crate) fn a(name: &str) -> Ask {
    Ask::new(name, "A").unwrap()
}

/// A loopback address whose port is free for UDP and TCP just now.
pub(crate) fn free_address() -> SocketAddr {
    free_port_of(Ipv4Addr::LOCALHOST.into())
}

/// The same for another address of this machine.
pub(crate) fn free_port_of(ip: std::net::IpAddr) -> SocketAddr {
    loop {
        let tcp = TcpListener::bind((ip, 0)).unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}
