//! What the guard withdraws when its ward dies, as it travels between the two.
//!
//! One packet holds a whole will and replaces the one before it; an empty will is a will. The ward also sends
//! heartbeats, and a farewell when it ends in good order.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a ward tells its guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vip) enum Word {
    /// It lives.
    Heartbeat,
    /// What to do when it no longer does.
    Will(Will),
    /// It ends, and has withdrawn everything itself.
    Done,
}

/// What is to be undone, in this order: addresses, then adverts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vip) struct Will {
    /// A ward that is silent for longer than this is taken to be dead.
    pub(in crate::vip) patience: Duration,
    /// The addresses on this node's interfaces.
    pub(in crate::vip) addresses: Vec<Held>,
    /// The adverts of priority 0 that let the next master take over at once.
    pub(in crate::vip) farewells: Vec<Farewell>,
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vip) struct Held {
    pub(in crate::vip) interface: u32,
    pub(in crate::vip) address: IpAddr,
    pub(in crate::vip) prefix: u8,
}

/// An advert ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vip) struct Farewell {
    pub(in crate::vip) interface: String,
    pub(in crate::vip) source: IpAddr,
    pub(in crate::vip) destination: IpAddr,
    pub(in crate::vip) hops: u8,
    pub(in crate::vip) message: Vec<u8>,
}

impl Word {
    /// The packet.
    pub(in crate::vip) fn encode(&self) -> Vec<u8> {
        // Plain data without maps: writing it to memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What a packet says; `None` for what no ward sends.
    pub(in crate::vip) fn decode(packet: &[u8]) -> Option<Self> {
        serde_json::from_slice(packet).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_arrives_as_it_was_sent() {
        let will = Will {
            patience: Duration::from_millis(722),
            addresses: vec![Held {
                interface: 2,
                address: "fd10::160".parse().unwrap(),
                prefix: 128,
            }],
            farewells: vec![Farewell {
                interface: "eth0".to_owned(),
                source: "10.10.2.161".parse().unwrap(),
                destination: "224.0.0.18".parse().unwrap(),
                hops: 255,
                message: vec![0x31, 0x33],
            }],
        };
        for word in [Word::Heartbeat, Word::Will(will), Word::Done] {
            assert_eq!(Word::decode(&word.encode()), Some(word));
        }
    }

    #[test]
    fn what_no_ward_sends_is_no_word() {
        assert_eq!(Word::decode(b""), None);
        assert_eq!(Word::decode(b"{\"Will\":7}"), None);
    }
}
