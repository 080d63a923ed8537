//! Telling the service supervisor how we are (`sd_notify`, the protocol of `systemd.service(5)` `Type=notify`).
//!
//! The socket's path is an argument: the caller reads `NOTIFY_SOCKET` from its environment, once.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::clock;

/// What the supervisor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Started, or done reloading: serving.
    Ready,
    /// Reloading the configuration; [`State::Ready`] must follow (`Type=notify-reload`).
    Reloading,
    /// Shutting down.
    Stopping,
    /// Still alive, to be said more often than `WatchdogSec=`.
    Watchdog,
}

/// Sends `state` to the supervisor's socket at `path`. A path that begins with `@` names an abstract socket.
///
/// # Errors
/// Nobody listens there, or its queue is full. The service runs on in either case; log it.
pub fn notify(path: &OsStr, state: State) -> io::Result<()> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let message = match state {
        State::Ready => "READY=1".to_owned(),
        State::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic_ns() / 1_000),
        State::Stopping => "STOPPING=1".to_owned(),
        State::Watchdog => "WATCHDOG=1".to_owned(),
    };
    socket.send_to_addr(message.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn an_abstract_socket_hears_every_state() {
        let name = format!("weir-notify-test-{}", std::process::id());
        let supervisor = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let path = format!("@{name}");
        for (state, expected) in [
            (State::Ready, "READY=1"),
            (State::Stopping, "STOPPING=1"),
            (State::Watchdog, "WATCHDOG=1"),
        ] {
            notify(OsStr::new(&path), state).unwrap();
            assert_eq!(receive(&supervisor), expected);
        }
        let before = clock::monotonic_ns() / 1_000;
        notify(OsStr::new(&path), State::Reloading).unwrap();
        let heard = receive(&supervisor);
        let stamp: u64 = heard
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .unwrap()
            .parse()
            .unwrap();
        assert!((before..=clock::monotonic_ns() / 1_000).contains(&stamp));
    }

    #[test]
    fn a_socket_in_the_file_system_hears_too_and_a_missing_one_is_an_error() {
        let path = PathBuf::from(format!(
            "{}/weir-notify-{}",
            std::env::temp_dir().display(),
            std::process::id()
        ));
        assert!(notify(path.as_os_str(), State::Ready).is_err());
        let supervisor = UnixDatagram::bind(&path).unwrap();
        notify(path.as_os_str(), State::Ready).unwrap();
        assert_eq!(receive(&supervisor), "READY=1");
        std::fs::remove_file(&path).unwrap();
    }
}
