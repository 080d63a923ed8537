use super::*;
use crate::testing::Random;
use std::net::Ipv4Addr;

const SEC: u64 = 1_000_000_000;

fn table(rate: Rate, buckets: usize) -> AddressRateLimiter {
    let limit = AddressLimit {
        buckets,
        ..AddressLimit::new(rate)
    };
    AddressRateLimiter::new(limit, Seed::new([0x1234_5678, 0x9abc_def0])).expect("a table")
}

fn v4(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// How many of `tries` queries of `client` at `now` are within the limit.
fn admitted(table: &AddressRateLimiter, client: IpAddr, now: u64, tries: u32) -> u32 {
    (0..tries)
        .map(|_| u32::from(!table.exceeds(client, Timestamp::from_nanos(now))))
        .sum()
}

#[test]
fn a_full_bucket_passes_the_burst_and_refills_at_the_rate() {
    for (qps, burst) in [
        (1, 1),
        (3, 3),
        (50, 50),
        (50, 500),
        (1_000, 10),
        (100_000, 100_000),
    ] {
        let table = table(Rate { qps, burst }, 64);
        let client = ip("192.0.2.1");
        let start = 3 * SEC;
        assert_eq!(
            admitted(&table, client, start, burst + 20),
            burst,
            "{qps}/{burst} at first"
        );
        let interval = SEC / u64::from(qps);
        assert_eq!(
            admitted(&table, client, start + interval / 2, 5),
            0,
            "{qps}/{burst} half an interval"
        );
        assert_eq!(
            admitted(&table, client, start + interval * 3 / 2, 5),
            1,
            "{qps}/{burst} one interval"
        );
        assert_eq!(
            admitted(&table, client, start + 900 * SEC, burst + 20),
            burst,
            "{qps}/{burst} after a pause"
        );
    }
}

#[test]
fn a_steady_stream_passes_at_exactly_the_rate() {
    let table = table(Rate::per_second(100), 64);
    let client = ip("2001:db8::1");
    // Two thousand queries per second for thirty seconds; what is refused uses nothing up.
    let passed: u32 = (0..60_000)
        .map(|number| admitted(&table, client, SEC + number * 500_000, 1))
        .sum();
    assert_eq!(passed, 100 + 30 * 100 - 1);
    assert_eq!(table.counts().exceeded, u64::from(60_000 - passed));
}

#[test]
fn prefixes_are_independent_and_their_members_are_not() {
    let limit = AddressLimit {
        prefixes: PrefixLengths { v4: 24, v6: 64 },
        buckets: 64,
        ..AddressLimit::new(Rate::per_second(2))
    };
    let table = AddressRateLimiter::new(limit, Seed::new([1, 2])).expect("a table");
    for (client, expected) in [
        ("192.0.2.1", 2),
        ("192.0.2.200", 0),
        ("192.0.3.1", 2),
        ("2001:db8:0:1::1", 2),
        ("2001:db8:0:1:ffff::2", 0),
        ("2001:db8:0:2::1", 2),
        ("::c000:201", 2),
    ] {
        assert_eq!(admitted(&table, ip(client), SEC, 3), expected, "{client}");
    }
}

#[test]
fn zero_bits_are_one_client_per_family() {
    let limit = AddressLimit {
        prefixes: PrefixLengths { v4: 0, v6: 0 },
        buckets: 64,
        ..AddressLimit::new(Rate::per_second(1))
    };
    let table = AddressRateLimiter::new(limit, Seed::new([1, 2])).expect("a table");
    assert_eq!(
        ["10.0.0.1", "192.0.2.1", "::1", "fe80::1"].map(|client| admitted(&table, ip(client), 0, 1)),
        [1, 0, 1, 0]
    );
}

#[test]
fn a_million_sources_leave_the_limited_one_limited() {
    // 8,192 buckets for a million sources within a second, each of which sends one packet.
    let table = table(Rate { qps: 100, burst: 20 }, 8192);
    let heavy = ip("198.51.100.7");
    let start = 10 * SEC;
    let mut passed = admitted(&table, heavy, start, 20);
    assert_eq!(passed, 20);
    for number in 0..1_000_000u32 {
        let now = start + u64::from(number) * 1_000;
        assert_eq!(
            admitted(&table, v4(0x0a00_0000 + number), now, 1),
            1,
            "source {number} is new"
        );
        // The heavy one goes on with ten thousand queries per second.
        if number % 100 == 0 {
            passed += admitted(&table, heavy, now, 1);
        }
    }
    assert!((119..=121).contains(&passed), "{passed} of 10,020 queries passed");
    assert_eq!(table.sets.len(), 1024, "the table does not grow");
    assert!(table.counts().evicted > 0, "the flood was larger than the table");
}

#[test]
fn buckets_that_are_full_again_make_room_without_a_loss() {
    let table = table(Rate::per_second(100), 64);
    for number in 0..10_000u32 {
        // A hundredth of a second apart: each bucket is full again when the next source comes.
        assert_eq!(admitted(&table, v4(number), u64::from(number) * SEC / 50, 1), 1);
    }
    assert_eq!(table.counts(), AddressRateLimiterCounts::default());
    assert_eq!(table.buckets_in_use(Timestamp::from_nanos(10_000 * SEC / 50)), 0);
    admitted(&table, v4(1), 10_000 * SEC, 1);
    assert_eq!(table.buckets_in_use(Timestamp::from_nanos(10_000 * SEC)), 1);
}

#[test]
fn limits_hold_while_the_clock_wraps() {
    const WRAP: u64 = 1 << (TAG_SHIFT + UNIT_SHIFT);
    let table = table(Rate { qps: 10, burst: 30 }, 64);
    let client = ip("192.0.2.1");
    for round in 1..4 {
        let before = round * WRAP - SEC;
        assert_eq!(admitted(&table, client, before, 40), 30, "before wrap {round}");
        assert_eq!(
            admitted(&table, client, before + 2 * SEC, 40),
            20,
            "across wrap {round}"
        );
        assert_eq!(
            admitted(&table, client, before + 4 * SEC, 40),
            20,
            "behind wrap {round}"
        );
    }
}

#[test]
fn unused_buckets_are_unused_at_any_time() {
    const WRAP: u64 = 1 << (TAG_SHIFT + UNIT_SHIFT);
    // Just before the clock wraps, a time of 0 looks like the near future.
    let table = table(Rate { qps: 10, burst: 30 }, 64);
    let now = WRAP - SEC;
    assert_eq!(table.buckets_in_use(Timestamp::from_nanos(now)), 0);
    assert_eq!(admitted(&table, ip("192.0.2.1"), now, 40), 30);
    assert_eq!(table.counts().evicted, 0);
}

#[test]
fn old_times_are_not_taken_for_new_ones() {
    const WRAP: u64 = 1 << (TAG_SHIFT + UNIT_SHIFT);
    let table = table(Rate { qps: 10, burst: 10 }, 64);
    let client = ip("192.0.2.1");
    for pause in [2 * SEC, WRAP / 2, WRAP - 2 * SEC, WRAP + 2 * SEC] {
        let now = 1_000 * WRAP;
        assert_eq!(admitted(&table, client, now, 20), 10);
        assert_eq!(admitted(&table, client, now + pause, 20), 10, "after {pause} ns");
        // So that the next round begins with a full bucket.
        assert_eq!(admitted(&table, client, now + pause + WRAP / 4, 20), 10);
    }
}

#[test]
fn bursts_that_take_days_are_counted_in_coarser_units() {
    let table = table(
        Rate {
            qps: 1,
            burst: 1_000_000,
        },
        64,
    );
    let client = ip("192.0.2.1");
    assert_eq!(admitted(&table, client, SEC, 1_000_100), 1_000_000);
    assert_eq!(admitted(&table, client, 101 * SEC + SEC / 2, 200), 100);
}

#[test]
fn zero_means_none() {
    assert_eq!(admitted(&table(Rate::per_second(0), 64), v4(1), SEC, 5), 0);
    assert_eq!(admitted(&table(Rate { qps: 10, burst: 0 }, 64), v4(1), SEC, 5), 0);
    let once = table(Rate { qps: 0, burst: 3 }, 64);
    assert_eq!(admitted(&once, v4(1), SEC, 5), 3);
    assert_eq!(admitted(&once, v4(1), 3_600 * SEC, 5), 0);
}

#[test]
fn settings_out_of_range_are_refused() {
    let seed = Seed::new([1, 2]);
    let good = AddressLimit::new(Rate::per_second(1));
    for bad in [
        AddressLimit {
            prefixes: PrefixLengths { v4: 33, v6: 64 },
            ..good
        },
        AddressLimit {
            prefixes: PrefixLengths { v4: 32, v6: 129 },
            ..good
        },
        AddressLimit { buckets: 7, ..good },
        AddressLimit {
            buckets: MAX_BUCKETS + 1,
            ..good
        },
    ] {
        assert!(AddressRateLimiter::new(bad, seed).is_err(), "{bad:?}");
    }
}

#[test]
fn workers_share_the_buckets() {
    let table = table(Rate::per_second(5_000), 64);
    let clients = [ip("192.0.2.1"), ip("2001:db8::1")];
    let passed: u32 = std::thread::scope(|scope| {
        let ask = || -> u32 {
            clients
                .iter()
                .map(|client| admitted(&table, *client, SEC, 5_000))
                .sum()
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"))
            .sum()
    });
    // Whoever loses the race for a bucket too often passes as well, and is told apart.
    assert_eq!(u64::from(passed) - table.counts().uncounted, 2 * 5_000);
}

#[test]
fn addresses_spread_over_all_sets_and_tags() {
    let table = table(Rate::per_second(1), 1 << 16);
    let mut random = Random::new(1);
    let base = random.next() as u32;
    for number in 0..(1u32 << 15) {
        admitted(&table, v4(base.wrapping_add(number)), SEC, 1);
    }
    // Half as many sources as buckets: eight ways hold nearly all of them.
    let in_use = table.buckets_in_use(Timestamp::from_nanos(SEC));
    assert!(
        in_use > (1 << 15) * 97 / 100,
        "{in_use} of {} sources have a bucket",
        1 << 15
    );
}
