//! Connections: pipelining, order, limits, and what happens when a client stops in the middle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use weir_lab::{Behaviour, Responder, Session, Transport};

use crate::stage::{Stage, a};

/// A front end with these settings for connections, in front of one backend.
fn front(backend: &Responder, settings: &str) -> Stage {
    Stage::start(&format!(
        "newServer({{address=\"{}\", maxInFlight=100}})\n{settings}",
        backend.address()
    ))
}

/// The address of a front end that answers out of order: dnsdist wants to be told so, per listener.
fn out_of_order(backend: &Responder) -> Stage {
    let address = crate::stage::free_address();
    let server = backend.address();
    let stage = Stage::start_at(
        address,
        &format!(
            "setLocal(\"{address}\", {{maxInFlight=100}})\nnewServer({{address=\"{server}\", maxInFlight=100}})\n"
        ),
    );
    stage.wait_for_answers("first.example");
    stage
}

/// Whether the server has closed this connection.
fn is_closed(session: &mut Session) -> bool {
    let sent = session.send(&a("closed.example"));
    sent.is_err() || session.receive().is_err()
}

#[test]
fn many_queries_on_one_connection_are_all_answered() {
    let backend = Responder::start().unwrap();
    let front = out_of_order(&backend);
    let mut session = front.client().connect().unwrap();
    for id in 1..=100 {
        session.send(&a(&format!("pipe-{id}.example")).id(id)).unwrap();
    }
    let mut ids: Vec<u16> = (1..=100).map(|_| session.receive().unwrap().id()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=100).collect::<Vec<u16>>());
}

#[test]
fn a_slow_answer_does_not_hold_up_the_next_one() {
    let backend = Responder::start().unwrap();
    backend.behave_for("slow.example", Behaviour::Delay(Duration::from_millis(700)));
    let front = out_of_order(&backend);
    let mut session = front.client().connect().unwrap();
    session.send(&a("slow.example").id(1)).unwrap();
    session.send(&a("fast.example").id(2)).unwrap();
    assert_eq!(session.receive().unwrap().id(), 2);
    assert_eq!(session.receive().unwrap().id(), 1);
}

#[test]
fn a_message_may_come_in_pieces_and_several_in_one() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "");
    let framed = |id: u16| {
        let bytes = a("piece.example").id(id).to_bytes().unwrap();
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    };
    let mut session = front.client().connect().unwrap();
    for byte in framed(1) {
        session.send_raw(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(session.receive().unwrap().id(), 1);
    session
        .send_raw(&[framed(2), framed(3), framed(4)].concat())
        .unwrap();
    let mut ids: Vec<u16> = (0..3).map(|_| session.receive().unwrap().id()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [2, 3, 4]);
}

#[test]
fn a_silent_client_is_disconnected() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "setTCPRecvTimeout(1)\n");
    for sent in [&[][..], &[0], &[0, 40, 1, 2, 3]] {
        let mut session = front.client().connect().unwrap();
        session.send_raw(sent).unwrap();
        let began = Instant::now();
        assert!(session.receive().is_err(), "an answer to {sent:?}");
        let waited = began.elapsed();
        assert!(
            (500..2900).contains(&waited.as_millis()),
            "{sent:?}: closed after {waited:?}"
        );
    }
}

#[test]
fn queries_per_connection_are_limited() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "setMaxTCPQueriesPerConnection(3)\n");
    let mut session = front.client().connect().unwrap();
    for id in 1..=3 {
        session.send(&a("limited.example").id(id)).unwrap();
        assert_eq!(session.receive().unwrap().id(), id);
    }
    // dnsdist 1.7 notices with the query behind the last.
    assert!(is_closed(&mut session) || is_closed(&mut session));
}

#[test]
fn connections_per_client_are_limited_and_freed() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "setMaxTCPConnectionsPerClient(2)\n");
    let works = |session: &mut Session| session.send(&a("ok.example")).is_ok() && session.receive().is_ok();
    // The connection that showed that the program listens may still count.
    let limit = Duration::from_secs(3);
    let open = || front.client().connect().unwrap();
    weir_lab::wait_for("the first connection is forgotten", limit, || {
        let (mut one, mut two) = (open(), open());
        works(&mut one) && works(&mut two)
    })
    .unwrap();
    weir_lab::wait_for("two connections, and not three", limit, || {
        let (mut one, mut two, mut three) = (open(), open(), open());
        works(&mut one) && works(&mut two) && is_closed(&mut three)
    })
    .unwrap();
}

#[test]
fn an_answer_truncated_over_udp_is_whole_over_tcp() {
    let backend = Responder::start().unwrap();
    backend.behave_for("cut.example", Behaviour::Truncate);
    let front = front(&backend, "");
    assert!(front.resolve("cut.example").unwrap().is_truncated());
    let whole = front.client().ask(Transport::Tcp, &a("cut.example")).unwrap();
    assert!(!whole.is_truncated());
    assert_eq!(whole.addresses(), [Responder::ADDRESS]);
    assert_eq!(
        backend.received("cut.example").last().unwrap().transport,
        Transport::Tcp
    );
}

#[test]
fn a_client_that_reads_late_gets_every_reply() {
    /// Replies in all fill more than the kernel's buffers.
    const QUERIES: u16 = 5000;
    let backend = Responder::start().unwrap();
    backend.behave_for("long.example", Behaviour::Large(3000));
    let front = front(
        &backend,
        "setTCPSendTimeout(20)\nsetTCPRecvTimeout(20)\ngetPool(\"\"):setCache(newPacketCache(100))\n",
    );
    let ask = || weir_lab::Ask::new("long.example", "TXT").unwrap();
    let mut session = front.client().connect().unwrap();
    let framed = |id: u16| {
        let bytes = ask().id(id).to_bytes().unwrap();
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    };
    session
        .send_raw(&(0..QUERIES).flat_map(framed).collect::<Vec<_>>())
        .unwrap();
    // By the time of an answer on another connection, the first one is full.
    front.client().tcp(&ask()).unwrap();
    let mut ids: Vec<u16> = (0..QUERIES).map(|_| session.receive().unwrap().id()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..QUERIES).collect::<Vec<u16>>());
}

#[test]
fn an_answer_of_sixty_kilobytes_arrives_over_tcp() {
    let backend = Responder::start().unwrap();
    backend.behave_for("huge.example", Behaviour::Large(60_000));
    let front = front(&backend, "");
    let reply = front
        .client()
        .tcp(&weir_lab::Ask::new("huge.example", "TXT").unwrap())
        .unwrap();
    assert_eq!(reply.message.answers.len(), 300);
}

/// How long a connection stays open on which nobody says anything.
fn lasts(session: &mut Session) -> Duration {
    let began = Instant::now();
    assert!(session.receive().is_err(), "an answer to nothing");
    began.elapsed()
}

#[test]
fn a_client_whose_query_gets_no_answer_is_disconnected() {
    let backend = Responder::start().unwrap();
    backend.behave_for("silent.example", Behaviour::Silent);
    let front = front(
        &backend,
        "setTCPRecvTimeout(30)\naddAction(\"drop.example.\", DropAction())\n\
         newServer({address=\"127.0.0.1:1\", pool=\"down\", healthCheckMode=\"down\"})\n\
         addAction(\"down.example.\", PoolAction(\"down\"))\n",
    );
    for name in ["drop.example", "down.example"] {
        let mut session = front.client().connect().unwrap();
        session.send(&a(name)).unwrap();
        assert!(lasts(&mut session) < Duration::from_secs(1), "{name}");
    }
}

#[test]
fn beyond_a_client_whose_query_timed_out_is_disconnected() {
    let backend = Responder::start().unwrap();
    backend.behave_for("silent.example", Behaviour::Silent);
    let front = front(&backend, "setTCPRecvTimeout(30)\nsetUDPTimeout(1)\n");
    let mut session = front.client().connect().unwrap();
    session.send(&a("silent.example")).unwrap();
    let lasted = lasts(&mut session);
    assert!((900..2500).contains(&lasted.as_millis()), "{lasted:?}");
}

#[test]
fn beyond_what_is_in_flight_is_answered_before_a_dropped_query_ends_the_connection() {
    let backend = Responder::start().unwrap();
    backend.behave_for("slow.example", Behaviour::Delay(Duration::from_millis(500)));
    let front = front(&backend, "addAction(\"drop.example.\", DropAction())\n");
    let mut session = front.client().connect().unwrap();
    for (id, name) in [(1, "slow.example"), (2, "drop.example"), (3, "later.example")] {
        session.send(&a(name).id(id)).unwrap();
    }
    assert_eq!(session.receive().unwrap().id(), 1);
    assert!(lasts(&mut session) < Duration::from_secs(1));
}

/// Answers the next query on a connection with no records.
fn answer(stream: &mut TcpStream) {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message[2] |= 0x80;
    stream.write_all(&[&length[..], &message].concat()).unwrap();
}

#[test]
fn beyond_a_connection_to_a_backend_that_hangs_is_left_for_another() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = backend.local_addr().unwrap();
    let front = Stage::listen(&format!(
        "newServer({{address=\"{address}\", tcpOnly=true, tcpRecvTimeout=1, healthCheckMode=\"up\"}})\n"
    ));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut hanging, _) = backend.accept().unwrap();
            answer(&mut hanging);
            let (mut other, _) = backend.accept().unwrap();
            answer(&mut other);
        });
        // One connection of the client, so that one worker has both queries.
        let mut session = front.client().connect().unwrap();
        for id in 1..=2 {
            session.send(&a("hangs.example").id(id)).unwrap();
            let reply = session.receive().unwrap();
            assert_eq!(reply.id(), id);
            assert_eq!(
                reply.elapsed >= Duration::from_millis(900),
                id == 2,
                "{:?}",
                reply.elapsed
            );
        }
    });
}

/// Connections to a server on this machine.
fn connections_to(server: SocketAddr) -> usize {
    let port = format!(":{}", server.port());
    let listed = Command::new("ss")
        .args(["-Htn", "state", "established", "dport", "=", &port])
        .output()
        .unwrap();
    listed.stdout.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn idle_connections_to_a_backend_are_few_and_not_kept_for_long() {
    let backend = Responder::start().unwrap();
    backend.behave(Behaviour::Delay(Duration::from_millis(200)));
    let address = backend.address();
    let local = crate::stage::free_address();
    let front = Stage::start_at(
        local,
        &format!(
            "setLocal(\"{local}\", {{maxInFlight=100}})\nsetMaxTCPClientThreads(1)\n\
             setMaxCachedTCPConnectionsPerDownstream(2)\nsetTCPDownstreamMaxIdleTime(1)\n\
             setTCPDownstreamCleanupInterval(1)\n\
             newServer({{address=\"{address}\", tcpOnly=true, healthCheckMode=\"up\"}})\n"
        ),
    );
    let mut session = front.client().connect().unwrap();
    for id in 1..=10 {
        session.send(&a(&format!("idle-{id}.example")).id(id)).unwrap();
    }
    let limit = Duration::from_secs(3);
    weir_lab::wait_for("a connection for each", limit, || connections_to(address) == 10).unwrap();
    for _ in 1..=10 {
        session.receive().unwrap();
    }
    weir_lab::wait_for("few of them stay", limit, || connections_to(address) == 2).unwrap();
    weir_lab::wait_for("not for long", limit, || connections_to(address) == 0).unwrap();
}
