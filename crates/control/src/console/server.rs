//! The console's server: one task per connection, commands one after the other.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use weir_config::ConsoleSettings;

use super::frames::{Answer, Channel, Hello, Key, PREFIX_LEN, Side, encode_answer};
use crate::accept::{Accepted, accept};

/// How long a client may take to say hello and prove that it has the key.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the rest of a command may take after its first byte, and an answer until the client has taken it.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections at once when the configuration sets no limit.
const MAX_CONNECTIONS: usize = 64;

/// What the program answers to its console.
pub trait Console {
    /// The settings of the running configuration; `None` closes every new connection.
    fn settings(&self) -> Option<ConsoleSettings>;

    /// Carries out one command. The other tasks of this thread wait meanwhile.
    fn evaluate(&self, command: &str) -> Answer;
}

/// Serves until dropped; then open connections end too.
pub(crate) async fn serve(listener: TcpListener, console: Rc<dyn Console>) {
    let open = |accepted: Accepted| {
        let settings = console.settings().ok_or("it is not configured")?;
        accepted.admit(&settings.acl, settings.max_connections, MAX_CONNECTIONS)?;
        Ok(converse(accepted.stream, settings, Rc::clone(&console)))
    };
    accept(listener, "console", open).await;
}

async fn converse(
    mut stream: TcpStream,
    settings: ConsoleSettings,
    console: Rc<dyn Console>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let key = settings.key.map(|key| Key::from_base64(key.reveal()));
    let key = key.transpose().map_err(io::Error::other)?;
    let mut salt = [0; 8];
    weir_linux::random::fill(&mut salt)?;
    talk(&mut stream, key.as_ref(), salt, console.as_ref()).await
}

/// The conversation over any byte stream.
async fn talk<S>(stream: &mut S, key: Option<&Key>, salt: [u8; 8], console: &dyn Console) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = async {
        let mut channel = greet(stream, key, salt).await?;
        let first = receive(stream, &mut channel).await?;
        io::Result::Ok((channel, first))
    };
    let (mut channel, mut next) = timeout(HELLO_TIMEOUT, greeting).await??;
    while let Some(command) = next {
        let command = String::from_utf8_lossy(&command);
        let answer = if command.trim().is_empty() {
            Ok(String::new())
        } else {
            console.evaluate(&command)
        };
        let frame = channel.frame(&encode_answer(&answer)).map_err(io::Error::other)?;
        timeout(TRANSFER_TIMEOUT, stream.write_all(&frame)).await??;
        next = receive(stream, &mut channel).await?;
    }
    Ok(())
}

async fn greet<S>(stream: &mut S, key: Option<&Key>, salt: [u8; 8]) -> io::Result<Channel>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mine = Hello::new(key, salt);
    stream.write_all(&mine.to_bytes()).await?;
    let mut peers = [0; Hello::LEN];
    stream.read_exact(&mut peers).await?;
    let peers = Hello::from_bytes(&peers).map_err(io::Error::other)?;
    Channel::new(Side::Server, key, mine, peers).map_err(io::Error::other)
}

/// The next command; `None` when the client has closed the connection between two.
async fn receive<S>(stream: &mut S, channel: &mut Channel) -> io::Result<Option<Vec<u8>>>
where
    S: AsyncRead + Unpin,
{
    let mut prefix = [0; PREFIX_LEN];
    // A person may think as long as he likes; a frame that has begun must end.
    if stream.read(prefix.split_at_mut(1).0).await? == 0 {
        return Ok(None);
    }
    let rest = async {
        stream.read_exact(prefix.split_at_mut(1).1).await?;
        let length = channel.body_len(prefix).map_err(io::Error::other)?;
        // Memory is taken as bytes arrive, not as the peer announces them.
        let mut body = Vec::new();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        (&mut *stream).take(limit).read_to_end(&mut body).await?;
        if body.len() == length {
            Ok(body)
        } else {
            Err(io::Error::from(io::ErrorKind::UnexpectedEof))
        }
    };
    let body = timeout(TRANSFER_TIMEOUT, rest).await??;
    channel.content(body).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
