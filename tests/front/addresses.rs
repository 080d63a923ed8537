//! Which address a query comes to, and a reply comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use weir_lab::{Ask, Client, Responder, Transport};

use crate::stage::{Stage, a, free_address, free_port_of};

fn backend_line(backend: &Responder) -> String {
    format!("newServer({{address=\"{}\"}})\n", backend.address())
}

#[test]
fn a_wildcard_listener_answers_from_the_address_that_was_asked() {
    let backend = Responder::start().unwrap();
    let port = free_address().port();
    let local = format!("setLocal(\"0.0.0.0:{port}\")\n{}", backend_line(&backend));
    let front = Stage::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &local);
    front.wait_for_answers("first.example");
    for last in 2..6 {
        let server = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
        for transport in [Transport::Udp, Transport::Tcp] {
            let reply = Client::to(server).ask(transport, &a("www.example")).unwrap();
            assert_eq!(reply.from, server, "{transport}");
        }
    }
}

#[test]
fn ipv6_clients_and_backends_are_served() {
    let localhost = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let backend = Responder::start_at(SocketAddr::new(localhost, 0)).unwrap();
    let address = free_port_of(localhost);
    let port = address.port();
    let local = format!("setLocal(\"[::]:{port}\")\n{}", backend_line(&backend));
    let front = Stage::start_at(address, &local);
    front.wait_for_answers("first.example");
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = front
            .client()
            .ask(transport, &Ask::new("six.example", "A").unwrap())
            .unwrap();
        assert_eq!(reply.addresses(), [Responder::ADDRESS]);
        assert_eq!(reply.from, address);
    }
}

#[test]
fn several_addresses_are_listened_on() {
    let backend = Responder::start().unwrap();
    let (first, second) = (free_address(), free_address());
    let local = format!(
        "setLocal(\"{first}\")\naddLocal(\"{second}\")\n{}",
        backend_line(&backend)
    );
    let front = Stage::start_at(first, &local);
    front.wait_for_answers("first.example");
    assert_eq!(Client::to(second).udp(&a("second.example")).unwrap().from, second);
}
