//! The packet path allocates nothing: receive, answer, send, forward and wait, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::IoSlice;
use std::net::UdpSocket;
use std::time::Duration;

use weir_linux::poll::{Events, Interest, Poller};
use weir_linux::udp::{Batch, Connected, ConnectedOptions, Listener, ListenerOptions, SendBatch};

/// Counts the allocations of each thread by itself, so that the test harness does not disturb.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn packets_cost_no_allocation() {
    let listener = Listener::bind(&ListenerOptions::new("0.0.0.0:0".parse().unwrap())).unwrap();
    let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client
        .connect(("127.0.0.1", listener.local_address().port()))
        .unwrap();
    let (mut batch, mut answers) = (Batch::new(8, 512), SendBatch::new(8, 512));
    let (poller, mut events) = (Poller::new().unwrap(), Events::new(8));
    poller.add(&listener, 0, Interest::Read).unwrap();

    let before = ALLOCATIONS.get();
    let mut answered = 0;
    for _ in 0..100 {
        client.send(b"query").unwrap();
        poller.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
        batch.recv(&listener).unwrap();
        for packet in batch.packets() {
            let mut slot = answers.slot().unwrap();
            slot.buffer()[..5].copy_from_slice(packet.payload);
            slot.commit(5, &packet.peer());
            assert_ne!(packet.source(), packet.local());
            connected.send(packet.payload).unwrap();
            assert_eq!(connected.send_all(&[IoSlice::new(packet.payload)]).sent, 1);
        }
        answered += answers.flush(&listener).sent;
        assert_eq!(batch.recv_replies(&connected), Ok(0));
    }
    assert_eq!((answered, ALLOCATIONS.get() - before), (100, 0));
    assert!(before > 0, "nothing is counted");
}
