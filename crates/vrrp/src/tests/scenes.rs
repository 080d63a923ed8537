//! What happens to a pair, and to three, and what clients notice of it.

use super::sim::{Network, Pause};
use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SECS: fn(u64) -> Duration = Duration::from_secs;
const SEEDS: std::ops::Range<u64> = 0..20;

/// Nodes of these settings, long after the first has become master.
fn settled(seed: u64, routers: impl IntoIterator<Item = RouterSettings>) -> Network {
    let nodes = routers
        .into_iter()
        .map(|router| node_settings(router, &[Weight::Fault, Weight::Eighth]));
    let mut network = Network::new(seed, nodes.collect());
    network.pass(SECS(100));
    assert_eq!(network.state(0), Some(RouterState::Master));
    assert_eq!((network.holders(), network.entry), (vec![0], Some(0)));
    network.lost.clear();
    (network.asked, network.takeovers) = (0, 0);
    network
}

/// keepalived's ordinary pair.
fn slow(seed: u64) -> Network {
    settled(seed, [v2(150), v2(100)])
}

/// Our default.
fn fast(seed: u64) -> Network {
    settled(seed, [v3(150, 100), v3(100, 100)])
}

fn assert_settled(network: &Network, master: usize, seed: u64) {
    assert_eq!(network.state(master), Some(RouterState::Master), "seed {seed}");
    assert_eq!(network.holders(), [master], "seed {seed}");
    assert_eq!(network.entry, Some(master), "seed {seed}");
}

#[test]
fn a_dead_front_end_costs_the_skew() {
    for seed in SEEDS {
        for (mut network, most) in [(slow(seed), MS(625)), (fast(seed), MS(75))] {
            network.with(0, |node, now| node.on_tracker(now, 0, Condition::Fails));
            network.pass(SECS(5));
            assert_settled(&network, 1, seed);
            assert!(network.outage() <= most, "seed {seed}: {:?}", network.outage());
            assert_eq!(network.takeovers, 1);
        }
    }
}

#[test]
fn a_lost_master_costs_the_master_down_interval() {
    for seed in SEEDS {
        for (mut network, most) in [(slow(seed), MS(3625)), (fast(seed), MS(375))] {
            network.pass(MS(37 * seed));
            network.power_off(0);
            network.pass(SECS(10));
            assert_settled(&network, 1, seed);
            assert!(network.outage() <= most, "seed {seed}: {:?}", network.outage());
        }
    }
}

#[test]
fn a_node_that_comes_back_costs_nothing() {
    for seed in SEEDS {
        for mut network in [slow(seed), fast(seed)] {
            network.power_off(0);
            network.pass(SECS(100));
            network.lost.clear();
            network.power_on(0);
            network.pass(SECS(30));
            assert_settled(&network, 0, seed);
            assert_eq!(network.lost, [], "seed {seed}");
        }
    }
}

#[test]
fn a_handover_there_and_back_costs_nothing() {
    for seed in SEEDS {
        for mut network in [slow(seed), fast(seed)] {
            network.with(0, Node::on_handover);
            network.pass(SECS(25));
            assert_settled(&network, 1, seed);
            network.with(0, Node::on_resume);
            network.pass(SECS(25));
            assert_settled(&network, 0, seed);
            assert_eq!(network.lost, [], "seed {seed}");
            assert_eq!(network.asked, 10_000);
            assert_eq!(network.takeovers, 2);
        }
    }
}

#[test]
fn a_handover_on_a_lossy_network_costs_nothing() {
    for seed in SEEDS {
        let mut network = slow(seed);
        (network.loss, network.doubled) = (30, 30);
        network.with(0, Node::on_handover);
        network.pass(SECS(3));
        network.heal();
        network.pass(SECS(30));
        assert_eq!(network.lost, [], "seed {seed}");
        assert_eq!(network.holders().len(), 1, "seed {seed}");
        assert_eq!(network.entry, network.holders().first().copied(), "seed {seed}");
    }
}

#[test]
fn a_stop_costs_nothing_and_ends() {
    for seed in SEEDS {
        for mut network in [slow(seed), fast(seed)] {
            network.with(0, Node::on_stop);
            network.pass(SECS(2));
            assert!(network.is_stopped(0), "seed {seed}");
            assert_settled(&network, 1, seed);
            assert_eq!(network.lost, [], "seed {seed}");
        }
    }
}

#[test]
fn a_partition_and_its_heal_cost_nothing() {
    for seed in SEEDS {
        for mut network in [slow(seed), fast(seed)] {
            network.block(0, 1);
            network.block(1, 0);
            network.pass(SECS(8) + MS(173 * seed));
            assert_eq!(network.holders(), [0, 1]);
            network.heal();
            network.pass(SECS(5));
            assert_settled(&network, 0, seed);
            assert_eq!(network.lost, [], "seed {seed}");
        }
    }
}

#[test]
fn a_heal_in_which_one_side_hears_first_costs_nothing() {
    for seed in SEEDS {
        for first in [(0, 1), (1, 0)] {
            for mut network in [slow(seed), fast(seed)] {
                network.block(0, 1);
                network.block(1, 0);
                // Long enough for the master to think that nothing changes any more.
                network.pass(SECS(90) + MS(173 * seed));
                network.unblock(first.0, first.1);
                network.pass(MS(2500));
                network.heal();
                network.pass(SECS(5));
                assert_settled(&network, 0, seed);
                assert_eq!(network.lost, [], "seed {seed}, {first:?} first");
            }
        }
    }
}

#[test]
fn one_way_loss_costs_nothing() {
    for seed in SEEDS {
        for (from, to) in [(0, 1), (1, 0)] {
            for mut network in [slow(seed), fast(seed)] {
                network.block(from, to);
                network.pass(SECS(8));
                network.heal();
                network.pass(SECS(5));
                assert_settled(&network, 0, seed);
                assert_eq!(network.lost, [], "seed {seed}, {from} to {to}");
            }
        }
    }
}

#[test]
fn a_master_that_stands_still_is_replaced_and_comes_back_in_silence() {
    for seed in SEEDS {
        for pause in [Pause::Process, Pause::Machine, Pause::Suspended] {
            let mut network = fast(seed);
            network.pause(0, pause);
            network.pass(SECS(10));
            assert_eq!(network.state(1), Some(RouterState::Master));
            let lost = network.lost.len();
            network.go_on(0);
            network.pass(SECS(10));
            assert_settled(&network, 0, seed);
            assert_eq!(
                network.lost.len(),
                lost,
                "seed {seed}, {pause:?}: lost after it came back"
            );
            assert!(network.outage() <= MS(375), "seed {seed}, {pause:?}");
        }
    }
}

#[test]
fn a_backup_that_stands_still_costs_nothing() {
    for seed in SEEDS {
        for pause in [Pause::Process, Pause::Machine, Pause::Suspended] {
            let mut network = fast(seed);
            network.pause(1, pause);
            network.pass(SECS(10));
            network.go_on(1);
            network.pass(SECS(10));
            assert_settled(&network, 0, seed);
            assert_eq!(
                (network.lost.len(), network.takeovers),
                (0, 0),
                "seed {seed}, {pause:?}"
            );
        }
    }
}

#[test]
fn of_three_the_best_one_takes_over() {
    for seed in SEEDS {
        let mut network = settled(seed, [v3(200, 100), v3(100, 100), v3(150, 100)]);
        network.power_off(0);
        network.pass(SECS(5));
        assert_settled(&network, 2, seed);
        network.with(2, Node::on_handover);
        network.pass(SECS(5));
        assert_settled(&network, 1, seed);
        assert_eq!(network.takeovers, 2);
    }
}

#[test]
fn the_node_without_backends_yields_only_to_one_that_has_some() {
    for seed in SEEDS {
        let mut network = fast(seed);
        let fails = |node: &mut Node, now| node.on_tracker(now, 1, Condition::Fails);
        network.with(0, fails);
        network.pass(SECS(5));
        assert_settled(&network, 1, seed);
        network.with(1, fails);
        network.pass(SECS(5));
        assert_settled(&network, 0, seed);
        assert_eq!(network.lost, [], "seed {seed}");
    }
}

#[test]
fn equal_nodes_do_not_fight() {
    for seed in SEEDS {
        let nodes = [v3(100, 100), v3(100, 100)].map(|router| node_settings(router, &[]));
        let mut network = Network::new(seed, nodes.to_vec());
        network.pass(SECS(20));
        let holders = network.holders();
        assert_eq!(holders.len(), 1, "seed {seed}");
        let takeovers = network.takeovers;
        network.pass(SECS(60));
        assert_eq!(
            (network.holders(), network.takeovers),
            (holders, takeovers),
            "seed {seed}"
        );
    }
}
