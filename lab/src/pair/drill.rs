//! A drill: something happens to a pair, and what clients notice of it is measured.

use std::io;
use std::time::{Duration, Instant};

use super::{Holders, Pair};
use crate::probe::PATIENCE;
use crate::{Outcome, Prober, interrupt, wait_for};

/// So many queries in a row, half a second of them, have to come through the same node before a pair is at rest.
const STEADY: usize = 100;

/// A pair that is asked and watched all the time.
#[derive(Debug)]
pub struct Drill {
    prober: Prober,
    holders: Holders,
    /// What it happens to.
    pub pair: Pair,
}

/// What was seen after a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What became of the queries.
    pub outcome: Outcome,
    /// How often the address came to a node or left one.
    pub moves: usize,
    /// For how long both nodes had it.
    pub both: Duration,
    /// Which nodes had it at the end.
    pub held: [bool; 2],
}

impl Drill {
    /// Begins to ask and to watch.
    pub fn start(pair: Pair) -> io::Result<Self> {
        Ok(Self {
            prober: pair.probe()?,
            holders: pair.watch()?,
            pair,
        })
    }

    /// Waits until exactly these nodes have the address.
    pub fn wait_for_holders(&self, wanted: [bool; 2], limit: Duration) -> io::Result<Duration> {
        wait_for(&format!("the address on the nodes {wanted:?}"), limit, || {
            self.holders.now() == wanted
        })
    }

    /// Waits until this node, and no other, has the address and answers every query.
    pub fn settle(&self, node: usize, limit: Duration) -> io::Result<Duration> {
        let wanted = [node == 0, node == 1];
        let what = format!("LAB-DD{} alone has the address and answers", node + 1);
        wait_for(&what, limit, || {
            self.holders.now() == wanted && self.prober.is_steady(Pair::NODES[node], STEADY)
        })
    }

    /// Lets `fault` happen and measures the queries that are sent from its beginning on, for as long as `window`.
    /// Returns a second later, when the last of them is answered or lost.
    pub fn measure(
        &mut self,
        window: Duration,
        fault: impl FnOnce(&mut Pair) -> io::Result<()>,
    ) -> io::Result<Measured> {
        let from = Instant::now();
        fault(&mut self.pair)?;
        let until = from + window;
        interrupt::sleep(until.saturating_duration_since(Instant::now()))?;
        let held = self.holders.now();
        interrupt::sleep(PATIENCE)?;
        Ok(Measured {
            outcome: self.prober.outcome(from, until),
            moves: self.holders.changes(from, until),
            both: self.holders.both(from, until),
            held,
        })
    }
}
