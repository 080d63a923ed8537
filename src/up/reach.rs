//! Running `weir status --json` on another node, over whatever leads there.
//!
//! What comes back is another machine's word: it is read up to a length and for a time, and no further.

use std::fmt;
use std::io::{self, Read};
use std::net::{IpAddr, Shutdown};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_linux::child::{Child, Ending, Launch, spawn};
use weir_linux::poll::{Events, Interest, Poller};
use weir_wire::Timestamp;

use crate::clock::now;

/// How commands get to a node unless the command line says otherwise.
pub(super) const SSH: &str = "ssh -o BatchMode=yes -o ConnectTimeout=3 {address}";
/// How long a node may take for its answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer; a node with every role gives one of 2 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How much of what goes wrong is read.
const MAX_COMPLAINT_BYTES: usize = 4096;
/// How much of it is shown.
const MAX_SHOWN_CHARS: usize = 120;

/// What leads to a node: a command in front of the one that is to run there.
#[derive(Clone, Debug)]
pub(super) struct Way(Vec<String>);

/// Why a node gave no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// There is no such program here.
    Unstarted(String, io::Error),
    /// Nothing has come in time.
    TimedOut,
    /// The command failed, and this is what it said.
    Failed(String),
    /// It said more than any node would.
    TooLong,
    /// It is no answer of a `weir up`: this is wrong with it.
    Unreadable(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstarted(program, error) => write!(f, "{program}: {error}"),
            Self::TimedOut => write!(f, "no answer in {} s", TIMEOUT.as_secs()),
            Self::Failed(why) => f.write_str(why),
            Self::TooLong => write!(f, "an answer of more than {} KiB", MAX_ANSWER_BYTES / 1024),
            Self::Unreadable(why) => write!(f, "no answer of a weir up: {why}"),
        }
    }
}

impl Way {
    /// The way whose words are these, with `{node}` and `{address}` where the node's are to stand. No shell reads them.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err("a command is wanted".to_owned());
        }
        Ok(Self(words))
    }

    /// What the node says.
    ///
    /// # Errors
    /// See [`Silence`].
    pub(super) fn ask(&self, node: &str, address: IpAddr) -> Result<Vec<u8>, Silence> {
        let address = address.to_string();
        let words = self.0.iter();
        let words = words.map(|word| word.replace("{node}", node).replace("{address}", &address));
        let words: Vec<String> = words.collect();
        let (program, arguments) = words
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (first, rest));
        let mut command = Command::new(program);
        command.args(arguments).args(["weir", "status", "--json"]);
        run(command).map_err(|failure| match failure {
            Failure::Other(silence) => silence,
            Failure::System(error) => Silence::Unstarted(program.to_owned(), error),
        })
    }
}

enum Failure {
    System(io::Error),
    Other(Silence),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Runs a command to its end, or to the end of our patience.
fn run(mut command: Command) -> Result<Vec<u8>, Failure> {
    let deadline = now() + TIMEOUT;
    // Sockets, not pipes: reading from them can be given a time.
    let (mut output, far_output) = UnixStream::pair()?;
    let (mut complaints, far_complaints) = UnixStream::pair()?;
    command
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(far_output))
        .stderr(OwnedFd::from(far_complaints));
    let launch = Launch {
        with_parent: Some(Ending::Force),
        ..Launch::default()
    };
    // The command, which goes with this call, has the only other copies of the far ends.
    let mut child = spawn(command, &launch)?;
    let answer = read(&mut output, MAX_ANSWER_BYTES, deadline);
    let complaint = read(&mut complaints, MAX_COMPLAINT_BYTES, deadline);
    let is_success = wait(&mut child, deadline);
    // What it has started goes with it, and what it still wants to say nobody reads.
    let _ = (child.end(Ending::Force), output.shutdown(Shutdown::Both));
    match (answer?, is_success?) {
        (Said::All(answer), Some(true)) => Ok(answer),
        (Said::TooMuch, _) => Err(Failure::Other(Silence::TooLong)),
        (Said::All(_), Some(false)) => Err(Failure::Other(Silence::Failed(shown(&complaint?)))),
        (Said::Late, _) | (Said::All(_), None) => Err(Failure::Other(Silence::TimedOut)),
    }
}

/// What was read.
enum Said {
    All(Vec<u8>),
    TooMuch,
    Late,
}

/// Reads to the end, to a length or to a time.
fn read(stream: &mut UnixStream, most: usize, deadline: Timestamp) -> io::Result<Said> {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.since(now());
        if left.is_zero() {
            return Ok(Said::Late);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(Said::All(said)),
            Ok(length) if said.len() + length > most => return Ok(Said::TooMuch),
            Ok(length) => said.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Said::Late),
            Err(error) => return Err(error),
        }
    }
}

/// Whether it has ended well; `None` when it has not ended, and is killed.
fn wait(child: &mut Child, deadline: Timestamp) -> io::Result<Option<bool>> {
    let poller = Poller::new()?;
    poller.add(&*child, 0, Interest::Read)?;
    poller.wait(&mut Events::new(1), Some(deadline.since(now())))?;
    if let Some(status) = child.try_wait()? {
        return Ok(Some(status.success()));
    }
    child.end(Ending::Force)?;
    poller.wait(&mut Events::new(1), Some(TIMEOUT))?;
    child.try_wait()?;
    Ok(None)
}

/// The first line of a complaint, without what a terminal would obey.
fn shown(complaint: &Said) -> String {
    let text = match complaint {
        Said::All(text) => String::from_utf8_lossy(text),
        Said::TooMuch | Said::Late => "it failed, and said much".into(),
    };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or("it failed without a word");
    let plain = line.chars().filter(|letter| !letter.is_control());
    plain.take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use weir_lab::Scratch;

    use super::*;

    /// What comes of a way that is a shell script.
    fn ask(script: &str) -> Result<String, String> {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::create().unwrap();
        let file = scratch.write("way", &format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let way = Way::parse(&format!("{} {{node}} -h {{address}}", file.display())).unwrap();
        let answer = way.ask("dd1", "192.0.2.1".parse().unwrap());
        let text = answer.map(|bytes| String::from_utf8(bytes).unwrap());
        text.map_err(|silence| silence.to_string())
    }

    #[test]
    fn the_words_of_a_way_are_the_nodes_and_the_command() {
        assert_eq!(
            ask("echo \"$# $*\""),
            Ok("6 dd1 -h 192.0.2.1 weir status --json\n".to_owned())
        );
        assert!(Way::parse("  ").is_err());
    }

    #[test]
    fn each_kind_of_silence_has_its_reason() {
        assert_eq!(
            ask("echo; printf '\\033[2Jno route\\nmore' >&2; exit 3"),
            Err("[2Jno route".to_owned())
        );
        assert_eq!(ask("exit 1"), Err("it failed without a word".to_owned()));
        assert_eq!(
            ask("head -c 100000 /dev/zero"),
            Err("an answer of more than 64 KiB".to_owned())
        );
        let way = Way::parse("/nonexistent/ssh").unwrap();
        let silence = way.ask("dd1", "192.0.2.1".parse().unwrap()).unwrap_err();
        assert!(matches!(silence, Silence::Unstarted(..)), "{silence}");
    }
}
