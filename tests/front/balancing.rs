//! Which backend a query goes to, and what becomes of a reply.

use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Behaviour, Responder, Transport, wait_for};

use crate::stage::{Stage, a};

/// Fast health checks, so that a test sees a change within two seconds.
fn server(backend: &Responder, more: &str) -> String {
    format!(
        "newServer({{address=\"{}\", checkInterval=1{more}}})\n",
        backend.address()
    )
}

#[test]
fn a_backend_that_fails_its_check_leaves_and_comes_back() {
    let (good, bad) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&format!(
        "setServerPolicy(roundrobin)\n{}{}",
        server(&good, ""),
        server(&bad, "")
    ));
    bad.behave(Behaviour::Rcode(ResponseCode::ServFail));
    let mut serial = 0;
    let mut share_of_bad = || {
        let names: Vec<String> = (serial..serial + 10)
            .map(|number| format!("health-{number}.example"))
            .collect();
        serial += 10;
        names.iter().for_each(|name| drop(front.resolve(name)));
        names.iter().map(|name| bad.count(name)).sum::<usize>()
    };
    let limit = Duration::from_secs(6);
    wait_for("the failing backend is left out", limit, || share_of_bad() == 0).unwrap();
    bad.behave(Behaviour::Answer);
    wait_for("the backend is back", limit, || share_of_bad() == 5).unwrap();
}

#[test]
fn round_robin_takes_turns() {
    let (one, two) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&format!(
        "setServerPolicy(roundrobin)\n{}{}",
        server(&one, ""),
        server(&two, "")
    ));
    let mut counts = (0, 0);
    for number in 0..20 {
        let name = format!("turn-{number}.example");
        front.resolve(&name).unwrap();
        counts = (counts.0 + one.count(&name), counts.1 + two.count(&name));
    }
    // Every worker takes turns by itself.
    let workers = std::thread::available_parallelism().unwrap().get();
    assert!(counts.0.abs_diff(counts.1) <= workers, "{counts:?}");
}

#[test]
fn first_available_prefers_the_lowest_order() {
    let (one, two) = (Responder::start().unwrap(), Responder::start().unwrap());
    let lines = format!("{}{}", server(&one, ", order=2"), server(&two, ", order=1"));
    let front = Stage::start(&format!("setServerPolicy(firstAvailable)\n{lines}"));
    for number in 0..10 {
        let name = format!("order-{number}.example");
        front.resolve(&name).unwrap();
        assert_eq!((one.count(&name), two.count(&name)), (0, 1));
    }
}

#[test]
fn least_outstanding_avoids_the_backend_that_is_busy() {
    let (slow, fast) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&format!(
        "{}{}",
        server(&slow, ", order=1"),
        server(&fast, ", order=2")
    ));
    slow.behave_for("busy.example", Behaviour::Delay(Duration::from_secs(1)));
    // One socket, and so one worker: each counts what it waits for itself.
    let socket = front.client().udp_socket().unwrap();
    let send = |name: &str| {
        socket
            .send_to(&a(name).to_bytes().unwrap(), front.address)
            .unwrap()
    };
    send("busy.example");
    wait_for("the slow backend is asked", Duration::from_secs(1), || {
        slow.count("busy.example") == 1
    })
    .unwrap();
    for number in 0..5 {
        let name = format!("quick-{number}.example");
        send(&name);
        socket.recv(&mut [0; 512]).unwrap();
        assert_eq!((slow.count(&name), fast.count(&name)), (0, 1));
    }
}

#[test]
fn a_reply_that_does_not_match_is_dropped() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&server(&backend, ""));
    backend.behave_for("id.example", Behaviour::WrongId);
    backend.behave_for("question.example", Behaviour::WrongQuestion);
    for name in ["id.example", "question.example"] {
        assert!(front.is_silent(&a(name)), "{name}");
        assert_eq!(backend.count(name), 1, "{name}");
    }
    front.resolve("fine.example").unwrap();
}

#[test]
fn without_a_usable_server_the_query_is_dropped() {
    let backend = Responder::start().unwrap();
    let front = Stage::listen(&format!("{}getServer(0):setDown()\n", server(&backend, "")));
    assert!(front.is_silent(&a("down.example")));
    assert_eq!(backend.count("down.example"), 0);
}

#[test]
fn without_a_usable_server_servfail_is_sent_when_asked_for() {
    let backend = Responder::start().unwrap();
    let lines = format!(
        "setServFailWhenNoServer(true)\n{}getServer(0):setDown()\n",
        server(&backend, "")
    );
    let front = Stage::listen(&lines);
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = front.client().ask(transport, &a("down.example")).unwrap();
        assert_eq!(reply.rcode(), ResponseCode::ServFail, "{transport}");
    }
}

#[test]
fn the_client_gets_its_own_id_back_and_the_backend_another() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&server(&backend, ""));
    let mut ids = std::collections::BTreeSet::new();
    for number in 0..20 {
        let name = format!("id-{number}.example");
        assert_eq!(front.client().udp(&a(&name).id(4711)).unwrap().id(), 4711);
        ids.extend(backend.received(&name).iter().map(|query| query.id));
    }
    assert!(ids.len() > 10, "the backend saw the ids {ids:?}");
}

#[test]
fn beyond_ids_towards_backends_are_not_a_counter() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&server(&backend, ""));
    let mut ids = Vec::new();
    for number in 0..50 {
        let name = format!("random-{number}.example");
        front.resolve(&name).unwrap();
        ids.extend(backend.received(&name).iter().map(|query| query.id));
    }
    let steps = ids
        .windows(2)
        .filter(|pair| pair[1].wrapping_sub(pair[0]) < 16)
        .count();
    assert!(steps < 5, "{ids:?}");
}

#[test]
fn as_many_source_ports_as_sockets_are_used() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&server(&backend, ", sockets=4"));
    let mut ports = std::collections::BTreeSet::new();
    for number in 0..40 {
        let name = format!("port-{number}.example");
        front.resolve(&name).unwrap();
        ports.extend(backend.received(&name).iter().map(|query| query.from.port()));
    }
    // Every worker has sockets of its own.
    let workers = std::thread::available_parallelism().unwrap().get();
    assert!(ports.len() >= 4 && ports.len() <= 4 * workers, "{ports:?}");
}

#[test]
fn a_server_that_is_only_asked_over_tcp_is_asked_over_tcp() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&server(&backend, ", tcpOnly=true"));
    front.resolve("tcp-only.example").unwrap();
    assert!(
        backend
            .received("tcp-only.example")
            .iter()
            .all(|query| query.transport == Transport::Tcp)
    );
}

#[test]
fn the_answer_after_the_timeout_is_not_sent() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&format!("setUDPTimeout(1)\n{}", server(&backend, "")));
    backend.behave_for("late.example", Behaviour::Delay(Duration::from_millis(4500)));
    let reply = front
        .client()
        .patience(Duration::from_secs(6))
        .udp(&a("late.example"));
    assert!(reply.is_err(), "{reply:?}");
    front.resolve("soon.example").unwrap();
}
