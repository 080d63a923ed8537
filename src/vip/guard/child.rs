//! The guard's own side: waits for its ward's end.

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::process::ExitCode;
use std::time::Duration;

use weir_linux::child::part;
use weir_linux::netlink::Links;
use weir_linux::poll::{Events, Interest, Poller};
use weir_linux::realtime;
use weir_linux::seqpacket::{Delivery, Seqpacket};
use weir_linux::signals::Signals;
use weir_linux::vrrp::VrrpSocket;
use weir_linux::{Family, LinkIndex};

use super::will::{Farewell, Will, Word};

/// Room for a will of 255 addresses in each of dozens of routers.
const MESSAGE_BYTES: usize = 256 * 1024;
/// Silence is looked at once more after this, in case it was this process that stood still.
const SECOND_LOOK: Duration = Duration::from_millis(50);
/// It has no `weir` in it, so that who kills every `weir` leaves the address to nobody.
const NAME: &CStr = c"vip-guard";
/// A priority above its ward's: whoever waits for it to die must not be starved by it.
const PRIORITY: u8 = 3;

/// Runs the guard on the line with this number, until its ward ends. Its exit status is nobody's business.
pub(in crate::vip) fn main(line: RawFd) -> ExitCode {
    let watched = part(NAME)
        .and_then(|()| Seqpacket::adopt(line))
        .and_then(|line| watch(&line));
    match watched {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("guard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(line: &Seqpacket) -> io::Result<()> {
    // Blocked and never read: whoever stops a service by its group must not stop its guard first.
    let _deaf = Signals::block()?;
    // Where it is not allowed, the guard is an ordinary process.
    let _ = realtime::run_first(PRIORITY);
    let _ = realtime::lock_memory();
    let poller = Poller::new()?;
    poller.add(line, 0, Interest::Read)?;
    let mut links = Links::open()?;
    let (mut events, mut buffer, mut will) = (Events::new(1), vec![0; MESSAGE_BYTES], Will::default());
    loop {
        let patience = (!will.addresses.is_empty()).then_some(will.patience);
        poller.wait(&mut events, patience)?;
        if events.iter().len() == 0 {
            poller.wait(&mut events, Some(SECOND_LOOK))?;
        }
        let mut heard = false;
        loop {
            match line.receive(&mut buffer)? {
                Delivery::Empty => break,
                Delivery::Closed => return withdraw(&will, &mut links),
                Delivery::Message(length) => {
                    heard = true;
                    match Word::decode(buffer.get(..length).unwrap_or_default()) {
                        Some(Word::Will(new)) => will = new,
                        Some(Word::Done) => return Ok(()),
                        Some(Word::Heartbeat) | None => {}
                    }
                }
            }
        }
        if !heard && patience.is_some() {
            // It hangs. Should it wake up, it finds its addresses gone and decides anew.
            withdraw(&will, &mut links)?;
            will = Will::default();
        }
    }
}

/// Does what the will says. One part that fails keeps none of the others from being done.
fn withdraw(will: &Will, links: &mut Links) -> io::Result<()> {
    let mut outcome = Ok(());
    for held in &will.addresses {
        let removed = links.remove(LinkIndex(held.interface), held.address, held.prefix);
        outcome = outcome.and(removed);
    }
    for farewell in &will.farewells {
        let sent = send(farewell, links);
        outcome = outcome.and(sent);
    }
    outcome
}

fn send(farewell: &Farewell, links: &mut Links) -> io::Result<()> {
    let all = links.list()?;
    let link = all.iter().find(|link| link.name == farewell.interface);
    let link = link.ok_or(io::ErrorKind::NotFound)?;
    let family = if farewell.source.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    let socket = VrrpSocket::open(link, family)?;
    socket.send(
        farewell.source,
        farewell.destination,
        farewell.hops,
        &farewell.message,
    )
}
