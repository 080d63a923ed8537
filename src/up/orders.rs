//! What operators order of one role (`weir stop`, `weir start`), and who waits for it to be done.

use std::time::Duration;

use weir_config::site::RoleName;
use weir_wire::Timestamp;

use super::supervision::{State, Ward};
use crate::status_socket::Caller;

/// How long whoever gave an order waits: as long as a server needs to write its journals, and to be killed.
const TIMEOUT: Duration = Duration::from_secs(13);

/// What is to become of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Stop,
    Start,
}

/// An order that somebody waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) caller: Caller,
    pub(super) until: Timestamp,
    pub(super) role: RoleName,
    order: Order,
}

impl Pending {
    pub(super) fn new(caller: Caller, role: RoleName, order: Order, now: Timestamp) -> Self {
        Self {
            caller,
            until: now + TIMEOUT,
            role,
            order,
        }
    }

    /// What to tell the caller; `None` while there is nothing to tell yet.
    pub(super) fn outcome(&self, ward: Option<&Ward>, now: Timestamp) -> Option<String> {
        let role = self.role;
        match (self.order, ward.map(|ward| ward.state)) {
            (Order::Stop, Some(State::Stopped) | None) => Some(format!("{role}: stopped\n")),
            (Order::Start, Some(State::Up { .. })) => Some(format!("{role}: up\n")),
            (Order::Start, Some(State::Resting { .. })) => {
                let why = ward.and_then(|ward| ward.reason.as_deref()).unwrap_or_default();
                Some(format!("error: {role}: {why}; it is tried again\n"))
            }
            (Order::Start, Some(State::Stopped) | None) => {
                Some(format!("error: {role}: was stopped meanwhile\n"))
            }
            (order, _) if self.until <= now => Some(match order {
                Order::Stop => format!("error: {role}: does not end\n"),
                Order::Start => format!("error: {role}: does not answer yet; it goes on starting\n"),
            }),
            (
                Order::Stop | Order::Start,
                Some(
                    State::Waiting
                    | State::Starting { .. }
                    | State::Up { .. }
                    | State::Resting { .. }
                    | State::Ending { .. },
                ),
            ) => None,
        }
    }
}

/// Why an order for a role that the node does not have is refused.
pub(super) fn refusal(role: RoleName, wards: &[Ward]) -> String {
    let known: Vec<String> = wards.iter().map(|ward| ward.role.to_string()).collect();
    format!(
        "error: this node does not have the role {role}; it has {}\n",
        known.join(", ")
    )
}
