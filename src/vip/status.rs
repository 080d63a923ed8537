//! The status socket: a line with a request comes in, text goes out, the connection ends.
//!
//! The socket is its owner's alone, for whoever can write to it can move the address. Everything a peer may take is
//! limited: connections at once, the length of a request, and the time for both ([`Connections::on_deadline`]).

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use weir_linux::poll::{Interest, Poller};
use weir_wire::Timestamp;

use super::tokens::{Kind, token};

/// Connections at once; one more is closed at once.
const MAX_CONNECTIONS: usize = 16;
/// How long one may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest request.
const MAX_REQUEST_LEN: usize = 64;
/// How long a client waits: a handover takes as long as the other node needs to take over.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The state as JSON.
    Status,
    /// Counters in Prometheus' format.
    Metrics,
    /// Give the address away.
    Handover,
    /// Compete for it again.
    Resume,
}

impl Request {
    const ALL: [Self; 4] = [Self::Status, Self::Metrics, Self::Handover, Self::Resume];

    const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Handover => "handover",
            Self::Resume => "resume",
        }
    }

    fn parse(line: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|request| request.word() == line.trim_end())
    }
}

/// The listening socket and its connections.
#[derive(Debug)]
pub(super) struct Connections {
    listener: UnixListener,
    open: Vec<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    request: Vec<u8>,
    ends: Timestamp,
}

impl Connections {
    /// Listens at `path`, in the place of a socket that a dead predecessor left there: the caller has the lock.
    ///
    /// # Errors
    /// When the path cannot be bound.
    pub(super) fn listen(path: &Path, poller: &Poller) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        poller.add(&listener, token(Kind::StatusListener, 0), Interest::Read)?;
        Ok(Self {
            listener,
            open: (0..MAX_CONNECTIONS).map(|_| None).collect(),
        })
    }

    /// Takes the connections that have come.
    pub(super) fn accept(&mut self, now: Timestamp, poller: &Poller) {
        while let Ok((stream, _)) = self.listener.accept() {
            let Some((index, place)) = self
                .open
                .iter_mut()
                .enumerate()
                .find(|(_, place)| place.is_none())
            else {
                continue;
            };
            let added = stream
                .set_nonblocking(true)
                .and_then(|()| poller.add(&stream, token(Kind::StatusConnection, index), Interest::Read));
            if added.is_ok() {
                *place = Some(Connection {
                    stream,
                    request: Vec::new(),
                    ends: now + CONNECTION_TIMEOUT,
                });
            }
        }
    }

    /// Reads what a connection sent, and returns its request once it is complete. One that asks nonsense is told so
    /// and closed.
    pub(super) fn read(&mut self, index: usize) -> Option<Request> {
        let connection = self.open.get_mut(index)?.as_mut()?;
        let mut buffer = [0; MAX_REQUEST_LEN];
        match connection.stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Ok(length) if length > 0 => connection
                .request
                .extend(buffer.get(..length).unwrap_or_default()),
            _ => {
                self.close(index);
                return None;
            }
        }
        let line = String::from_utf8_lossy(&connection.request).into_owned();
        if !line.ends_with('\n') && line.len() <= MAX_REQUEST_LEN {
            return None;
        }
        let request = Request::parse(&line);
        if request.is_none() {
            self.answer(index, "error: unknown request\n");
        }
        request
    }

    /// Answers and closes. What does not fit into the socket's buffer is cut: no answer is nearly as long.
    pub(super) fn answer(&mut self, index: usize, text: &str) {
        if let Some(connection) = self.open.get_mut(index).and_then(Option::as_mut) {
            let _ = connection.stream.write_all(text.as_bytes());
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
        self.close(index);
    }

    /// Lets a connection last for as long as what it asked for may take.
    pub(super) fn extend(&mut self, index: usize, ends: Timestamp) {
        if let Some(connection) = self.open.get_mut(index).and_then(Option::as_mut) {
            connection.ends = ends;
        }
    }

    /// When the first connection's time is over.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.open.iter().flatten().map(|connection| connection.ends).min()
    }

    /// Closes the connections whose time is over.
    pub(super) fn on_deadline(&mut self, now: Timestamp) {
        for place in &mut self.open {
            place.take_if(|connection| connection.ends <= now);
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(place) = self.open.get_mut(index) {
            // Closing takes the descriptor out of the poller's set.
            *place = None;
        }
    }
}

/// Asks the `weir vip` that listens at `path`.
///
/// # Errors
/// Nobody listens there, or it does not answer.
pub(super) fn ask(path: &Path, request: Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    stream.write_all(format!("{}\n", request.word()).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
