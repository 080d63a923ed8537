//! The questions, one per file. A question looks (at the network, at the kernel) and then judges what it saw; the judging
//! is pure. Adding one is a file, its `mod` and its row.

mod answers;
mod clock;
mod holder;
mod interfaces;
mod listeners;
mod mtu;
mod vrrp;

use super::finding::Finding;
use super::surroundings::Surroundings;

pub(super) use vrrp::time as time_to_listen;

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// Its name in reports; never changes.
    pub(super) name: &'static str,
    /// Looks, and judges. Nothing comes of it where it makes no sense: on a client, say.
    pub(super) ask: fn(&Surroundings) -> Vec<Finding>,
}

/// Every question, from what clients notice down to what may be the reason.
pub(super) static QUESTIONS: &[Question] = &[
    Question {
        name: "answers",
        ask: answers::ask,
    },
    Question {
        name: "listeners",
        ask: listeners::ask,
    },
    Question {
        name: "holder",
        ask: holder::ask,
    },
    Question {
        name: "vrrp",
        ask: vrrp::ask,
    },
    Question {
        name: "interfaces",
        ask: interfaces::ask,
    },
    Question {
        name: "mtu",
        ask: mtu::ask,
    },
    Question {
        name: "clock",
        ask: clock::ask,
    },
];
