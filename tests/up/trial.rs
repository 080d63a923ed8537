//! `weir up --try`, as a newcomer without root meets it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Client, Process, Scratch};

/// The user and group that own nothing.
const NOBODY: u32 = 65534;
/// How long the program may take; the limit that we promise has a test of its own.
const PATIENCE: Duration = Duration::from_secs(10);

struct Trial {
    up: Process,
    address: SocketAddr,
    began: Instant,
    _scratch: Scratch,
}

impl Trial {
    fn start() -> Self {
        let scratch = Scratch::create().unwrap();
        let address = two_free_ports();
        let began = Instant::now();
        let mut up = Process::start("up", command(address), scratch.path()).unwrap();
        up.wait_until(PATIENCE, || up_says(&scratch, "Ctrl-C ends it."))
            .unwrap();
        Self {
            up,
            address,
            began,
            _scratch: scratch,
        }
    }

    fn client(&self) -> Client<'static> {
        Client::to(self.address)
    }
}

fn up_says(scratch: &Scratch, text: &str) -> bool {
    let log = std::fs::read_to_string(scratch.path().join("up.log"));
    log.unwrap_or_default().contains(text)
}

/// The program without root: as nobody where the test is root.
fn command(address: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["up", &format!("--try={address}")]);
    if std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("\nUid:\t0\t")
    {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A loopback address whose port, and the one after it, are free just now.
fn two_free_ports() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let Some(port) = address.port().checked_add(1) else {
            continue;
        };
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return address;
        }
    }
}

#[test]
fn a_trial_answers_within_a_second() {
    let trial = Trial::start();
    let reply = trial
        .client()
        .udp(&Ask::new("www.weir.test", "A").unwrap())
        .unwrap();
    assert!(
        trial.began.elapsed() < Duration::from_secs(1),
        "{:?}",
        trial.began.elapsed()
    );
    assert_eq!(
        reply.addresses(),
        ["192.0.2.80".parse::<std::net::IpAddr>().unwrap()]
    );
}

#[test]
fn a_trial_does_what_it_says() {
    let mut trial = Trial::start();
    let log = trial.up.log();
    let commands: Vec<_> = log
        .lines()
        .filter_map(|line| line.trim().strip_prefix("dig "))
        .collect();
    assert_eq!(commands.len(), 3, "{log}");
    for (name, expected) in [
        ("ads.blocked.test", ResponseCode::NXDomain),
        ("nothing.weir.test", ResponseCode::NXDomain),
        ("www.weir.test", ResponseCode::NoError),
    ] {
        let ask = Ask::new(name, "A").unwrap();
        assert_eq!(trial.client().udp(&ask).unwrap().rcode(), expected, "{name}");
        assert_eq!(trial.client().tcp(&ask).unwrap().rcode(), expected, "{name}");
    }
    let any = Ask::new("weir.test", "ANY").unwrap();
    assert!(
        trial
            .client()
            .patience(Duration::from_millis(400))
            .udp(&any)
            .is_err()
    );

    let mut page = TcpStream::connect((trial.address.ip(), trial.address.port() + 1)).unwrap();
    page.set_read_timeout(Some(PATIENCE)).unwrap();
    page.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");

    let (status, _) = trial.up.terminate(PATIENCE).unwrap();
    assert!(status.success(), "{status}");
    let left = std::env::temp_dir().join(format!("weir-try-{}", trial.up.id()));
    assert!(!left.exists(), "{left:?} is left");
}

#[test]
fn a_trial_on_a_port_that_is_taken_says_so_and_ends() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = command(taken.local_addr().unwrap()).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        !output.status.success() && said.contains("Another program holds it"),
        "{said}"
    );
}
