//! The blueprint's configurations as they stand, but for the addresses, which are loopback's here.

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Behaviour, Responder, Transport, blueprint};

use crate::stage::{Stage, a, free_address};

/// The blueprint's servers.
struct Servers {
    auth1: Responder,
    rec1: Responder,
    rec2: Responder,
}

impl Servers {
    fn start() -> Self {
        let start = || Responder::start().unwrap();
        Self {
            auth1: start(),
            rec1: start(),
            rec2: start(),
        }
    }

    /// How often the recursive servers were asked for `name`.
    fn recursive(&self, name: &str) -> usize {
        self.rec1.count(name) + self.rec2.count(name)
    }

    /// Starts the program with one of the blueprint's texts.
    fn front(&self, text: &str) -> Stage {
        let address = free_address();
        let mut text = text.to_owned();
        for (theirs, ours) in [
            ("0.0.0.0:53", address),
            ("10.10.2.162:53", address),
            ("10.10.2.163:53", self.auth1.address()),
            ("10.10.2.164:53", self.rec1.address()),
            ("10.10.2.165:53", self.rec2.address()),
            ("127.0.0.1:5199", free_address()),
            ("0.0.0.0:8083", free_address()),
        ] {
            text = text.replace(theirs, &ours.to_string());
        }
        let stage = Stage::start_at(address, &text);
        stage.wait_for_answers("first.google.com");
        stage.wait_for_answers("first.zaibdns.lab");
        stage
    }
}

/// The section "ISP GRADE TUNING" says what to add to a file; the rest of that file is the production block's.
fn tuned() -> String {
    let listen: String = blueprint::DNSDIST_PRODUCTION
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let routing = blueprint::DNSDIST_PRODUCTION
        .split_once("local suffixes")
        .unwrap()
        .1;
    let routing = routing.split_once("controlSocket").unwrap().0;
    format!("{listen}{}local suffixes{routing}", blueprint::DNSDIST_TUNING)
}

/// Names of the zone go to its server, all others to one of the recursive servers, over UDP and TCP.
fn splits_authoritative_from_recursive(text: &str) {
    let servers = Servers::start();
    let front = servers.front(text);
    for (transport, label) in [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")] {
        let (ours, theirs) = (format!("{label}.zaibdns.lab"), format!("{label}.google.com"));
        for name in [&ours, &theirs] {
            let reply = front.client().ask(transport, &a(name)).unwrap();
            assert_eq!(reply.addresses(), [Responder::ADDRESS], "{name}");
        }
        assert_eq!((servers.auth1.count(&ours), servers.recursive(&ours)), (1, 0));
        assert_eq!((servers.auth1.count(&theirs), servers.recursive(&theirs)), (0, 1));
    }
}

#[test]
fn dd1_splits_authoritative_from_recursive() {
    splits_authoritative_from_recursive(blueprint::DNSDIST_DD1);
}

#[test]
fn dd2_splits_authoritative_from_recursive() {
    splits_authoritative_from_recursive(blueprint::DNSDIST_DD2);
}

#[test]
fn the_production_block_splits_authoritative_from_recursive() {
    splits_authoritative_from_recursive(blueprint::DNSDIST_PRODUCTION);
}

/// dnsdist 1.7 refuses these lines: its name for the class is `DNSClass.CHAOS`, the blueprint writes `DNSClass.CH`.
#[test]
fn beyond_the_tuning_lines_split_authoritative_from_recursive() {
    splits_authoritative_from_recursive(&tuned());
}

#[test]
fn suffix_match_is_by_label_and_ignores_case() {
    let servers = Servers::start();
    let front = servers.front(blueprint::DNSDIST_DD1);
    for name in ["WWW.ZaibDNS.Lab", "a.b.c.zaibdns.lab"] {
        front.resolve(name).unwrap();
        assert_eq!(
            (servers.auth1.count(name), servers.recursive(name)),
            (1, 0),
            "{name}"
        );
    }
    for name in ["notzaibdns.lab", "zaibdns.lab.example", "lab"] {
        front.resolve(name).unwrap();
        assert_eq!(
            (servers.auth1.count(name), servers.recursive(name)),
            (0, 1),
            "{name}"
        );
    }
}

#[test]
fn any_is_dropped_and_reaches_no_server() {
    let servers = Servers::start();
    let front = servers.front(blueprint::DNSDIST_DD1);
    let any = Ask::new("any.google.com", "ANY").unwrap();
    assert!(front.is_silent(&any));
    assert!(front.client().patience(crate::stage::SILENCE).tcp(&any).is_err());
    assert_eq!(servers.recursive("any.google.com"), 0);
}

#[test]
fn beyond_tuning_drops_version_probes_and_no_other_txt() {
    let servers = Servers::start();
    let front = servers.front(&tuned());
    let version = Ask::new("version.bind", "TXT").unwrap();
    assert!(front.is_silent(&version.clone().chaos()));
    assert_eq!(servers.recursive("version.bind"), 0);
    assert_eq!(
        front.client().udp(&version).unwrap().rcode(),
        ResponseCode::NoError
    );
}

#[test]
fn recursive_answers_are_cached_and_authoritative_ones_are_not() {
    let servers = Servers::start();
    let front = servers.front(blueprint::DNSDIST_DD1);
    for _ in 0..3 {
        front.resolve("cached.google.com").unwrap();
        front.resolve("plain.zaibdns.lab").unwrap();
    }
    assert_eq!(servers.recursive("cached.google.com"), 1);
    assert_eq!(servers.auth1.count("plain.zaibdns.lab"), 3);
}

#[test]
fn a_silent_auth_pool_does_not_touch_the_rec_pool() {
    let servers = Servers::start();
    let front = servers.front(blueprint::DNSDIST_DD1);
    servers.auth1.behave(Behaviour::Silent);
    assert!(front.is_silent(&a("lost.zaibdns.lab")));
    for number in 0..20 {
        front.resolve(&format!("fine-{number}.google.com")).unwrap();
    }
}

#[test]
fn more_than_two_hundred_queries_per_second_and_client_are_dropped() {
    let servers = Servers::start();
    let front = servers.front(blueprint::DNSDIST_DD1);
    // The bucket holds a second's worth and was used a little by now; refill during the burst is what it lasts.
    let began = std::time::Instant::now();
    let socket = front.client().udp_socket().unwrap();
    let query = a("limit.google.com").to_bytes().unwrap();
    for _ in 0..1000 {
        socket.send_to(&query, front.address).unwrap();
    }
    socket.set_read_timeout(Some(crate::stage::SILENCE)).unwrap();
    let mut buffer = [0; 512];
    let answered = std::iter::from_fn(|| socket.recv_from(&mut buffer).ok()).count();
    let most = 200.0 + 200.0 * began.elapsed().as_secs_f64();
    assert!(answered > 150, "only {answered} answered");
    assert!((answered as f64) < most, "{answered} answered");
}
