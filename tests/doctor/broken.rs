//! A site that is well, and then is not.

use std::fs;
use std::time::Duration;

use weir_lab::{Process, wait_for};

use crate::stage::{FLOATING, Stage};

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_sound_site_is_well_from_both_nodes_and_from_a_client() {
    let stage = Stage::start();
    let front =
        |who: &str| format!("answers: {who}: zaibdns.lab with aa, google.com with ra, over UDP and TCP");
    let layers = [
        front("floating address dns 10.10.2.160"),
        front("front end dd1 10.10.2.161"),
        front("front end dd2 10.10.2.162"),
    ];
    let behind = [
        "answers: authoritative server dd1 10.10.2.161:5311: zaibdns.lab with aa, google.com is not resolved, over UDP \
         and TCP",
        "answers: resolver dd1 10.10.2.161:5312: google.com with ra, over UDP and TCP",
    ];
    let behind = behind.map(str::to_owned);
    let first = stage.on_node(0, "", "");
    let second = stage.on_node(1, "", "");
    let client = stage.on_client(&stage.client, "", "");
    for said in [&first, &second, &client] {
        assert_eq!(said.of("fail"), [""; 0]);
        assert_eq!([said.of("warn"), said.of("note")].concat(), [""; 0]);
        assert_eq!(said.status, Some(0));
        assert!(said.of("ok").starts_with(&layers), "{:?}", said.of("ok"));
    }
    let expect = |said: Vec<String>, expected: &[&str]| {
        for part in expected {
            assert!(said.iter().any(|line| line.contains(part)), "{part} in {said:#?}");
        }
    };
    assert_eq!(first.of("ok")[3..5], behind);
    expect(
        first.of("ok"),
        &[
            "listeners: front on 10.10.2.161:53, 10.10.2.160:53; auth on 10.10.2.161:5311; resolve on 10.10.2.161:5312",
            "holder: dns: this machine has 10.10.2.160 on eth0, and nobody else answers for it",
            "vrrp: dns: nobody else sent adverts in 1.4 s",
            "interfaces: eth0 has 10.10.2.161",
            "mtu: 1500 bytes on eth0",
        ],
    );
    expect(
        second.of("ok"),
        &[
            "holder: dns: dd1 (",
            "vrrp: dns: dd1 (10.10.2.161) sends adverts, virtual router 160, priority 254",
        ],
    );
    expect(client.of("ok"), &["holder: dns: dd1 ("]);
    assert!(!client.of("ok").iter().any(|line| line.starts_with("vrrp")));
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_site_file_that_says_something_else_is_noticed() {
    let stage = Stage::start();

    let said = stage.on_node(0, "interface = \"eth0\"", "interface = \"ens160\"");
    let parts = [
        "the site file calls the interface ens160, which is not there",
        "is on eth0",
    ];
    said.assert_fails("interfaces", &parts, "weir config explain");

    // The floating address is there, by hand; no front end knows of it.
    stage.nodes[0]
        .ip(&["address", "add", "10.10.2.170/24", "dev", "eth0"])
        .unwrap();
    let said = stage.on_node(0, "10.10.2.160/24", "10.10.2.170/24");
    let parts = [
        "nothing listens on 10.10.2.170:53 (UDP and TCP)",
        "clients get no answer",
    ];
    said.assert_fails("listeners", &parts, "weir status");
    let parts = ["floating address dns 10.10.2.170", "the port is closed"];
    said.assert_fails("answers", &parts, "weir status");
    let parts = ["sends no adverts"];
    said.assert_fails("vrrp", &parts, "weir vip status");

    // The front ends do not know that the zone is ours: a resolver answers.
    let zones = "[zones.\"example.com\"]\nfile = \"FOLDER/db\"\n[zones.\"zaibdns.lab\"]";
    let said = stage.on_node(0, "[zones.\"zaibdns.lab\"]", zones);
    let parts = [
        "front end dd1",
        "example.com: aa is missing: authoritative routing is broken",
    ];
    said.assert_fails("answers", &parts, "weir check");
    let parts = [
        "authoritative server dd1",
        "example.com: REFUSED",
        "or it has no such zone",
    ];
    said.assert_fails("answers", &parts, "weir render dd1 named");

    // Subscribers that the front ends do not know of.
    let stranger = stage.network.attach("stranger", &["10.10.9.9/24"]).unwrap();
    stranger
        .ip(&["route", "add", "10.10.2.0/24", "dev", "eth0"])
        .unwrap();
    for node in &stage.nodes {
        node.ip(&["route", "add", "10.10.9.0/24", "dev", "eth0"]).unwrap();
    }
    let networks = "networks = [\"10.10.2.0/24\", \"10.10.9.0/24\"]";
    let said = stage.on_client(&stranger, "networks = \"10.10.2.0/24\"", networks);
    let parts = [
        "front end dd2",
        "REFUSED: an access list (ACL) does not have 10.10.9.9",
    ];
    said.assert_fails("answers", &parts, "ssh dd2 weir doctor");
    let said = stage.on_client(&stranger, "", "");
    assert_eq!(said.of("fail"), [""; 0], "the site file does not let it ask");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_filter_for_vrrp_is_told_from_a_partner_that_is_silent() {
    let stage = Stage::start();
    stage.filter(1, "meta l4proto 112");
    stage.wait_for("both have the address", |stage| stage.holds(0) && stage.holds(1));
    let said = stage.on_node(1, "", "");
    let parts = [
        "adverts of dd1 (10.10.2.161) arrive on eth0",
        "firewall of this machine drops them",
    ];
    said.assert_fails("vrrp", &parts, "nft list ruleset");
    let parts = ["2 machines have 10.10.2.160: this machine and dd1 ("];
    said.assert_fails("holder", &parts, "tcpdump");
    let said = stage.on_node(0, "", "");
    let parts = ["dd2 (10.10.2.162) sends adverts", "two masters"];
    said.assert_fails("vrrp", &parts, "ssh dd2 weir doctor");
    let said = stage.on_client(&stage.client, "", "");
    said.assert_fails(
        "holder",
        &["2 machines have 10.10.2.160: ", "dd1 (", "dd2 ("],
        "tcpdump",
    );
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_backend_that_is_gone_and_an_address_by_hand_are_told() {
    let stage = Stage::start();
    stage.filter(0, "iifname eth0 udp dport { 5311, 5312 }");
    stage.wait_for("dd2 has lost its servers", |stage| {
        let said = stage.on_node(1, "", "");
        said.of("fail").iter().any(|line| line.contains("SERVFAIL"))
    });
    let by_hand = format!("{FLOATING}/32");
    stage.nodes[1]
        .ip(&["address", "add", &by_hand, "dev", "eth0"])
        .unwrap();
    let said = stage.on_node(1, "", "");
    let parts = ["front end dd2", "zaibdns.lab", "SERVFAIL: backend failure"];
    said.assert_fails("answers", &parts, "showServers()");
    let parts = ["authoritative server dd1 10.10.2.161:5311", "no answer"];
    said.assert_fails("answers", &parts, "ssh dd1 weir doctor");
    let parts = ["10.10.2.160 is on eth0, but weir vip does not hold it"];
    said.assert_fails("holder", &parts, "ip address delete 10.10.2.160/");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_node_that_is_down_and_who_sits_on_its_port() {
    let mut stage = Stage::start();
    // Any server under that name will do.
    let program = stage.scratch.path().join("systemd-resolved");
    fs::copy("/usr/sbin/unbound", &program).unwrap();
    let configuration = "server:\n interface: 127.0.0.53\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
                         pidfile: \"\"\n use-syslog: no\n module-config: \"iterator\"\n";
    let file = stage.scratch.write("resolved.conf", configuration).unwrap();
    let mut resolved = stage.nodes[1].command(&program.display().to_string());
    resolved.arg("-c").arg(file);
    let _resolved = Process::start("resolved", resolved, stage.scratch.path()).unwrap();
    wait_for("the stub resolver listens", PATIENCE, || {
        let said = stage.on_node(1, "", "");
        said.of("note")
            == ["listeners: systemd-resolved has 127.0.0.53:53: a front end on 0.0.0.0:53 would not start"]
    })
    .unwrap();

    stage.stop(1);
    let said = stage.on_node(1, "", "");
    let parts = [
        "front does not listen on 10.10.2.162:53",
        "systemd-resolved is on port 53",
    ];
    said.assert_fails("listeners", &parts, "systemctl disable --now systemd-resolved");
    said.assert_fails("answers", &["front end dd2", "the port is closed"], "weir status");

    stage.stop(0);
    let said = stage.on_node(1, "", "");
    said.assert_fails("holder", &["nobody has 10.10.2.160"], "weir doctor");
    said.assert_fails(
        "vrrp",
        &["no advert in 1.4 s", "protocol 112 to 224.0.0.18"],
        "ssh dd1 weir doctor",
    );
}
