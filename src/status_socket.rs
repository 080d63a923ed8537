//! The status socket: a line with a request comes in, text goes out, the connection ends.
//!
//! The socket is its owner's alone, for whoever can write to it gives orders. Everything a peer may take is
//! limited: connections at once, the length of a request, and the time for both ([`Connections::on_deadline`]). What may
//! be asked is its owner's to say ([`Request`]).

use std::fs;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
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
/// The longest request: a word and the path of a file.
const MAX_REQUEST_LEN: usize = 4096;
/// How long a client waits. Orders take their time: a handover as long as the other node needs to take over, an end as
/// long as a server needs to write its journals.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);

/// What may be asked.
pub(crate) trait Request: Sized {
    /// What a line asks for, if anything.
    fn parse(line: &str) -> Option<Self>;

    /// The line.
    fn line(&self) -> String;
}

/// Who asked: a place, and whose turn there it was. Whoever hangs up leaves the place to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    index: usize,
    turn: u64,
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
    turns: u64,
}

#[derive(Debug)]
struct Connection {
    turn: u64,
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
            turns: 0,
        })
    }

    /// Takes the connections that have come.
    pub(crate) fn accept(&mut self, now: Timestamp, poller: &Poller) {
        while let Ok((stream, _)) = self.listener.accept() {
            // One too many is closed.
            let _ = self.admit(stream, now, poller);
        }
    }

    fn admit(&mut self, stream: UnixStream, now: Timestamp, poller: &Poller) -> Option<Caller> {
        let mut places = self.open.iter_mut().enumerate();
        let (index, place) = places.find(|(_, place)| place.is_none())?;
        stream.set_nonblocking(true).ok()?;
        poller
            .add(&stream, self.tokens.first + index as u64, Interest::Read)
            .ok()?;
        self.turns += 1;
        *place = Some(Connection {
            turn: self.turns,
            stream,
            request: Vec::new(),
            ends: now + CONNECTION_TIMEOUT,
        });
        Some(Caller {
            index,
            turn: self.turns,
        })
    }

    /// Reads what a connection sent, and returns its request once it is complete. One that asks nonsense is told so
    /// and closed.
    pub(crate) fn read<R: Request>(&mut self, index: usize) -> Option<(Caller, R)> {
        let connection = self.open.get_mut(index)?.as_mut()?;
        let mut buffer = [0; MAX_REQUEST_LEN];
        match connection.stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Ok(length) if length > 0 => connection
                .request
                .extend(buffer.get(..length).unwrap_or_default()),
            // Closing takes the descriptor out of the poller's set.
            _ => {
                *self.open.get_mut(index)? = None;
                return None;
            }
        }
        let turn = connection.turn;
        let line = String::from_utf8_lossy(&connection.request).into_owned();
        if !line.ends_with('\n') && line.len() <= MAX_REQUEST_LEN {
            return None;
        }
        let caller = Caller { index, turn };
        let request = R::parse(line.trim_end());
        if request.is_none() {
            self.answer(caller, "error: unknown request\n");
        }
        request.map(|request| (caller, request))
    }

    /// The descriptor of a connection that another program of this process is to answer.
    pub(crate) fn descriptor(&self, caller: Caller) -> Option<BorrowedFd<'_>> {
        let open = self.open.get(caller.index)?.as_ref();
        open.filter(|open| open.turn == caller.turn)
            .map(|open| open.stream.as_fd())
    }

    /// Goes on with a connection that the program before has left; `None` when there is no room for it.
    pub(crate) fn adopt(&mut self, fd: OwnedFd, now: Timestamp, poller: &Poller) -> Option<Caller> {
        self.admit(fd.into(), now, poller)
    }

    /// Answers and closes. What does not fit into the socket's buffer is cut: no answer is nearly as long.
    pub(crate) fn answer(&mut self, caller: Caller, text: &str) {
        if let Some(place) = self.place(caller)
            && let Some(mut connection) = place.take()
        {
            let _ = connection.stream.write_all(text.as_bytes());
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
    }

    /// Says a part of the answer.
    pub(crate) fn say(&mut self, caller: Caller, text: &str) {
        if let Some(Some(connection)) = self.place(caller) {
            let _ = connection.stream.write_all(text.as_bytes());
        }
    }

    /// Lets a connection last for as long as what it asked for may take.
    pub(crate) fn extend(&mut self, caller: Caller, ends: Timestamp) {
        if let Some(Some(connection)) = self.place(caller) {
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

    /// The caller's place, unless the caller has left it.
    fn place(&mut self, caller: Caller) -> Option<&mut Option<Connection>> {
        let place = self.open.get_mut(caller.index);
        place.filter(|place| place.as_ref().is_some_and(|open| open.turn == caller.turn))
    }
}

/// Asks whoever listens at `path`; the whole answer.
///
/// # Errors
/// Nobody listens there, or it does not answer.
pub(crate) fn ask(path: &Path, request: &impl Request) -> io::Result<String> {
    let mut answer = String::new();
    follow(path, request, CLIENT_TIMEOUT)?.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Asks whoever listens at `path`, to read the answer as it comes; no part of it may take longer than `patience`.
///
/// # Errors
/// Nobody listens there.
pub(crate) fn follow(
    path: &Path,
    request: &impl Request,
    patience: Duration,
) -> io::Result<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("{}\n", request.line()).as_bytes())?;
    Ok(BufReader::new(stream))
}
