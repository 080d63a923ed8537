//! A worker's UDP sockets towards one backend, and the queries that wait to be sent through them together.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use weir_balance::Backend;
use weir_linux::udp::{Connected, ConnectedOptions, DEFAULT_BATCH, Sent};
use weir_wire::{Timestamp, patch};

/// A backend that one worker's queries point to. Counting those pointers in the shared [`Arc`] would have all
/// workers write to one cache line for each query; this way it is the worker's own.
pub(crate) type LocalBackend = Rc<Arc<Backend>>;

/// One backend as one worker reaches it.
pub(crate) struct Uplink {
    /// The backend; replaced by its heir at a reload.
    pub(crate) backend: LocalBackend,
    /// Its sockets, as many as `newServer{sockets=}` says.
    pub(crate) sockets: Vec<Socket>,
    turn: usize,
    /// When to try again to open sockets, if there are none.
    reopen_at: Timestamp,
}

/// How often an attempt to open sockets is repeated.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// One connected socket with its queue.
pub(crate) struct Socket {
    /// The socket.
    pub(crate) udp: Connected,
    /// Its number among all sockets of this worker, for ever: what pending queries remember it by.
    pub(crate) number: u32,
    queue: Vec<u8>,
    ends: Vec<usize>,
}

impl Uplink {
    /// Opens the sockets; `numbers` hands out one number for each.
    pub(crate) fn open(backend: &Arc<Backend>, mut numbers: impl FnMut() -> u32) -> io::Result<Self> {
        let settings = backend.settings();
        let mut options = ConnectedOptions::new(settings.address);
        options.source = settings.source.address;
        options.interface = settings.source.interface.clone();
        let sockets = (0..settings.sockets.get())
            .map(|_| {
                let udp = Connected::open(&options)?;
                Ok(Socket {
                    udp,
                    number: numbers(),
                    queue: Vec::new(),
                    ends: Vec::new(),
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            backend: Rc::new(Arc::clone(backend)),
            sockets,
            turn: 0,
            reopen_at: Timestamp::ZERO,
        })
    }

    /// A backend that cannot be reached.
    pub(crate) fn closed(backend: &Arc<Backend>) -> Self {
        Self {
            backend: Rc::new(Arc::clone(backend)),
            sockets: Vec::new(),
            turn: 0,
            reopen_at: Timestamp::ZERO,
        }
    }

    /// Opens the sockets of a backend that has none; true when it has some now.
    pub(crate) fn reopen(&mut self, numbers: impl FnMut() -> u32, now: Timestamp) -> bool {
        if !self.sockets.is_empty() || now < self.reopen_at {
            return false;
        }
        self.reopen_at = now + REOPEN_INTERVAL;
        match Self::open(&self.backend, numbers) {
            Ok(opened) => self.sockets = opened.sockets,
            Err(error) => tracing::debug!(
                "Still no socket to backend {}: {error}",
                self.backend.settings().address
            ),
        }
        !self.sockets.is_empty()
    }

    /// Whether these sockets are those that `backend` wants: the same one, reached in the same way.
    pub(crate) fn serves(&self, backend: &Backend) -> bool {
        let (own, other) = (self.backend.settings(), backend.settings());
        let how = |settings: &weir_balance::BackendSettings| (settings.sockets, settings.source.clone());
        self.backend.is(backend)
            && own.address == other.address
            && how(own) == how(other)
            && !self.sockets.is_empty()
    }

    /// The sockets in turn.
    pub(crate) fn next_socket(&mut self) -> Option<&mut Socket> {
        self.turn = (self.turn + 1) % self.sockets.len().max(1);
        self.sockets.get_mut(self.turn)
    }
}

impl Socket {
    /// Queues a query and gives its bytes, to have the identifier filled in before the next flush.
    pub(crate) fn queue(&mut self, query: &[u8]) -> &mut [u8] {
        let start = self.queue.len();
        self.queue.extend_from_slice(query);
        self.ends.push(self.queue.len());
        self.queue.get_mut(start..).unwrap_or_default()
    }

    /// Fills in the identifier of the query that was queued last.
    pub(crate) fn set_last_id(&mut self, id: u16) {
        let start = self
            .ends
            .len()
            .checked_sub(2)
            .and_then(|last| self.ends.get(last))
            .copied()
            .unwrap_or(0);
        patch::set_id(self.queue.get_mut(start..).unwrap_or_default(), id);
    }

    /// Takes back the query that was queued last.
    pub(crate) fn unqueue(&mut self) {
        self.ends.pop();
        self.queue.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Whether the queue is one system call long.
    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() >= DEFAULT_BATCH
    }

    /// Sends what is queued with one system call. What the kernel refuses is left to its timeout.
    pub(crate) fn flush(&mut self) -> Sent {
        let mut slices = [IoSlice::new(&[]); DEFAULT_BATCH];
        let mut start = 0;
        for (slice, end) in slices.iter_mut().zip(&self.ends) {
            *slice = IoSlice::new(self.queue.get(start..*end).unwrap_or(&[]));
            start = *end;
        }
        let sent = self.udp.send_all(slices.get(..self.ends.len()).unwrap_or(&[]));
        self.queue.clear();
        self.ends.clear();
        sent
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_queued(&self) -> bool {
        !self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn queued_queries_keep_their_own_identifiers() {
        let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
        backend.set_nonblocking(true).unwrap();
        let mut socket = Socket {
            udp: Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap(),
            number: 1,
            queue: Vec::new(),
            ends: Vec::new(),
        };
        for (query, id) in [(&b"??first"[..], 0x4141), (b"??a longer one", 0x4242)] {
            socket.queue(query);
            socket.set_last_id(id);
        }
        assert_eq!(socket.queue(b"??nobody's"), b"??nobody's");
        socket.unqueue();
        socket.queue(b"??last");
        socket.set_last_id(0x4343);
        assert!(socket.has_queued() && !socket.is_full());
        assert_eq!(socket.flush().sent, 3);
        assert!(!socket.has_queued());
        let mut buffer = [0; 64];
        for expected in [&b"AAfirst"[..], b"BBa longer one", b"CClast"] {
            let len = backend.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], expected);
        }
        assert!(
            backend.recv(&mut buffer).is_err(),
            "what was taken back is not sent"
        );
    }

    #[test]
    fn one_system_call_takes_a_full_queue() {
        let backend = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut socket = Socket {
            udp: Connected::open(&ConnectedOptions::new(backend.local_addr().unwrap())).unwrap(),
            number: 1,
            queue: Vec::new(),
            ends: Vec::new(),
        };
        while !socket.is_full() {
            socket.queue(b"query");
        }
        assert_eq!(socket.flush().sent, DEFAULT_BATCH);
    }
}
