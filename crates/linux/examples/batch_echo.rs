//! What `echo` does, with `weir_linux::udp`: how to use it, and what it costs.
//!
//! ```text
//! batch_echo ADDRESS:PORT [--poll]
//! ```
//!
//! With `--poll` it asks for readiness first, as a worker with several sockets must. A wildcard address brings
//! packet information.
#![allow(clippy::print_stdout, reason = "a program that says what it does")]
#![forbid(unsafe_code)]

use std::error::Error;
use std::{env, io};

use weir_linux::poll::{Events, Interest, Poller};
use weir_linux::udp::{Batch, DEFAULT_BATCH, Listener, ListenerOptions, SendBatch};

const PAYLOAD_BYTES: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (address, polls) = match arguments[..] {
        [address] => (address, false),
        [address, "--poll"] => (address, true),
        _ => return Err("usage: batch_echo ADDRESS:PORT [--poll]".into()),
    };
    let listener = Listener::bind(&ListenerOptions::new(address.parse()?))?;
    println!("batch_echo on {}", listener.local_address());
    if polls {
        poll_and_echo(&listener)?
    } else {
        wait_and_echo(&listener)?
    }
    Ok(())
}

fn wait_and_echo(listener: &Listener) -> io::Result<()> {
    let mut queries = Batch::new(DEFAULT_BATCH, PAYLOAD_BYTES);
    let mut answers = SendBatch::new(DEFAULT_BATCH, PAYLOAD_BYTES);
    loop {
        queries.recv_wait(listener)?;
        answer(&mut queries, &mut answers, listener);
    }
}

fn poll_and_echo(listener: &Listener) -> io::Result<()> {
    let mut queries = Batch::new(DEFAULT_BATCH, PAYLOAD_BYTES);
    let mut answers = SendBatch::new(DEFAULT_BATCH, PAYLOAD_BYTES);
    let (poller, mut events) = (Poller::new()?, Events::new(64));
    poller.add(listener, 0, Interest::ReadEdge)?;
    loop {
        poller.wait(&mut events, None)?;
        // A full batch says that there may be more; a short one, that the queue was empty.
        while queries.recv(listener)? > 0 {
            answer(&mut queries, &mut answers, listener);
            if queries.len() < queries.capacity() {
                break;
            }
        }
    }
}

fn answer(queries: &mut Batch, answers: &mut SendBatch, listener: &Listener) {
    for packet in queries.packets() {
        let Some(mut slot) = answers.slot() else { break };
        let length = packet.payload.len();
        slot.buffer()[..length].copy_from_slice(packet.payload);
        if let Some(flags) = slot.buffer().get_mut(2) {
            *flags |= 0x80;
        }
        slot.commit(length, &packet.peer());
    }
    answers.flush(listener);
}
