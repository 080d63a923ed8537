//! Packets over loopback, through real sockets.

use std::io::{ErrorKind, IoSlice};
use std::mem::size_of;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;
use crate::poll::{Events, Interest, Poller};

#[test]
fn an_answer_comes_from_the_address_that_was_queried() {
    for (bound, queried) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("0.0.0.0:0", "127.0.0.1"),
        ("0.0.0.0:0", "127.0.0.77"),
        ("[::1]:0", "::1"),
        ("[::]:0", "::1"),
    ] {
        let listener = listener(bound);
        let queried = SocketAddr::new(queried.parse().unwrap(), listener.local_address().port());
        // Connected, so that an answer from any other address is lost.
        let client = client(queried);
        client.send(b"ping").unwrap();

        let (mut batch, mut answers) = (Batch::new(4, 512), SendBatch::new(4, 512));
        assert_eq!(recv(&mut batch, &listener), 1, "{bound}");
        let packet = batch.packets().next().unwrap();
        assert_eq!(packet.payload, b"ping");
        assert_eq!(packet.source(), client.local_addr().unwrap());
        assert_eq!(packet.local(), queried);
        assert!(!packet.is_truncated());
        commit(&mut answers, b"pong", &packet.peer());
        assert_eq!(answers.flush(&listener).sent, 1);
        assert_eq!(receive(&client), b"pong");
    }
}

#[test]
fn a_retired_listener_answers_what_it_got_and_gets_nothing_more() {
    for (bound, queried) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("0.0.0.0:0", "127.0.0.77"),
        ("[::1]:0", "::1"),
        ("[::]:0", "::1"),
    ] {
        let retired = listener(bound);
        let queried = SocketAddr::new(queried.parse().unwrap(), retired.local_address().port());
        let early = [client(queried), client(queried)];
        let (mut batch, mut answers) = (Batch::new(64, 512), SendBatch::new(4, 512));
        early[0].send(b"ping").unwrap();
        recv(&mut batch, &retired);
        commit(&mut answers, b"pong", &batch.packets().next().unwrap().peer());
        early[1].send(b"waits").unwrap();

        let heir = Listener::bind(&ListenerOptions::new(retired.local_address())).unwrap();
        retired.retire().unwrap();
        let late: Vec<_> = (0..32).map(|_| client(queried)).collect();
        for client in &late {
            client.send(b"late").unwrap();
        }
        assert_eq!(answers.flush(&retired).sent, 1);
        assert_eq!(receive(&early[0]), b"pong", "{bound}");
        assert_eq!(recv(&mut batch, &retired), 1, "{bound}");
        assert_eq!(batch.packets().next().unwrap().payload, b"waits");
        assert_eq!(recv(&mut batch, &heir), late.len(), "{bound}");
    }
}

#[test]
fn only_a_wildcard_listener_pays_for_packet_information() {
    for (bound, level, name, expected) in [
        ("127.0.0.1:0", libc::IPPROTO_IP, libc::IP_PKTINFO, 0),
        ("0.0.0.0:0", libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        ("[::1]:0", libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 0),
        ("[::]:0", libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    ] {
        assert_eq!(int_option(&listener(bound), level, name), expected, "{bound}");
    }
}

#[test]
fn an_ipv6_listener_leaves_ipv4_to_others() {
    assert_eq!(
        int_option(&listener("[::]:0"), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
        1
    );
}

#[test]
fn a_queue_longer_than_the_batch_is_taken_in_order_and_in_parts() {
    let (listener, mut batch) = (listener("127.0.0.1:0"), Batch::new(4, 512));
    let client = client(listener.local_address());
    for number in 0..10u8 {
        client.send(&[number; 3]).unwrap();
    }
    let mut seen = Vec::new();
    for expected in [4, 4, 2, 0] {
        assert_eq!(batch.recv(&listener).unwrap(), expected);
        assert_eq!((batch.len(), batch.packets().len()), (expected, expected));
        seen.extend(batch.packets().map(|packet| packet.payload[0]));
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert!(batch.is_empty() && batch.capacity() == 4);
}

#[test]
fn all_packets_of_a_batch_can_be_held_and_changed_together() {
    let (listener, mut batch) = (listener("127.0.0.1:0"), Batch::new(8, 512));
    let client = client(listener.local_address());
    for number in 0..8u8 {
        client.send(&[number]).unwrap();
    }
    batch.recv(&listener).unwrap();
    let mut packets: Vec<_> = batch.packets().collect();
    for packet in &mut packets {
        packet.payload[0] += 100;
    }
    let seen: Vec<u8> = packets.iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(seen, (100..108).collect::<Vec<_>>());
}

#[test]
fn the_longest_the_empty_and_the_cut_off_datagram_are_told_apart() {
    let listener = listener("127.0.0.1:0");
    let client = client(listener.local_address());
    let longest = vec![7; 65_507];
    let mut batches = [Batch::new(1, usize::MAX), Batch::new(1, 100)];
    for (index, sent, expected, truncated) in [
        (0, &longest[..], &longest[..], false),
        (1, &longest[..], &longest[..100], true),
        (1, &longest[..100], &longest[..100], false),
        (1, &[][..], &[][..], false),
    ] {
        client.send(sent).unwrap();
        let batch = &mut batches[index];
        recv(batch, &listener);
        let packet = batch.packets().next().unwrap();
        assert_eq!(
            (packet.payload.len(), packet.is_truncated()),
            (expected.len(), truncated)
        );
        assert_eq!(packet.payload, expected);
    }
}

#[test]
fn one_batch_serves_sockets_of_every_kind_in_turn() {
    let mut batch = Batch::new(2, 512);
    let v4 = listener("127.0.0.1:0");
    let v6 = listener("[::]:0");
    let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap();
    for _ in 0..3 {
        for (listener, target) in [
            (
                &v6,
                SocketAddr::new("::1".parse().unwrap(), v6.local_address().port()),
            ),
            (&v4, v4.local_address()),
        ] {
            let client = client(target);
            client.send(b"q").unwrap();
            recv(&mut batch, listener);
            let packet = batch.packets().next().unwrap();
            assert_eq!(
                (packet.source(), packet.local()),
                (client.local_addr().unwrap(), target)
            );
            assert_eq!(packet.peer().address, Address::from(client.local_addr().unwrap()));
        }
        backend.send_to(b"r", connected.local_address()).unwrap();
        wait(&connected);
        assert_eq!(batch.recv_replies(&connected), Ok(1));
        let packet = batch.packets().next().unwrap();
        assert_eq!(
            (packet.source(), packet.local()),
            (connected.remote(), connected.local_address())
        );
        assert_eq!(
            packet.peer(),
            Peer {
                address: connected.remote().into(),
                arrival: None
            }
        );
    }
}

#[test]
fn a_failed_receive_leaves_no_old_packets_behind() {
    let (listener, mut batch) = (listener("127.0.0.1:0"), Batch::new(2, 512));
    client(listener.local_address()).send(b"q").unwrap();
    recv(&mut batch, &listener);
    let refused = refusing_backend();
    refused.send(b"q").unwrap();
    wait(&refused);
    assert_eq!(batch.recv_replies(&refused), Err(Failure::Refused));
    assert_eq!(batch.packets().len(), 0);
}

#[test]
fn waiting_returns_with_the_first_packet() {
    let (listener, mut batch) = (listener("127.0.0.1:0"), Batch::new(8, 512));
    let client = client(listener.local_address());
    std::thread::scope(|scope| {
        let received = scope.spawn(|| batch.recv_wait(&listener).unwrap());
        client.send(b"x").unwrap();
        assert_eq!(received.join().unwrap(), 1);
    });
}

#[test]
fn a_slot_is_used_only_when_committed_and_a_full_batch_has_none() {
    let listener = listener("127.0.0.1:0");
    let client = client(listener.local_address());
    let peer = Peer {
        address: client.local_addr().unwrap().into(),
        arrival: None,
    };
    let mut answers = SendBatch::new(2, 16);
    answers.slot().unwrap().buffer().fill(b'?');
    assert!(answers.is_empty());
    commit(&mut answers, b"one", &peer);
    commit(&mut answers, b"two", &peer);
    assert!(answers.is_full() && answers.len() == 2 && answers.slot().is_none());
    let sent = answers.flush(&listener);
    assert_eq!((sent.sent, sent.dropped, sent.failed), (2, 0, 0));
    assert!(answers.is_empty() && answers.flush(&listener).sent == 0);
    assert_eq!([receive(&client), receive(&client)], [b"one", b"two"]);
}

#[test]
fn an_answer_longer_than_its_slot_is_cut_off() {
    let listener = listener("127.0.0.1:0");
    let client = client(listener.local_address());
    let mut answers = SendBatch::new(1, 16);
    let mut slot = answers.slot().unwrap();
    assert_eq!(slot.buffer().len(), 16);
    slot.buffer().fill(9);
    slot.commit(
        usize::MAX,
        &Peer {
            address: client.local_addr().unwrap().into(),
            arrival: None,
        },
    );
    assert_eq!(answers.flush(&listener).sent, 1);
    assert_eq!(receive(&client), [9; 16]);
}

#[test]
fn an_answer_that_cannot_be_sent_does_not_hold_up_the_others() {
    let listener = listener("127.0.0.1:0");
    let client = client(listener.local_address());
    let good = Peer {
        address: client.local_addr().unwrap().into(),
        arrival: None,
    };
    let bad = Peer {
        address: "127.0.0.1:0".parse::<SocketAddr>().unwrap().into(),
        arrival: None,
    };
    let mut answers = SendBatch::new(8, 16);
    for (payload, peer) in [
        (b"a", &bad),
        (b"b", &good),
        (b"c", &bad),
        (b"d", &bad),
        (b"e", &good),
        (b"f", &bad),
    ] {
        commit(&mut answers, payload, peer);
    }
    let sent = answers.flush(&listener);
    assert_eq!((sent.sent, sent.dropped, sent.failed), (2, 0, 4));
    assert_eq!(sent.last_error.unwrap().kind(), ErrorKind::InvalidInput);
    assert_eq!([receive(&client), receive(&client)], [b"b", b"e"]);
}

#[test]
fn a_connected_socket_hears_its_backend_alone() {
    let (backend, stranger) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    let connected = Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap();
    stranger.send_to(b"forged", connected.local_address()).unwrap();
    backend.send_to(b"reply", connected.local_address()).unwrap();
    wait(&connected);
    let mut batch = Batch::new(4, 512);
    assert_eq!(batch.recv_replies(&connected), Ok(1));
    assert_eq!(batch.packets().next().unwrap().payload, b"reply");
    assert_eq!(batch.recv_replies(&connected), Ok(0));
}

#[test]
fn queries_go_out_one_by_one_or_many_at_a_time() {
    let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap();
    connected.send(b"single").unwrap();
    assert_eq!(receive(&backend), b"single");
    let payloads: Vec<[u8; 2]> = (0..150u16).map(u16::to_be_bytes).collect();
    let slices: Vec<IoSlice> = payloads.iter().map(|payload| IoSlice::new(payload)).collect();
    let sent = connected.send_all(&slices);
    assert_eq!((sent.sent, sent.dropped, sent.failed), (150, 0, 0));
    for payload in &payloads {
        assert_eq!(receive(&backend), payload);
    }
    assert_eq!(connected.send_all(&[]).sent, 0);
}

#[test]
fn a_refusal_is_told_and_speaks_against_the_backend() {
    let connected = refusing_backend();
    connected.send(b"first").unwrap();
    wait(&connected);
    assert_eq!(connected.send(b"second"), Err(Failure::Refused));
    assert!(Failure::Refused.is_backends_fault() && !Failure::Full.is_backends_fault());
    // The refusal has been told: the next one is sent, and refused in turn.
    connected.send(b"third").unwrap();
    wait(&connected);
    let sent = connected.send_all(&[IoSlice::new(b"fourth"), IoSlice::new(b"fifth")]);
    assert!(sent.failed >= 1 && sent.sent + sent.failed == 2, "{sent:?}");
    assert_eq!(sent.last_error.unwrap().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn source_address_and_random_port_are_as_asked_for() {
    let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = ConnectedOptions {
        source: Some("127.0.0.9".parse().unwrap()),
        interface: Some("lo".to_owned()),
        ..ConnectedOptions::new(backend.local_addr().unwrap())
    };
    let sockets: Vec<_> = (0..16).map(|_| Connected::open(&options).unwrap()).collect();
    let ports: Vec<u16> = sockets
        .iter()
        .map(|socket| socket.local_address().port())
        .collect();
    assert!(
        sockets
            .iter()
            .all(|socket| socket.local_address().ip() == options.source.unwrap())
    );
    let distance = |pair: &[u16]| pair[0].abs_diff(pair[1]);
    assert!(
        ports.windows(2).any(|pair| distance(pair) > 16),
        "ports in a row: {ports:?}"
    );
    let absent = ConnectedOptions {
        source: Some("192.0.2.1".parse().unwrap()),
        ..options
    };
    assert_eq!(
        Connected::open(&absent).unwrap_err().kind(),
        ErrorKind::AddrNotAvailable
    );
}

#[test]
fn workers_share_an_address_and_each_client_stays_with_one() {
    let first = listener("127.0.0.1:0");
    let second = Listener::bind(&ListenerOptions::new(first.local_address())).unwrap();
    let client = client(first.local_address());
    for _ in 0..20 {
        client.send(b"x").unwrap();
    }
    let mut batch = Batch::new(32, 512);
    let counts = [batch.recv(&first).unwrap(), batch.recv(&second).unwrap()];
    assert!(counts == [20, 0] || counts == [0, 20], "{counts:?}");
}

#[test]
fn a_listener_handed_on_keeps_its_queue_and_its_packet_information() {
    let first = listener("0.0.0.0:0");
    let queried = SocketAddr::from(([127, 0, 0, 5], first.local_address().port()));
    client(queried).send(b"early").unwrap();
    let second = Listener::adopt(first.into()).unwrap();
    let mut batch = Batch::new(1, 512);
    assert_eq!(recv(&mut batch, &second), 1);
    assert_eq!(batch.packets().next().unwrap().local(), queried);
}

#[test]
fn a_listener_can_be_bound_to_an_interface_and_before_its_address_arrives() {
    let on = |interface: &str| ListenerOptions {
        interface: Some(interface.to_owned()),
        ..ListenerOptions::new("127.0.0.1:0".parse().unwrap())
    };
    Listener::bind(&on("lo")).unwrap();
    let error = Listener::bind(&on("absent0")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    let absent = ListenerOptions::new("192.0.2.1:0".parse().unwrap());
    assert_eq!(
        Listener::bind(&absent).unwrap_err().kind(),
        ErrorKind::AddrNotAvailable
    );
    Listener::bind(&ListenerOptions {
        nonlocal: Nonlocal::Allow,
        ..absent
    })
    .unwrap();
}

#[test]
fn answers_may_be_fragmented_on_the_way_whatever_icmp_says() {
    for (bound, level, name, expected) in [
        (
            "127.0.0.1:0",
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_OMIT,
        ),
        (
            "[::1]:0",
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_OMIT,
        ),
    ] {
        assert_eq!(int_option(&listener(bound), level, name), expected);
    }
}

#[test]
fn batches_move_between_threads_with_what_they_hold() {
    let (listener, mut batch) = (listener("127.0.0.1:0"), Batch::new(4, 512));
    client(listener.local_address()).send(b"moved").unwrap();
    recv(&mut batch, &listener);
    let answers = SendBatch::new(4, 512);
    std::thread::spawn(move || {
        assert_eq!(batch.packets().next().unwrap().payload, b"moved");
        assert!(answers.is_empty());
    })
    .join()
    .unwrap();
}

#[test]
fn absurd_sizes_become_possible_ones() {
    for (count, bytes, capacity, buffer) in [
        (0, 0, 1, 1),
        (usize::MAX, 1, MAX_BATCH, 1),
        (1, usize::MAX, 1, MAX_PAYLOAD),
    ] {
        let mut answers = SendBatch::new(count, bytes);
        assert_eq!(answers.slot().unwrap().buffer().len(), buffer);
        assert_eq!(Batch::new(count, bytes).capacity(), capacity);
    }
}

#[test]
fn a_peer_is_small_enough_to_be_kept_with_every_pending_query() {
    assert_eq!(size_of::<Peer>(), 52);
}

fn listener(address: &str) -> Listener {
    Listener::bind(&ListenerOptions::new(address.parse().unwrap())).unwrap()
}

/// A connected client that gives up after ten seconds.
fn client(server: SocketAddr) -> UdpSocket {
    let any: SocketAddr = if server.is_ipv4() {
        ([127, 0, 0, 1], 0).into()
    } else {
        "[::1]:0".parse().unwrap()
    };
    let client = UdpSocket::bind(any).unwrap();
    client.connect(server).unwrap();
    client
}

/// A socket towards a port that has just been closed.
fn refusing_backend() -> Connected {
    let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
    Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap()
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = vec![0; MAX_PAYLOAD];
    let length = socket.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

fn recv(batch: &mut Batch, listener: &Listener) -> usize {
    wait(listener);
    batch.recv(listener).unwrap()
}

fn wait(fd: impl AsFd) {
    let (poller, mut events) = (Poller::new().unwrap(), Events::new(1));
    poller.add(fd, 0, Interest::Read).unwrap();
    poller.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
    assert_eq!(events.iter().len(), 1, "nothing came within ten seconds");
}

fn commit(answers: &mut SendBatch, payload: &[u8], peer: &Peer) {
    let mut slot = answers.slot().unwrap();
    slot.buffer()[..payload.len()].copy_from_slice(payload);
    slot.commit(payload.len(), peer);
}

fn int_option(socket: &impl AsFd, level: libc::c_int, name: libc::c_int) -> libc::c_int {
    use std::os::fd::AsRawFd;
    let (mut value, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the kernel writes at most `length` bytes to an integer of that size.
    let result = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length)
    };
    assert_eq!(result, 0);
    value
}
