//! The listening sockets of all workers: opened before privileges are dropped, kept over reloads as far as the
//! configuration keeps their addresses.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use weir_config::Listen;
use weir_linux::{tcp, udp};
use weir_policy::Transport;

use super::site::{Change, ListenNumber, Site};

/// What the workers serve now.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    served: Vec<Served>,
    opened: ListenNumber,
}

/// One address of the configuration.
#[derive(Debug)]
struct Served {
    listen: Listen,
    number: ListenNumber,
    /// With the port that the kernel picked, if it was asked to.
    local: SocketAddr,
}

/// The sockets of a new address, one of each kind per worker.
struct Opened {
    served: Served,
    sockets: Vec<(udp::Listener, tcp::Listener)>,
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub(crate) struct Unavailable {
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, error } = self;
        write!(f, "Cannot listen on {address}: {error}")?;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    ". Another program holds it (`ss -lunp 'sport = :{}'` shows which)",
                    address.port()
                )
            }
            io::ErrorKind::AddrNotAvailable => f.write_str(
                ". No interface has this address; listen on 0.0.0.0 to serve addresses that come and go",
            ),
            io::ErrorKind::PermissionDenied => {
                f.write_str(". Ports below 1024 need root or CAP_NET_BIND_SERVICE")
            }
            _ => Ok(()),
        }
    }
}

impl Listeners {
    /// Brings what `workers` workers serve in line with `wanted`. Addresses that stay keep their sockets; all new
    /// ones are opened before anything changes.
    ///
    /// # Errors
    /// The first address that cannot be listened on; nothing has changed then.
    pub(crate) fn follow(
        &mut self,
        wanted: &[Listen],
        site: &Site,
        workers: usize,
    ) -> Result<(), Unavailable> {
        let is_served = |listen: &&Listen| !self.served.iter().any(|served| served.listen == **listen);
        let new = wanted.iter().filter(is_served);
        let opened: Vec<Opened> = new
            .zip(self.opened + 1..)
            .map(|(listen, number)| open(listen, number, workers))
            .collect::<Result<_, _>>()?;
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.served)
            .into_iter()
            .partition(|served| wanted.contains(&served.listen));
        self.served = kept;
        for served in gone {
            for worker in 0..workers {
                site.leave(worker, Change::Close(served.number));
            }
        }
        for Opened { served, sockets } in opened {
            let number = served.number;
            self.opened = number;
            let open = Arc::new(AtomicU32::new(0));
            for (worker, (udp, tcp)) in sockets.into_iter().enumerate() {
                let (max_in_flight, max_connections) =
                    (served.listen.max_in_flight, served.listen.max_tcp_connections);
                let counters = site.frontend(served.local, Transport::Udp, worker);
                site.leave(
                    worker,
                    Change::OpenUdp {
                        number,
                        listener: udp,
                        counters,
                    },
                );
                let counters = site.frontend(served.local, Transport::Tcp, worker);
                site.leave(
                    worker,
                    Change::OpenTcp {
                        number,
                        listener: tcp,
                        counters,
                        max_in_flight,
                        max_connections,
                        open: Arc::clone(&open),
                    },
                );
            }
            tracing::info!("Listening on {}", served.local);
            self.served.push(served);
        }
        Ok(())
    }
}

/// Opens one socket of each kind per worker. Port 0 becomes the same port for all.
fn open(listen: &Listen, number: ListenNumber, workers: usize) -> Result<Opened, Unavailable> {
    let mut local = listen.address;
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let pair = open_pair(listen, local).map_err(|error| Unavailable {
            address: local,
            error,
        })?;
        local = pair.0.local_address();
        sockets.push(pair);
    }
    Ok(Opened {
        served: Served {
            listen: listen.clone(),
            number,
            local,
        },
        sockets,
    })
}

fn open_pair(listen: &Listen, address: SocketAddr) -> io::Result<(udp::Listener, tcp::Listener)> {
    let mut options = udp::ListenerOptions::new(address);
    options.interface.clone_from(&listen.interface);
    let udp = udp::Listener::bind(&options)?;
    let mut options = tcp::ListenerOptions::new(udp.local_address());
    options.interface.clone_from(&listen.interface);
    options.fast_open_queue = listen.tcp_fast_open;
    if let Some(backlog) = listen.tcp_backlog {
        options.backlog = backlog;
    }
    Ok((udp, tcp::Listener::bind(&options)?))
}
