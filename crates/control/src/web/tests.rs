use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener as Listener, TcpStream as Stream};
use std::rc::Rc;
use std::sync::PoisonError;
use std::thread;

use data_encoding::BASE64;
use weir_balance::BackendSettings;
use weir_cache::Settings as CacheSettings;
use weir_config::{BackendKey, BackendSpec, CacheIndex, ConsoleSettings, Place, Placed, Secret, Seeds, Spec};
use weir_policy::{Rule, Transport, Uuid};
use weir_wire::hash::Seed;

use super::*;
use crate::console::{Answer, Console};
use crate::counters::{Counter, FrontendCounter};
use crate::{Control, Woken};

mod api;
mod http;
mod prometheus;

/// The program under a web server: one configuration that a test may replace, and numbers.
struct Site {
    snapshot: Mutex<Arc<Snapshot>>,
    counters: Counters,
    frontends: Vec<Arc<FrontendCounters>>,
    started: Instant,
}

impl Site {
    /// One worker that has seen a few queries over both transports.
    fn new(spec: &Spec) -> Arc<Self> {
        let mut counters = Counters::default();
        let worker = counters.register();
        worker.add(Counter::Queries, 7);
        worker.add_malformed(weir_wire::QueryError::IsReply);
        worker.observe_latency(Transport::Udp, 500);
        worker.observe_latency(Transport::Udp, 20_000);
        worker.observe_latency(Transport::Tcp, 2_000_000);
        let frontend = |transport| Arc::new(FrontendCounters::new(([127, 0, 0, 1], 53).into(), transport, 0));
        let frontends = vec![frontend(Transport::Udp), frontend(Transport::Tcp)];
        frontends[1].connection_opened();
        frontends[1].add(FrontendCounter::Queries, 3);
        let snapshot = Mutex::new(Arc::new(build(spec)));
        Arc::new(Self {
            snapshot,
            counters,
            frontends,
            started: Instant::now(),
        })
    }

    fn publish(&self, spec: &Spec) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(build(spec));
    }
}

impl Status for Site {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn frontends(&self) -> Vec<Arc<FrontendCounters>> {
        self.frontends.clone()
    }

    fn started(&self) -> Instant {
        self.started
    }
}

struct NoConsole;

impl Console for NoConsole {
    fn settings(&self) -> Option<ConsoleSettings> {
        None
    }

    fn evaluate(&self, command: &str) -> Answer {
        Err(format!("unknown: {command}"))
    }
}

/// Two backends, one with a name, the pools "" and "rec", a cache for "rec", three rules; password `pw`, key `key`.
fn spec() -> Spec {
    let place = Place::new("test.conf", 1);
    let mut spec = Spec::new(&place);
    let rec = spec.pools.intern("rec", &place).unwrap();
    let default = spec.pools.find("").unwrap().name.clone();
    for (key, name) in [(0, "b.1"), (1, "")] {
        let address = (Ipv4Addr::LOCALHOST, 5300 + key).into();
        let settings = BackendSettings {
            name: name.to_owned(),
            ..BackendSettings::new(address)
        };
        let pools = if key == 0 {
            vec![default.clone(), rec.clone()]
        } else {
            vec![default.clone()]
        };
        spec.add_backend(BackendSpec {
            key: BackendKey(key.into()),
            settings,
            pools,
            place: place.clone(),
        });
    }
    spec.caches.push(Placed {
        value: CacheSettings::new(1000),
        place: place.clone(),
    });
    spec.pools.get_mut(rec.id()).unwrap().cache = Some(CacheIndex(0));
    for (number, name) in [(1, ""), (2, "same \"name\"\\\n"), (3, "same \"name\"\\\n")] {
        let rule: Rule<dyn weir_policy::Action> = Rule {
            name: name.to_owned(),
            uuid: Uuid::from_random([0, number]),
            creation_order: number,
            selector: Arc::new(weir_policy::selectors::All),
            action: Arc::new(weir_policy::actions::Drop),
        };
        spec.rules.query.push(Placed {
            value: rule,
            place: place.clone(),
        });
    }
    spec.web.listen = Some(Placed {
        value: (Ipv4Addr::LOCALHOST, 8083).into(),
        place,
    });
    spec.web.access.password = Some(Secret::new("pw"));
    spec.web.access.api_key = Some(Secret::new("key"));
    spec
}

fn build(spec: &Spec) -> Snapshot {
    let seeds = Seeds {
        cache: Seed::new([1, 2]),
        perturbation: 3,
    };
    Snapshot::build(spec, None, seeds, 1).unwrap().snapshot
}

/// Serves `site` on a thread of its own, until the test ends.
fn start(site: &Arc<Site>) -> SocketAddr {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let status: Arc<dyn Status> = Arc::<Site>::clone(site);
    thread::spawn(move || {
        let mut control = Control::new(status, Rc::new(NoConsole)).unwrap();
        control.listen_web(Some(listener)).unwrap();
        let (never, _open) = io::pipe().unwrap();
        while control.serve(&never, Duration::from_secs(60)).unwrap() == Woken::TimedOut {}
    });
    address
}

/// An answer, taken apart.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn json(&self) -> serde_json::Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (200, Some("application/json")),
            "{self:?}"
        );
        serde_json::from_str(&self.body).unwrap()
    }
}

const NOBODY: &str = "";
const KEY: &str = "X-API-Key: key\r\n";

fn password(password: &str) -> String {
    format!(
        "Authorization: Basic {}\r\n",
        BASE64.encode(format!("x:{password}").as_bytes())
    )
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Reply {
    send(
        address,
        format!("{method} {path} HTTP/1.1\r\nHost: weir\r\n{headers}\r\n").as_bytes(),
    )
}

fn get(address: SocketAddr, path: &str, headers: &str) -> Reply {
    ask(address, "GET", path, headers)
}

/// Sends bytes and reads until the server closes.
fn send(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = Stream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that refuses closes early; what it said counts.
    let _ = stream.write_all(bytes);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Reply {
        status,
        headers: headers.to_owned(),
        body: body.to_owned(),
    }
}
