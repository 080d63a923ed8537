//! SIGHUP: a new configuration in one swap, nothing lost, nothing forgotten; a broken one changes nothing.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_lab::{Behaviour, Client, Responder, wait_for};

use crate::stage::{PATIENCE, SILENCE, Stage, a, free_address};

/// How many reloads happen under load.
const RELOADS: u8 = 100;
/// Queries that are on their way at once: enough to keep every worker busy, less than a socket buffer.
const WINDOW: usize = 128;
/// Every so many queries one is for a name that no cache has.
const MISS_EVERY: u64 = 32;
/// How long a reload may take to show, on a machine whose processors are all busy.
const SHOWS: Duration = Duration::from_secs(5);

/// A configuration whose `generation.example` has this address, so that a client sees which one is in force.
fn configuration(backend: &Responder, generation: Ipv4Addr) -> String {
    format!(
        "newServer({{address=\"{}\", name=\"one\"}})\npc = newPacketCache(10000)\ngetPool(\"\"):setCache(pc)\n\
         addAction(QNameRule(\"generation.example.\"), SpoofAction(\"{generation}\"))\n",
        backend.address()
    )
}

fn generation(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

fn in_force(front: &Stage) -> Option<std::net::IpAddr> {
    front
        .resolve("generation.example")
        .ok()?
        .addresses()
        .first()
        .copied()
}

/// Replaces the file, tells the program, and waits until a client sees the difference.
fn reload(front: &Stage, backend: &Responder, number: u8) -> Duration {
    front.rewrite(&configuration(backend, generation(number)));
    front.front.hang_up().unwrap();
    wait_for("the new configuration", SHOWS, || {
        in_force(front) == Some(generation(number).into())
    })
    .unwrap()
}

#[test]
fn beyond_a_hang_up_puts_the_new_file_in_force() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&configuration(&backend, generation(1)));
    assert_eq!(in_force(&front), Some(generation(1).into()));
    reload(&front, &backend, 2);
}

#[test]
fn beyond_the_cache_and_open_connections_survive() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&configuration(&backend, generation(1)));
    front.resolve("kept.example").unwrap();
    let mut session = front.client().connect().unwrap();
    reload(&front, &backend, 2);
    front.resolve("kept.example").unwrap();
    session.send(&a("kept.example").id(77)).unwrap();
    assert_eq!(session.receive().unwrap().id(), 77);
    assert_eq!(backend.count("kept.example"), 1, "the cache was lost");
}

#[test]
fn beyond_a_query_that_is_pending_is_answered() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&configuration(&backend, generation(1)));
    let delay = Behaviour::Delay(Duration::from_millis(700));
    backend.behave_for("pending.example", delay);
    let client = front.client();
    let reply = std::thread::scope(|scope| {
        let asking = scope.spawn(move || client.udp(&a("pending.example")));
        wait_for("the query is pending", SHOWS, || {
            backend.count("pending.example") == 1
        })
        .unwrap();
        reload(&front, &backend, 2);
        asking.join().unwrap()
    });
    assert_eq!(reply.unwrap().addresses(), [Responder::ADDRESS]);
}

#[test]
fn beyond_a_query_pending_on_a_listener_that_changes_or_goes_is_answered_from_there() {
    let backend = Responder::start().unwrap();
    let configuration =
        |number, listener: &str| format!("{listener}\n{}", configuration(&backend, generation(number)));
    let other = free_address();
    let local = format!("addLocal(\"{other}\")");
    for after in [
        format!("addLocal(\"{other}\", {{tcpListenQueueSize=7}})"),
        String::new(),
    ] {
        let front = Stage::start(&configuration(1, &local));
        let name = format!("pending-{}.example", after.len());
        backend.behave_for(&name, Behaviour::Delay(Duration::from_millis(700)));
        let before = backend.count(&name);
        let reply = std::thread::scope(|scope| {
            let asking = scope.spawn(|| Client::to(other).patience(PATIENCE).udp(&a(&name)));
            wait_for("the query is pending", SHOWS, || backend.count(&name) > before).unwrap();
            front.rewrite(&configuration(2, &after));
            front.front.hang_up().unwrap();
            wait_for("the new configuration", SHOWS, || {
                in_force(&front) == Some(generation(2).into())
            })
            .unwrap();
            asking.join().unwrap()
        });
        assert_eq!(reply.unwrap().from, other, "{after:?}");
        let goes = || {
            Client::to(other)
                .patience(SILENCE)
                .udp(&a("later.example"))
                .is_err()
        };
        if after.is_empty() {
            wait_for("the address is closed", SHOWS, || UdpSocket::bind(other).is_ok()).unwrap();
            assert!(goes(), "an address that was removed is served");
        } else {
            assert!(!goes(), "an address that stays is not served");
        }
    }
}

#[test]
fn beyond_one_of_two_listeners_on_one_address_may_go() {
    let backend = Responder::start().unwrap();
    let other = free_address();
    let any = format!("addLocal(\"{other}\")\n");
    let loopback = format!("addLocal(\"{other}\", {{interface=\"lo\"}})\n");
    // A query on an interface that has a listener of its own goes there.
    for listeners in [[&any, &loopback], [&loopback, &any]] {
        let write =
            |number, listeners: &str| format!("{listeners}{}", configuration(&backend, generation(number)));
        let front = Stage::start(&write(1, &listeners.map(String::as_str).concat()));
        front.rewrite(&write(2, &loopback));
        front.front.hang_up().unwrap();
        wait_for("the new configuration", SHOWS, || {
            in_force(&front) == Some(generation(2).into())
        })
        .unwrap();
        wait_for("the other listener is closed", SHOWS, || {
            let port = format!(":{}", other.port());
            let listed = Command::new("ss")
                .args(["-Hlun", "sport", "=", &port])
                .output()
                .unwrap();
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            !listed.is_empty() && listed.lines().all(|line| line.contains("%lo"))
        })
        .unwrap();
        Client::to(other)
            .patience(PATIENCE)
            .udp(&a("still.example"))
            .unwrap();
    }
}

#[test]
fn beyond_a_reply_reaches_no_cache_of_a_pool_that_has_its_number_now() {
    let (old, new) = (Responder::start().unwrap(), Responder::start().unwrap());
    let pool = |name: &str, backend: &Responder| {
        let address = backend.address();
        format!(
            "newServer({{address=\"{address}\", pool=\"{name}\", healthCheckMode=\"up\"}})\n\
             getPool(\"{name}\"):setCache(newPacketCache(100))\n"
        )
    };
    let rules = |number, name: &str| {
        let spoof = format!("SpoofAction(\"{}\")", generation(number));
        format!("addAction(\"generation.example\", {spoof})\naddAction(AllRule(), PoolAction(\"{name}\"))\n")
    };
    let front = Stage::start(&[pool("old", &old), rules(1, "old")].concat());
    old.behave_for("pending.example", Behaviour::Delay(Duration::from_millis(700)));
    let client = front.client();
    std::thread::scope(|scope| {
        let asking = scope.spawn(move || client.udp(&a("pending.example")));
        wait_for("the query is pending", SHOWS, || {
            old.count("pending.example") == 1
        })
        .unwrap();
        front.rewrite(&[pool("new", &new), pool("old", &old), rules(2, "new")].concat());
        front.front.hang_up().unwrap();
        let shows = || in_force(&front) == Some(generation(2).into());
        wait_for("the new configuration", SHOWS, shows).unwrap();
        asking.join().unwrap().unwrap();
    });
    // Each worker may have a client of its own; they share the cache.
    front.resolve("pending.example").unwrap();
    assert_eq!(
        new.count("pending.example"),
        1,
        "answered from another pool's reply"
    );
}

#[test]
fn beyond_a_server_that_was_added_is_used_and_one_that_was_removed_is_not() {
    let (old, new) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&configuration(&old, generation(1)));
    front.resolve("first.example").unwrap();
    reload(&front, &new, 2);
    front.wait_for_answers("second.example");
    front.resolve("third.example").unwrap();
    assert_eq!((old.count("third.example"), new.count("third.example")), (0, 1));
}

#[test]
fn beyond_a_broken_file_changes_nothing_and_is_named_with_its_line() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&configuration(&backend, generation(1)));
    front.rewrite("newServer({address=\"127.0.0.1:5300\"})\nnoSuchFunction()\n");
    front.front.hang_up().unwrap();
    // `setLocal` is the first line.
    wait_for("the error is reported", SHOWS, || {
        front.front.log().contains("dnsdist.conf:3")
    })
    .unwrap();
    assert_eq!(in_force(&front), Some(generation(1).into()));
    front.resolve("fine.example").unwrap();
    assert_eq!(backend.count("fine.example"), 1);
    reload(&front, &backend, 3);
}

/// What a load came to.
#[derive(Debug)]
struct Load {
    answered: u64,
    lost: usize,
    elapsed: Duration,
}

/// Keeps [`WINDOW`] queries on their way until told to stop, then waits for the last ones.
fn load(server: SocketAddr, stop: &AtomicBool) -> Load {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let cached = a("hit.example").to_bytes().unwrap();
    let mut waiting = std::collections::HashSet::new();
    let (mut sent, mut answered) = (0u64, 0u64);
    let (began, mut buffer) = (Instant::now(), [0; 512]);
    loop {
        while waiting.len() < WINDOW && !stop.load(Ordering::Relaxed) {
            let id = u16::try_from(sent % (1 << 16)).unwrap();
            let mut query = cached.clone();
            if sent % MISS_EVERY == 0 {
                query = a(&format!("miss-{sent}.example")).to_bytes().unwrap();
            }
            query[..2].copy_from_slice(&id.to_be_bytes());
            socket.send(&query).unwrap();
            waiting.insert(id);
            sent += 1;
        }
        // Nothing for three seconds: what is still missing is lost.
        if waiting.is_empty() || socket.recv(&mut buffer).is_err() {
            return Load {
                answered,
                lost: waiting.len(),
                elapsed: began.elapsed(),
            };
        }
        waiting.remove(&u16::from_be_bytes([buffer[0], buffer[1]]));
        answered += 1;
    }
}

#[test]
fn beyond_reloads_that_change_a_listener_under_load_lose_no_query() {
    let backend = Responder::start().unwrap();
    let other = free_address();
    let write = |number: u8| {
        let queue = 10 + u32::from(number);
        let local = format!("addLocal(\"{other}\", {{tcpListenQueueSize={queue}}})\n");
        format!("{local}{}", configuration(&backend, generation(number)))
    };
    let front = Stage::start(&write(0));
    front.resolve("hit.example").unwrap();
    let stop = AtomicBool::new(false);
    let load = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load(other, &stop));
        for number in 1..=RELOADS / 4 {
            front.rewrite(&write(number));
            front.front.hang_up().unwrap();
            let shows = || in_force(&front) == Some(generation(number).into());
            wait_for("the new configuration", SHOWS, shows).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        loading.join().unwrap()
    });
    assert_eq!(load.lost, 0, "{load:?}");
    assert!(load.answered > 1_000, "hardly any load: {load:?}");
}

#[test]
fn beyond_a_hundred_reloads_under_load_lose_no_query() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&configuration(&backend, generation(0)));
    front.resolve("hit.example").unwrap();
    let stop = AtomicBool::new(false);
    let (load, slowest) = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load(front.address, &stop));
        let slowest = (1..=RELOADS).map(|number| reload(&front, &backend, number)).max();
        stop.store(true, Ordering::Relaxed);
        (loading.join().unwrap(), slowest.unwrap())
    });
    let rate = load.answered as f64 / load.elapsed.as_secs_f64();
    eprintln!("{RELOADS} reloads, the slowest {slowest:?}, at {rate:.0} queries per second: {load:?}");
    assert_eq!(load.lost, 0, "{load:?}");
    assert!(load.answered > 10_000, "hardly any load: {load:?}");
}
