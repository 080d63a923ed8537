//! A worker without clients, and backends that are sockets of the test.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use weir_balance::Mode;
use weir_config::dialects::dnsdist::{Carry, Overrides, Session};
use weir_config::{Seeds, Snapshot};
use weir_control::counters::{Counter, Counters};
use weir_policy::{Ends, Transport};
use weir_wire::hash::Seed;

use super::*;
use crate::front::journey::{Desk, Next};
use crate::front::site::Site;

const START: Timestamp = Timestamp::from_secs(1000);

/// The configuration in force, as the heir of `old`.
fn snapshot(config: &str, old: Option<&Snapshot>) -> Snapshot {
    let seed = Seed::new([1, 2]);
    let source = format!("setACL('0.0.0.0/0')\n{config}");
    let file = Path::new("test.conf");
    let loaded = Session::load(&source, file, &Overrides::default(), Carry::new(seed)).unwrap();
    let seeds = Seeds {
        cache: seed,
        perturbation: 0,
    };
    Snapshot::build(&loaded.session.spec(), old, seeds, 1)
        .unwrap()
        .snapshot
}

/// A worker without listeners that serves everyone by `config`.
fn worker(config: &str) -> Worker {
    let mut counters = Counters::default();
    let desk = Desk::new(0, counters.register());
    let own = counters.register();
    let site = Site::new(snapshot(config, None), counters, own, 1).unwrap();
    let mut worker = Worker::new(Arc::new(site), desk).unwrap();
    worker.follow_snapshot(true);
    worker
}

fn ends(transport: Transport) -> Ends {
    let client: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    Ends {
        client,
        local: client,
        transport,
    }
}

/// A query for `label`.test.
fn query(label: u8) -> Vec<u8> {
    let mut packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01".to_vec();
    packet.push(label);
    packet.extend(b"\x04test\x00\x00\x01\x00\x01");
    packet
}

/// Asks for `label`.test, which has to be forwarded, on behalf of nobody.
fn ask(worker: &mut Worker, label: u8, transport: Transport) {
    let (packet, mut out) = (query(label), vec![0; 512]);
    let ends = ends(transport);
    let next = worker
        .desk
        .on_query(&worker.snapshot, &packet, ends, (START, 7), &mut out);
    let Next::Forward(route) = next else {
        panic!("{next:?}")
    };
    worker.forward_packet(&packet, Client::Nobody, ends, route, START);
}

/// A reply, and one that is truncated.
const QR: u8 = 0x80;
const QR_TC: u8 = 0x82;

/// Gives the worker a reply without records to the query that its only backend has been sent over UDP.
fn reply(worker: &mut Worker, backend: &UdpSocket, flags: u8) {
    worker.flush();
    let mut query = [0; 512];
    let (len, from) = backend.recv_from(&mut query).unwrap();
    query[2] |= flags;
    backend.send_to(&query[..len], from).unwrap();
    let (key, _) = worker.uplinks.iter().next().unwrap();
    worker.receive_replies(key, 0);
}

/// How many queries wait on each connection to a backend.
fn waiting(worker: &Worker) -> Vec<usize> {
    let upstreams = worker.upstreams.iter();
    upstreams.map(|(_, upstream)| upstream.waiting.len()).collect()
}

/// A backend's sockets on one address.
fn backend() -> (TcpListener, UdpSocket) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (tcp, udp);
        }
    }
}

#[test]
fn a_query_that_makes_room_for_another_waits_on_no_connection() {
    let (tcp, udp) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    let mut worker = worker(&format!(
        "setMaxUDPOutstanding(1)
         newServer{{address='{}', pool='tcp', tcpOnly=true, healthCheckMode='up'}}
         newServer{{address='{}', pool='udp', healthCheckMode='up'}}
         addAction('t.test.', PoolAction('tcp')) addAction('u.test.', PoolAction('udp'))",
        tcp.local_addr().unwrap(),
        udp.local_addr().unwrap(),
    ));
    ask(&mut worker, b't', Transport::Udp);
    assert_eq!(waiting(&worker), [1]);
    ask(&mut worker, b'u', Transport::Udp);
    assert_eq!(waiting(&worker), [0]);
}

#[test]
fn a_query_whose_connection_is_gone_lets_go_of_those_who_joined_it() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut worker = worker(&format!(
        "newServer{{address='{}', tcpOnly=true, healthCheckMode='up'}}
         getPool(''):setCache(newPacketCache(100))",
        backend.local_addr().unwrap()
    ));
    ask(&mut worker, b'a', Transport::Udp);
    let (key, _) = worker.upstreams.iter().next().unwrap();
    let id = worker.upstreams.get(key).unwrap().waiting[0];
    let number = SocketIndex(worker.upstreams.get(key).unwrap().number);
    let forwarded = worker.pending.take(number, id).unwrap().value;
    assert_eq!(worker.coalescer.flights(), 1);
    worker.upstreams.remove(key);
    worker.send_on(key, forwarded, START);
    assert_eq!(worker.coalescer.flights(), 0);
}

#[test]
fn a_reply_for_nobody_is_no_answer_to_a_client() {
    let (_, udp) = backend();
    let config = format!(
        "newServer{{address='{}', healthCheckMode='up'}}",
        udp.local_addr().unwrap()
    );
    let mut worker = worker(&config);
    ask(&mut worker, b'a', Transport::Udp);
    reply(&mut worker, &udp, QR);
    let count = |counter| worker.site.counters.sum(counter);
    assert_eq!(
        (count(Counter::Responses), count(Counter::FrontendNoerror)),
        (1, 0)
    );
}

#[test]
fn tcp_clients_that_joined_a_truncated_reply_ask_together() {
    let (tcp, udp) = backend();
    let mut worker = worker(&format!(
        "newServer{{address='{}', healthCheckMode='up', maxInFlight=10}}
         getPool(''):setCache(newPacketCache(100))",
        tcp.local_addr().unwrap()
    ));
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tcp, Transport::Tcp] {
        ask(&mut worker, b'a', transport);
    }
    reply(&mut worker, &udp, QR_TC);
    assert_eq!((waiting(&worker), worker.coalescer.waiting()), (vec![1], 2));
}

#[test]
fn a_truncated_reply_is_asked_for_again_after_a_reload_that_renumbers_the_pools() {
    let (tcp, udp) = backend();
    let server = format!(
        "newServer{{address='{}', pool='a', healthCheckMode='up'}} addAction(AllRule(), PoolAction('a'))",
        tcp.local_addr().unwrap()
    );
    let mut worker = worker(&server);
    ask(&mut worker, b'a', Transport::Tcp);
    let config = format!("newServer{{address='192.0.2.1', pool='b', healthCheckMode='up'}} {server}");
    let heir = snapshot(&config, Some(&worker.snapshot));
    worker.site.publish(heir);
    worker.follow_snapshot(false);
    reply(&mut worker, &udp, QR_TC);
    assert_eq!(waiting(&worker), [1]);
}

#[test]
fn the_whole_of_a_truncated_reply_comes_from_another_backend_when_the_first_is_down() {
    let ((tcp, udp), (other, _other_udp)) = (backend(), backend());
    let server = |listener: &TcpListener, order| {
        let address = listener.local_addr().unwrap();
        format!("newServer{{address='{address}', order={order}, healthCheckMode='up'}} ")
    };
    let mut worker = worker(&(server(&tcp, 1) + &server(&other, 2)));
    ask(&mut worker, b'a', Transport::Tcp);
    worker.snapshot.backends[0].set_mode(Mode::Down);
    reply(&mut worker, &udp, QR_TC);
    assert_eq!(waiting(&worker), [1]);
}
