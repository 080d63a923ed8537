//! What happens to a pair, and what is done about it.

use std::io;
use std::time::Duration;

use weir_lab::interrupt;
use weir_lab::pair::{Pair, Protocol};

/// Two ends of a network are never mended at the very same moment.
const APART: Duration = Duration::from_millis(30);
/// One advert interval of the blueprint and more: the node that hears first has long stopped to speak.
const FAR_APART: Duration = Duration::from_millis(2500);

/// A fault and the return from it.
pub(crate) struct Scenario {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// Whether keepalived cannot do it.
    pub(crate) is_only_for_weir: bool,
    /// What happens, then what is done about it.
    pub(crate) steps: [Step; 2],
}

/// One line of the table.
pub(crate) struct Step {
    /// What happens.
    pub(crate) about: &'static str,
    /// How long to look.
    pub(crate) span: Span,
    /// Lets it happen.
    pub(crate) act: fn(&mut Pair, &mut Random) -> io::Result<()>,
}

/// How long to look at what clients notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Until the address has moved, as long as the protocol may take for that.
    Move,
    /// Eight seconds: several intervals of everything.
    Long,
}

impl Span {
    /// Version 2 waits 3.6 s for a silent master, and as long before it takes the address back.
    pub(crate) fn window(self, protocol: Protocol) -> Duration {
        match (self, protocol) {
            (Self::Move, Protocol::V2) => Duration::from_secs(5),
            (Self::Move, Protocol::V3 | Protocol::V3Ipv6) => Duration::from_secs(3),
            (Self::Long, _) => Duration::from_secs(8),
        }
    }
}

impl Scenario {
    /// How long it takes at most, when the pair recovers.
    pub(crate) fn duration(&self) -> Duration {
        // A second until the last query is lost or not, and half of one at rest.
        let steps = self
            .steps
            .iter()
            .map(|step| step.span.window(Protocol::V2) + Duration::from_secs(1));
        steps.sum::<Duration>() + Duration::from_millis(500)
    }
}

const fn step(about: &'static str, span: Span, act: fn(&mut Pair, &mut Random) -> io::Result<()>) -> Step {
    Step { about, span, act }
}

const fn scenario(name: &'static str, steps: [Step; 2]) -> Scenario {
    Scenario {
        name,
        is_only_for_weir: false,
        steps,
    }
}

/// All of them, in the order of the table. The first node has the address when one begins.
pub(crate) const SCENARIOS: [Scenario; 12] = [
    scenario(
        "front-killed",
        [
            step("front end SIGKILLed", Span::Move, |pair, _| pair.front(0)?.kill()),
            step("front end started", Span::Move, |pair, _| pair.start_front(0)),
        ],
    ),
    scenario(
        "front-hung",
        [
            step("front end SIGSTOPped", Span::Move, |pair, _| {
                pair.front(0)?.pause()
            }),
            step("front end continued", Span::Move, |pair, _| {
                pair.front(0)?.resume()
            }),
        ],
    ),
    scenario(
        "vip-terminated",
        [
            step("vip SIGTERMed", Span::Move, |pair, _| pair.terminate_vip(0)),
            step("vip started after it", Span::Move, |pair, _| {
                pair.wait_for_vip(0)?;
                pair.start_vip(0)
            }),
        ],
    ),
    scenario(
        "vip-killed",
        [
            step("vip SIGKILLed, all descendants", Span::Long, |pair, _| {
                pair.vip(0)?.kill_family()
            }),
            step("vip started after that", Span::Move, |pair, _| pair.start_vip(0)),
        ],
    ),
    scenario(
        "vip-parent-killed",
        [
            step("vip SIGKILLed, its parent", Span::Move, |pair, _| {
                pair.vip(0)?.kill()
            }),
            step("vip started after its parent", Span::Move, |pair, _| {
                pair.start_vip(0)
            }),
        ],
    ),
    Scenario {
        name: "vip-and-guard-killed",
        is_only_for_weir: true,
        steps: [
            step("vip and its guard SIGKILLed", Span::Long, |pair, _| {
                pair.kill_vip_and_guard(0)
            }),
            step("vip started after both", Span::Move, |pair, _| pair.start_vip(0)),
        ],
    },
    scenario(
        "link-down",
        [
            step("link down", Span::Move, |pair, _| pair.unplug(0)),
            step("link up", Span::Move, |pair, _| pair.plug(0)),
        ],
    ),
    scenario(
        "power-off",
        [
            step("power off (nobody hears it)", Span::Move, |pair, _| {
                pair.power_off(0)
            }),
            step("power on", Span::Move, |pair, _| pair.power_on(0)),
        ],
    ),
    scenario(
        "partition",
        [
            step("partition", Span::Long, |pair, _| deafen_both(pair)),
            step("heal, within 30 ms", Span::Long, heal_at_random),
        ],
    ),
    scenario(
        "partition-late",
        [
            step("partition, again", Span::Long, |pair, _| deafen_both(pair)),
            step("heal, backup hears 2.5 s before", Span::Long, |pair, _| {
                pair.hear(1)?;
                interrupt::sleep(FAR_APART)?;
                pair.hear(0)
            }),
        ],
    ),
    scenario(
        "one-way",
        [
            step("backup deaf to master", Span::Long, |pair, _| pair.deafen(1)),
            step("backup hears again", Span::Long, |pair, _| pair.hear(1)),
        ],
    ),
    Scenario {
        name: "handover",
        is_only_for_weir: true,
        steps: [
            step("planned handover", Span::Long, |pair, _| {
                pair.order_vip(0, "handover")
            }),
            step("resume after it", Span::Long, |pair, _| {
                pair.order_vip(0, "resume")
            }),
        ],
    },
];

fn deafen_both(pair: &mut Pair) -> io::Result<()> {
    pair.deafen(0)?;
    pair.deafen(1)
}

fn heal_at_random(pair: &mut Pair, random: &mut Random) -> io::Result<()> {
    let first = usize::from(random.next() & 1 == 0);
    pair.hear(first)?;
    interrupt::sleep(random.up_to(APART))?;
    pair.hear(1 - first)
}

/// Random numbers that a seed repeats (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Those of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Any duration below `limit`.
    pub(crate) fn up_to(&mut self, limit: Duration) -> Duration {
        limit.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_moments_and_they_are_spread() {
        let moments = |seed| {
            let mut random = Random::new(seed);
            (0..1000)
                .map(|_| random.up_to(Duration::from_secs(2)))
                .collect::<Vec<_>>()
        };
        assert_eq!(moments(7), moments(7));
        assert_ne!(moments(7), moments(8));
        let early = moments(7)
            .iter()
            .filter(|moment| **moment < Duration::from_secs(1))
            .count();
        assert!((400..600).contains(&early), "{early} of 1000 in the first half");
        assert!(moments(7).iter().all(|moment| *moment < Duration::from_secs(2)));
    }
}
