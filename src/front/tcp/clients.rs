//! What each client may do over TCP: connections at once, new connections per time, and bans.
//!
//! One table for all workers, asked once per connection. A client is a prefix (`setTCPConnectionsMaskV4/V6`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use weir_config::TcpLimits;
use weir_wire::Timestamp;

/// Clients remembered at most. Each either holds a connection or did a moment ago; beyond it, new clients are
/// refused until the old ones are forgotten.
const MAX_CLIENTS: usize = 1 << 20;

/// Clients at which those that nothing is known of any more are first removed; it doubles with what remains.
const FIRST_SWEEP: usize = 1 << 12;

/// All clients with something to remember.
#[derive(Debug, Default)]
pub(crate) struct TcpClients {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    clients: HashMap<IpAddr, Account>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Account {
    open: u32,
    /// When the next connection would be due at exactly the allowed rate (GCRA's theoretical arrival time).
    due: Timestamp,
    banned_until: Timestamp,
}

impl Account {
    /// Whether forgetting it changes nothing.
    fn is_blank(&self, now: Timestamp) -> bool {
        self.open == 0 && self.due <= now && self.banned_until <= now
    }
}

impl TcpClients {
    /// Counts one more connection of `client`, unless a limit speaks against it, and gives the account that it is
    /// counted on, to be given back with [`Self::release`]: a reload may change who shares one.
    pub(crate) fn admit(&self, client: IpAddr, now: Timestamp, limits: &TcpLimits) -> Option<IpAddr> {
        let owner = prefix(client, limits);
        let mut table = self.lock();
        let account = table.account(owner, now)?;
        let most = limits.max_connections_per_client;
        if account.banned_until > now || most > 0 && account.open >= most {
            return None;
        }
        if limits.max_connection_rate_per_client > 0 {
            let interval = limits.connection_rate_interval;
            let per_interval = f64::from(limits.max_connection_rate_per_client) * interval.as_secs_f64();
            let due = account.due.max(now);
            if due.since(now) + interval.div_f64(per_interval.max(1.0)) > interval {
                account.banned_until = now + limits.ban_for_rate;
                return None;
            }
            account.due = due + interval.div_f64(per_interval.max(1.0));
        }
        account.open += 1;
        Some(owner)
    }

    /// Takes back what [`Self::admit`] counted on the account of `owner`.
    pub(crate) fn release(&self, owner: IpAddr) {
        let mut table = self.lock();
        if let Some(account) = table.clients.get_mut(&owner) {
            account.open = account.open.saturating_sub(1);
        }
    }

    /// Refuses the owner's connections until then.
    pub(crate) fn ban(&self, owner: IpAddr, until: Timestamp) {
        let mut table = self.lock();
        if let Some(account) = table.clients.get_mut(&owner) {
            account.banned_until = account.banned_until.max(until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The client's account, opened if there is room.
    fn account(&mut self, client: IpAddr, now: Timestamp) -> Option<&mut Account> {
        if self.clients.len() >= self.sweep_at.max(FIRST_SWEEP) {
            self.clients.retain(|_, account| !account.is_blank(now));
            self.sweep_at = (self.clients.len() * 2).min(MAX_CLIENTS);
        }
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client) {
            return None;
        }
        Some(self.clients.entry(client).or_default())
    }
}

/// The part of an address that makes one client.
fn prefix(address: IpAddr, limits: &TcpLimits) -> IpAddr {
    let (v4, v6) = limits.client_prefix;
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Timestamp = Timestamp::from_secs(1000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_at_once_are_limited_per_client_until_they_close() {
        let clients = TcpClients::default();
        let limits = TcpLimits {
            max_connections_per_client: 2,
            ..TcpLimits::default()
        };
        let [one, two] = ["192.0.2.1", "2001:db8::1"].map(address);
        let admitted: Vec<bool> = (0..3)
            .map(|_| clients.admit(one, START, &limits).is_some())
            .collect();
        assert_eq!(admitted, [true, true, false]);
        assert!(clients.admit(two, START, &limits).is_some());
        clients.release(one);
        assert!(clients.admit(one, START, &limits).is_some());
    }

    #[test]
    fn a_client_is_a_prefix() {
        let clients = TcpClients::default();
        let limits = TcpLimits {
            max_connections_per_client: 1,
            client_prefix: (24, 64),
            ..TcpLimits::default()
        };
        assert!(clients.admit(address("192.0.2.1"), START, &limits).is_some());
        assert!(clients.admit(address("192.0.2.200"), START, &limits).is_none());
        assert!(clients.admit(address("2001:db8::1"), START, &limits).is_some());
        assert!(clients.admit(address("2001:db8::2"), START, &limits).is_none());
        assert_eq!(
            prefix(
                address("192.0.2.1"),
                &TcpLimits {
                    client_prefix: (0, 0),
                    ..limits
                }
            ),
            address("0.0.0.0")
        );
    }

    #[test]
    fn the_rate_is_an_average_and_exceeding_it_bans() {
        let clients = TcpClients::default();
        let limits = TcpLimits {
            max_connection_rate_per_client: 2,
            connection_rate_interval: Duration::from_secs(5),
            ban_for_rate: Duration::from_secs(10),
            ..TcpLimits::default()
        };
        let client = address("192.0.2.1");
        assert_eq!(
            (0..20)
                .filter(|_| clients.admit(client, START, &limits).is_some())
                .count(),
            10
        );
        assert!(
            clients
                .admit(client, START + Duration::from_secs(9), &limits)
                .is_none(),
            "banned"
        );
        assert!(
            clients
                .admit(client, START + Duration::from_secs(11), &limits)
                .is_some()
        );
    }

    #[test]
    fn clients_of_whom_nothing_is_left_are_forgotten() {
        let clients = TcpClients::default();
        let limits = TcpLimits::default();
        for number in 0..20_000u32 {
            let client = IpAddr::from(Ipv4Addr::from_bits(number));
            assert!(clients.admit(client, START, &limits).is_some());
            clients.release(client);
        }
        assert!(clients.lock().clients.len() <= 2 * FIRST_SWEEP);
    }
}
