//! One role's process: started, asked until it answers, told what to do.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_config::site::RoleName;
use weir_linux::child::{Child, Ending, Launch, spawn};
use weir_linux::poll::{Interest, Poller};
use weir_wire::Timestamp;

use super::driver::{Kind, token};
use super::programs::Readiness;
use super::shares::{Share, give};
use super::{Options, leftovers};
use crate::{question, succession};

/// How often a server is asked whether it answers.
const ASK: Duration = Duration::from_millis(50);
/// Notifications are no longer, and replies are looked at up to here.
const MESSAGE_LEN: usize = 512;
/// What `weir up` was told by its own supervisor is not for those that it starts.
const OURS: [&str; 5] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_PID",
];

/// Whether a process has its role, or is to take it over from the one that has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Holder,
    Heir,
}

/// A process that runs.
pub(super) struct Process {
    child: Child,
    sign: Option<Sign>,
}

/// What is waited for to know that it serves.
enum Sign {
    Notice(Notice),
    Answer {
        socket: UdpSocket,
        address: SocketAddr,
        id: u16,
        ask: Timestamp,
    },
}

/// A socket in the file system for a program's own word.
struct Notice {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Drop for Notice {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Process {
    /// Starts a role's program.
    ///
    /// # Errors
    /// There is no such program, or no room for it.
    pub(super) fn start(
        options: &Options,
        share: &Share,
        now: Timestamp,
        poller: &Poller,
    ) -> io::Result<Self> {
        Self::launch(options, share, Standing::Holder, (now, poller))
    }

    /// Starts one that is to take over from the one that has the role.
    ///
    /// # Errors
    /// There is no such program, or no room for it.
    pub(super) fn start_beside(
        options: &Options,
        share: &Share,
        now: Timestamp,
        poller: &Poller,
    ) -> io::Result<Self> {
        Self::launch(options, share, Standing::Heir, (now, poller))
    }

    /// Goes on with a process that the program before has left.
    ///
    /// # Errors
    /// There is none with this number.
    pub(super) fn adopt(pid: u32, role: RoleName, poller: &Poller) -> io::Result<Self> {
        let child = Child::adopt(pid)?;
        poller.add(&child, token(Kind::Child, role), Interest::Read)?;
        Ok(Self { child, sign: None })
    }

    fn launch(
        options: &Options,
        share: &Share,
        standing: Standing,
        (now, poller): (Timestamp, &Poller),
    ) -> io::Result<Self> {
        let (ends, says) = match standing {
            Standing::Holder => (Kind::Child, Kind::Sign),
            Standing::Heir => (Kind::Heir, Kind::HeirSign),
        };
        let more = match standing {
            Standing::Holder => None,
            Standing::Heir => Some(succession::FLAG),
        };
        let (program, arguments) = share.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments).args(more).stdin(Stdio::null());
        for name in OURS {
            command.env_remove(name);
        }
        command.env("CREDENTIALS_DIRECTORY", options.folder(share.role));
        let sign = match share.program.readiness() {
            Readiness::Notifies => {
                let token = token(says, share.role);
                Some(notice(options, share, &mut command, (now, token, poller))?)
            }
            Readiness::Answers => share
                .address
                .map(|address| answer(share.role, address, now, poller))
                .transpose()?,
            Readiness::Runs => None,
        };
        let launch = Launch {
            // Whoever starts us again would start a second one beside it.
            with_parent: Some(Ending::Ask),
            at_most: options.is_root.then(|| share.program.capabilities()),
            ..Launch::default()
        };
        let child = spawn(command, &launch)
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        poller.add(&child, token(ends, share.role), Interest::Read)?;
        if let Err(error) = leftovers::remember(options, share.role, child.id()) {
            tracing::warn!("{}: its number cannot be noted: {error}", share.role);
        }
        Ok(Self { child, sign })
    }

    /// Has its end told as that of another kind of process.
    pub(super) fn watch(&self, kind: Kind, role: RoleName, poller: &Poller) -> io::Result<()> {
        poller.modify(&self.child, token(kind, role), Interest::Read)
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether nothing more is waited for to know that it serves.
    pub(super) const fn is_ready(&self) -> bool {
        self.sign.is_none()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Tells it to end, or ends it.
    pub(super) fn end(&self, how: Ending) -> io::Result<()> {
        self.child.end(how)
    }

    /// Tells it to read its configuration again.
    pub(super) fn hang_up(&self) -> io::Result<()> {
        self.child.hang_up()
    }

    /// Asks whether it answers, when it is time.
    pub(super) fn on_deadline(&mut self, now: Timestamp) {
        if let Some(Sign::Answer {
            socket,
            address,
            id,
            ask,
        }) = &mut self.sign
            && *ask <= now
        {
            // Where there is no way to it yet, there may be one next time.
            let _ = socket.send_to(&question::about_itself(*id), *address);
            *ask = now + ASK;
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) const fn next_deadline(&self) -> Option<Timestamp> {
        match &self.sign {
            Some(Sign::Answer { ask, .. }) => Some(*ask),
            Some(Sign::Notice(_)) | None => None,
        }
    }

    /// Reads what has come.
    pub(super) fn on_sign(&mut self) {
        let mut buffer = [0; MESSAGE_LEN];
        let is_ready = match &self.sign {
            None => return,
            Some(Sign::Notice(notice)) => notice.socket.recv(&mut buffer).is_ok_and(|length| {
                let text = buffer.get(..length).unwrap_or_default();
                text.split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
            }),
            Some(Sign::Answer {
                socket, address, id, ..
            }) => socket.recv_from(&mut buffer).is_ok_and(|(length, from)| {
                let reply = buffer.get(..length).unwrap_or_default();
                from == *address && question::answer(reply, *id).is_some()
            }),
        };
        if is_ready {
            // Closing takes the descriptor out of the poller's set. What is said from now on, nobody needs to hear.
            self.sign = None;
        }
    }
}

/// A socket for the program's own word, in a folder where it cannot exchange it for another file. Each process has one of
/// its own: what one says that leaves is not taken for the word of the one that comes.
fn notice(
    options: &Options,
    share: &Share,
    command: &mut Command,
    (now, token, poller): (Timestamp, u64, &Poller),
) -> io::Result<Sign> {
    let name = format!("{}.{}.notify", share.role, now.as_nanos());
    let path = options.run.join(name);
    let socket = UnixDatagram::bind(&path)?;
    let notice = Notice { socket, path };
    fs::set_permissions(&notice.path, fs::Permissions::from_mode(0o600))?;
    give(&notice.path, share.user.as_ref())?;
    notice.socket.set_nonblocking(true)?;
    poller.add(&notice.socket, token, Interest::Read)?;
    command.env("NOTIFY_SOCKET", &notice.path);
    Ok(Sign::Notice(notice))
}

/// A socket for questions to a server.
fn answer(role: RoleName, address: SocketAddr, now: Timestamp, poller: &Poller) -> io::Result<Sign> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    poller.add(&socket, token(Kind::Sign, role), Interest::Read)?;
    let id = now.as_nanos() as u16;
    Ok(Sign::Answer {
        socket,
        address,
        id,
        ask: now,
    })
}
