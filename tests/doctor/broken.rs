//! A site that is well, and then is not.

use std::fs;

use weir_lab::Process;

use crate::stage::{FLOATING, Stage};

/// The site file as the site runs it.
const AS_IT_RUNS: (&str, &str) = ("", "");

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
    ]
    .map(str::to_owned);
    let first = [
        "listeners: front on 10.10.2.161:53, 10.10.2.160:53; auth on 10.10.2.161:5311; resolve on 10.10.2.161:5312",
        "holder: dns: this machine has 10.10.2.160 on eth0, and nobody else answers for it",
        "vrrp: dns: nobody else sent adverts in 1.4 s",
        "interfaces: eth0 has 10.10.2.161",
        "mtu: 1500 bytes on eth0",
    ]
    .map(str::to_owned);
    let said = stage.node(0).until(AS_IT_RUNS, |said| said.is_well()).of("ok");
    assert_eq!(said, [&layers[..], &behind, &first].concat());

    let said = stage.node(1).until(AS_IT_RUNS, |said| said.is_well()).of("ok");
    let holder =
        |line: &String| line.starts_with("holder: dns: dd1 (") && line.ends_with(") has 10.10.2.160");
    let master = "vrrp: dns: dd1 (10.10.2.161) sends adverts, virtual router 160, priority 254".to_owned();
    assert!(said.iter().any(holder) && said.contains(&master), "{said:#?}");

    let client = stage.client(&stage.client);
    let said = client.until(AS_IT_RUNS, |said| said.is_well()).of("ok");
    assert_eq!(said[..3], layers);
    assert!(holder(&said[3]) && said.len() == 4, "{said:#?}");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_the_site_file_says_otherwise_is_noticed() {
    let stage = Stage::start();
    let node = stage.node(0);

    let change = ("interface = \"eth0\"", "interface = \"ens160\"");
    let parts = [
        "the site file calls the interface ens160, which is not there",
        "is on eth0",
    ];
    node.fails(change, "interfaces", &parts, "ip -brief address");

    // The floating address is there, by hand; no front end knows of it.
    let by_hand = ["address", "add", "10.10.2.170/24", "dev", "eth0"];
    stage.nodes[0].ip(&by_hand).unwrap();
    let change = ("10.10.2.160/24", "10.10.2.170/24");
    let parts = [
        "nothing listens on 10.10.2.170:53 (UDP and TCP)",
        "clients get no answer",
    ];
    let said = node.fails(change, "listeners", &parts, "weir status");
    let failed = said.of("fail");
    for part in [
        "answers: floating address dns 10.10.2.170: the port is closed",
        "vrrp: dns: this machine has the address and sends no adverts",
    ] {
        assert!(failed.iter().any(|line| line.starts_with(part)), "{failed:#?}");
    }

    // The front ends do not know that the zone is ours: a resolver answers.
    let zones = "[zones.\"example.com\"]\nfile = \"FOLDER/db\"\n[zones.\"zaibdns.lab\"]";
    let change = ("[zones.\"zaibdns.lab\"]", zones);
    let parts = [
        "front end dd1",
        "example.com: aa is missing: authoritative routing is broken",
    ];
    let said = node.fails(change, "answers", &parts, "weir check");
    let refused = "answers: authoritative server dd1 10.10.2.161:5311: example.com: REFUSED";
    assert!(said.of("fail").iter().any(|line| line.starts_with(refused)));

    // Who may not ask is told so by the site file, or by the access list.
    let stranger = stage.network.attach("stranger", &["10.10.9.9/24"]).unwrap();
    let route = |host: &weir_lab::Namespace, to: &str| host.ip(&["route", "add", to, "dev", "eth0"]);
    route(&stranger, "10.10.2.0/24").unwrap();
    for node in &stage.nodes {
        route(node, "10.10.9.0/24").unwrap();
    }
    let client = stage.client(&stranger);
    let said = client.until(AS_IT_RUNS, |said| said.is_well());
    let expected = "answers: front end dd2 10.10.2.162: it does not resolve for this machine (10.10.9.9), which is no \
                    subscriber";
    assert!(said.of("ok").contains(&expected.to_owned()));

    let networks = "networks = [\"10.10.2.0/24\", \"10.10.9.0/24\"]";
    let change = ("networks = \"10.10.2.0/24\"", networks);
    let parts = [
        "front end dd2",
        "REFUSED: an access list (ACL) does not have 10.10.9.9",
    ];
    client.fails(change, "answers", &parts, "ssh dd2 weir doctor");

    // Two nodes with the address, one of them by hand.
    let by_hand = format!("{FLOATING}/32");
    stage.nodes[1]
        .ip(&["address", "add", &by_hand, "dev", "eth0"])
        .unwrap();
    let parts = ["10.10.2.160 is on eth0, but weir vip does not hold it"];
    stage
        .node(1)
        .fails(AS_IT_RUNS, "holder", &parts, "ip address delete 10.10.2.160/32");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_filter_for_vrrp_is_told_from_a_partner_that_is_silent() {
    let stage = Stage::start();
    stage.filter(1, "meta l4proto 112");
    let parts = [
        "adverts of dd1 (10.10.2.161) arrive on eth0",
        "firewall of this machine drops them",
    ];
    stage
        .node(1)
        .fails(AS_IT_RUNS, "vrrp", &parts, "nft list ruleset");
    let parts = ["2 machines have 10.10.2.160: this machine and dd1 ("];
    stage.node(1).fails(AS_IT_RUNS, "holder", &parts, "tcpdump");
    let parts = ["dd2 (10.10.2.162) sends adverts", "two masters"];
    stage
        .node(0)
        .fails(AS_IT_RUNS, "vrrp", &parts, "ssh dd2 weir doctor");
    let parts = ["2 machines have 10.10.2.160: ", "dd1 (", "dd2 ("];
    stage
        .client(&stage.client)
        .fails(AS_IT_RUNS, "holder", &parts, "tcpdump");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_backend_that_is_gone_is_told_from_a_front_end_that_is() {
    let stage = Stage::start();
    stage.filter(0, "iifname eth0 udp dport { 5311, 5312 }");
    let node = stage.node(1);
    let parts = ["front end dd2", "SERVFAIL: backend failure"];
    let said = node.fails(AS_IT_RUNS, "answers", &parts, "showServers()");
    let silent = "answers: authoritative server dd1 10.10.2.161:5311: no answer in 3 s";
    assert!(said.of("fail").iter().any(|line| line.starts_with(silent)));
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_nodes_that_are_down_and_who_sits_on_their_port_are_told() {
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
    let note = "listeners: systemd-resolved has 127.0.0.53:53: a front end on 0.0.0.0:53 would not start";
    stage.node(1).until(AS_IT_RUNS, |said| {
        said.of("note") == [note] && said.of("fail").is_empty() && said.status == Some(0)
    });

    stage.stop();
    let parts = [
        "front does not listen on 10.10.2.162:53",
        "systemd-resolved is on port 53",
    ];
    let next = "systemctl disable --now systemd-resolved";
    let said = stage.node(1).fails(AS_IT_RUNS, "listeners", &parts, next);
    let failed = said.of("fail");
    for part in [
        "answers: front end dd2 10.10.2.162: the port is closed",
        "holder: dns: nobody has 10.10.2.160",
        "vrrp: dns: no advert in 1.4 s: nobody is master, or VRRP is filtered on the way: protocol 112 to 224.0.0.18",
    ] {
        assert!(failed.iter().any(|line| line.starts_with(part)), "{failed:#?}");
    }
}
