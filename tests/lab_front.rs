//! The front end with real servers in network namespaces: the blueprint's site, its author's checks, its failures.
//!
//! `WEIR_TEST_FRONT=dnsdist` puts Debian's dnsdist in our place, as in the tests on loopback.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Client, Front, Site, Transport, blueprint, internet, wait_for};

/// The blueprint probes every 5 s, a probe may take 1 s, and the machine is busy.
const EJECTION: Duration = Duration::from_secs(9);
/// Far below the blueprint's limit of 200 queries per second and client.
const PACE: Duration = Duration::from_millis(20);

fn front() -> Front {
    Front::under_test(env!("CARGO_BIN_EXE_weir"))
}

fn site() -> Site {
    Site::start(&front(), blueprint::DNSDIST_DD1).unwrap()
}

/// Whether a name that no cache has resolves within a quarter of a second.
fn resolves(client: Client<'_>, label: &str, number: usize) -> bool {
    std::thread::sleep(PACE);
    let ask = Ask::new(&format!("{label}-{number}.google.com"), "A").unwrap();
    let reply = client.patience(Duration::from_millis(250)).udp(&ask);
    reply.is_ok_and(|reply| reply.addresses() == [internet::GOOGLE])
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_flags_tell_the_path_of_a_query() {
    let mut site = site();
    assert!(
        site.ready < Duration::from_secs(1),
        "ready after {:?}",
        site.ready
    );
    for server in [Site::DD1, Site::FLOATING] {
        let client = site.client(server);
        for transport in [Transport::Udp, Transport::Tcp] {
            let ask = |name| {
                let reply = client.ask(transport, &Ask::new(name, "A").unwrap()).unwrap();
                assert_eq!(reply.from, server);
                let seen = (reply.rcode(), reply.is_authoritative(), reply.offers_recursion());
                (seen, reply.addresses())
            };
            let own = ((ResponseCode::NoError, true, false), vec![Site::AUTH1.ip()]);
            assert_eq!(ask("www.zaibdns.lab"), own);
            assert_eq!(
                ask("no-such-name.zaibdns.lab").0,
                (ResponseCode::NXDomain, true, false)
            );
            let google = ((ResponseCode::NoError, false, true), vec![internet::GOOGLE]);
            assert_eq!(ask("google.com"), google);
            let any = Ask::new("google.com", "ANY").unwrap();
            let dropped = client.patience(Duration::from_millis(500)).ask(transport, &any);
            assert!(dropped.is_err(), "{dropped:?}");
        }
    }
    let (status, _) = site.front.terminate(Duration::from_secs(5)).unwrap();
    // dnsdist 1.7 does not catch SIGTERM.
    assert!(status.success() || front() == Front::Dnsdist, "{status}");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_recursive_server_that_hangs_leaves_the_pool_and_comes_back() {
    let site = site();
    let client = site.client(Site::FLOATING);
    site.rec1.pause().unwrap();
    let mut number = 0;
    let mut fifty_in_a_row = || {
        let from = number;
        number += 50;
        (from..number).all(|number| resolves(client, "hang", number))
    };
    wait_for("the hanging server is left out", EJECTION, &mut fifty_in_a_row).unwrap();
    site.rec1.resume().unwrap();
    site.rec2.pause().unwrap();
    wait_for("the first server serves again", EJECTION * 2, &mut fifty_in_a_row).unwrap();
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_the_authoritative_path_survives_the_loss_of_all_recursion() {
    let mut site = site();
    site.rec1.kill().unwrap();
    site.rec2.kill().unwrap();
    let client = site.client(Site::FLOATING);
    for _ in 0..20 {
        std::thread::sleep(PACE);
        for transport in [Transport::Udp, Transport::Tcp] {
            let reply = client
                .ask(transport, &Ask::new("www.zaibdns.lab", "A").unwrap())
                .unwrap();
            assert!(reply.is_authoritative());
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_large_answer_is_truncated_and_whole_over_tcp() {
    let site = site();
    let client = site.client(Site::FLOATING);
    let ask = || Ask::new(internet::LARGE_NAME, "TXT").unwrap();
    for ask in [ask(), ask().edns(1232)] {
        let cut = client.udp(&ask).unwrap();
        assert!(cut.is_truncated(), "{} bytes", cut.bytes.len());
        assert!(cut.bytes.len() <= 1232, "{} bytes", cut.bytes.len());
        assert_eq!(
            client.tcp(&ask).unwrap().message.answers.len(),
            internet::LARGE_RECORDS
        );
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_clients_outside_of_the_network_get_nothing() {
    // 192.0.2.0/24 is the laboratory's Internet: routed, and in no ACL but the second one.
    let opened = format!("{}\naddACL(\"192.0.2.0/24\")\n", blueprint::DNSDIST_DD1);
    for (configuration, answered) in [(blueprint::DNSDIST_DD1, false), (&opened, true)] {
        let site = Site::start(&front(), configuration).unwrap();
        let ask = Ask::new("www.zaibdns.lab", "A").unwrap();
        let outsider = site
            .internet_client(Site::DD1)
            .patience(Duration::from_millis(500));
        assert_eq!(outsider.udp(&ask).is_ok(), answered);
        assert!(site.client(Site::DD1).udp(&ask).is_ok());
    }
}
