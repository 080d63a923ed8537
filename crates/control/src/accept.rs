//! Accepting connections: the part that console and web server have in common.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use weir_policy::NetmaskGroup;

/// How long to wait when the process is out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that was accepted, before anything is read from it.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) client: SocketAddr,
    /// Connections open besides this one.
    pub(crate) others: usize,
}

impl Accepted {
    /// Whether the client may connect; `max` connections at once, 0 is no limit of the configuration and leaves
    /// it to `ceiling`.
    pub(crate) fn admit(&self, acl: &NetmaskGroup, max: u32, ceiling: usize) -> Result<(), &'static str> {
        let limit = usize::try_from(max)
            .ok()
            .filter(|max| *max > 0)
            .unwrap_or(ceiling);
        if !acl.contains(self.client.ip().to_canonical()) {
            Err("the access list does not allow it")
        } else if self.others >= limit {
            Err("there are too many")
        } else {
            Ok(())
        }
    }
}

/// Accepts until dropped, which ends what it has accepted too. `open` refuses a connection or gives the future
/// that serves it; `what` names the server in the journal.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    what: &'static str,
    mut open: impl FnMut(Accepted) -> Result<F, &'static str>,
) where
    F: Future<Output = io::Result<()>> + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "control", %error, "The {what} cannot accept a connection: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        match open(Accepted {
            stream,
            client,
            others: connections.len(),
        }) {
            Err(reason) => {
                tracing::warn!(target: "control", %client, reason,
                    "Connection to the {what} from {client} refused: {reason}");
            }
            Ok(serving) => {
                connections.spawn_local(async move {
                    if let Err(error) = serving.await {
                        tracing::warn!(target: "control", %client, %error,
                            "Connection to the {what} from {client} ended: {error}");
                    }
                });
            }
        }
    }
}
