//! `weir up --try`, as a newcomer without root meets it.
//!
//! It asks the resolvers that the machine is configured with, so it runs in a namespace, from which nothing leaves.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Client, Namespace, Process, Scratch};

/// Where a trial listens when it is not told.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5300);
/// How long the program may take; the limit that we promise has a test of its own.
const PATIENCE: Duration = Duration::from_secs(10);

struct Trial {
    up: Process,
    began: Instant,
    host: Namespace,
    _scratch: Scratch,
}

impl Trial {
    fn start() -> Self {
        let (host, scratch) = (Namespace::create("try").unwrap(), Scratch::create().unwrap());
        let began = Instant::now();
        let mut up = Process::start("up", command(&host), scratch.path()).unwrap();
        up.wait_until(PATIENCE, || up_says(&scratch, "Ctrl-C ends it."))
            .unwrap();
        Self {
            up,
            began,
            host,
            _scratch: scratch,
        }
    }

    fn client(&self) -> Client<'_> {
        Client::to(ADDRESS).from(&self.host)
    }
}

fn up_says(scratch: &Scratch, text: &str) -> bool {
    let log = std::fs::read_to_string(scratch.path().join("up.log"));
    log.unwrap_or_default().contains(text)
}

/// The program on this host, as nobody: without any right of root.
fn command(host: &Namespace) -> Command {
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args([env!("CARGO_BIN_EXE_weir"), "up", "--try"]);
    command
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_trial_answers_within_a_second() {
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
#[ignore = "needs root: network namespaces"]
fn lab_a_trial_does_what_it_says() {
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

    let page = SocketAddr::new(ADDRESS.ip(), ADDRESS.port() + 1);
    let mut page = trial.host.enter(|| TcpStream::connect(page)).unwrap().unwrap();
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
#[ignore = "needs root: network namespaces"]
fn lab_a_trial_on_a_port_that_is_taken_says_so_and_ends() {
    let host = Namespace::create("try").unwrap();
    let _taken = host.enter(|| UdpSocket::bind(ADDRESS)).unwrap().unwrap();
    let output = command(&host).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        !output.status.success() && said.contains("Another program holds it"),
        "{said}"
    );
}
