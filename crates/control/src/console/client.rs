//! The console's client: blocking, for `weir front -c` and `-e`.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::frames::{Answer, Channel, Hello, Key, PREFIX_LEN, Side, decode_answer};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may work on one command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to a console.
pub struct Client {
    stream: TcpStream,
    channel: Channel,
}

impl Client {
    /// Connects and proves the key, so that a wrong one is known before the first command.
    ///
    /// # Errors
    /// When nobody listens, or the server does not have the same key.
    pub fn connect(address: SocketAddr, key: Option<&Key>) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let mut salt = [0; 8];
        weir_linux::random::fill(&mut salt)?;
        let mine = Hello::new(key, salt);
        stream.write_all(&mine.to_bytes())?;
        let mut peers = [0; Hello::LEN];
        stream.read_exact(&mut peers).map_err(closed)?;
        let peers = Hello::from_bytes(&peers).map_err(io::Error::other)?;
        let channel = Channel::new(Side::Client, key, mine, peers).map_err(io::Error::other)?;
        let mut client = Self { stream, channel };
        client.ask("")?.map_err(io::Error::other)?;
        Ok(client)
    }

    /// Has one command carried out.
    ///
    /// # Errors
    /// When the connection fails; a command that fails is an [`Answer`].
    pub fn ask(&mut self, command: &str) -> io::Result<Answer> {
        let frame = self.channel.frame(command.as_bytes()).map_err(io::Error::other)?;
        self.stream.write_all(&frame)?;
        let mut prefix = [0; PREFIX_LEN];
        self.stream.read_exact(&mut prefix).map_err(closed)?;
        let length = self.channel.body_len(prefix).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(closed)?;
        let content = self.channel.content(body).map_err(io::Error::other)?;
        decode_answer(&content).map_err(io::Error::other)
    }

    /// Carries out the commands of `input`, one a line, and writes the answers to `output`. Says whether all of
    /// them succeeded.
    ///
    /// # Errors
    /// When the connection, the input or the output fails.
    pub fn run_lines(&mut self, input: impl BufRead, mut output: impl Write) -> io::Result<bool> {
        let mut all_succeeded = true;
        for line in input.lines() {
            let answer = self.ask(&line?)?;
            all_succeeded &= answer.is_ok();
            write_answer(&answer, &mut output)?;
        }
        Ok(all_succeeded)
    }
}

/// Writes an answer for a person; it ends with a line break unless it is empty.
///
/// # Errors
/// When `output` fails.
pub fn write_answer(answer: &Answer, output: &mut impl Write) -> io::Result<()> {
    let text = match answer {
        Ok(text) | Err(text) => text.trim_end_matches('\n'),
    };
    if text.is_empty() {
        Ok(())
    } else {
        writeln!(output, "{text}")
    }
}

/// A server that hangs up gives its reason in its own journal; say what it may be.
fn closed(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let reason =
            "the server closed the connection: another key, too many connections or not in its console ACL";
        io::Error::new(io::ErrorKind::ConnectionAborted, reason)
    } else {
        error
    }
}
