//! The status socket: a line with a request comes in, text goes out, the connection ends.
//!
//! The socket is its owner's alone, for whoever can write to it gives orders. Everything a peer may take is
//! limited: connections at once, the length of a request, and the time for both ([`Connections::on_deadline`]). What may
//! be asked is its owner's to say ([`Request`]).

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use weir_linux::poll::{Interest, Poller};
use weir_wire::Timestamp;

/// Connections at once; one more is closed at once.
const MAX_CONNECTIONS: usize = 16;
/// How long one may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest request.
const MAX_REQUEST_LEN: usize = 64;
/// How long a client waits. Orders take their time: a handover as long as the other node needs to take over.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// What may be asked, each kind by a word.
pub(crate) trait Request: Copy + 'static {
    /// Every kind.
    const ALL: &'static [Self];

    /// The word of this one.
    fn word(self) -> &'static str;
}

/// The numbers under which a caller waits for the socket and its connections; those of connections are `first` and the
/// ones that follow it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) listener: u64,
    pub(crate) first: u64,
}

/// The listening socket and its connections.
#[derive(Debug)]
pub(crate) struct Connections {
    listener: UnixListener,
    tokens: Tokens,
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
    pub(crate) fn listen(path: &Path, tokens: Tokens, poller: &Poller) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        poller.add(&listener, tokens.listener, Interest::Read)?;
        Ok(Self {
            listener,
            tokens,
            open: (0..MAX_CONNECTIONS).map(|_| None).collect(),
        })
    }

    /// Takes the connections that have come.
    pub(crate) fn accept(&mut self, now: Timestamp, poller: &Poller) {
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
                .and_then(|()| poller.add(&stream, self.tokens.first + index as u64, Interest::Read));
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
    pub(crate) fn read<R: Request>(&mut self, index: usize) -> Option<R> {
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
        let mut all = R::ALL.iter().copied();
        let request = all.find(|request| request.word() == line.trim_end());
        if request.is_none() {
            self.answer(index, "error: unknown request\n");
        }
        request
    }

    /// Answers and closes. What does not fit into the socket's buffer is cut: no answer is nearly as long.
    pub(crate) fn answer(&mut self, index: usize, text: &str) {
        if let Some(connection) = self.open.get_mut(index).and_then(Option::as_mut) {
            let _ = connection.stream.write_all(text.as_bytes());
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
        self.close(index);
    }

    /// Lets a connection last for as long as what it asked for may take.
    pub(crate) fn extend(&mut self, index: usize, ends: Timestamp) {
        if let Some(connection) = self.open.get_mut(index).and_then(Option::as_mut) {
            connection.ends = ends;
        }
    }

    /// When the first connection's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.open.iter().flatten().map(|connection| connection.ends).min()
    }

    /// Closes the connections whose time is over.
    pub(crate) fn on_deadline(&mut self, now: Timestamp) {
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

/// Asks whoever listens at `path`.
///
/// # Errors
/// Nobody listens there, or it does not answer.
pub(crate) fn ask(path: &Path, request: impl Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    stream.write_all(format!("{}\n", request.word()).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
