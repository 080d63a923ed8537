//! The laboratory as drills have it.

use std::path::Path;
use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::lab::{Lab, Plan};
use weir_lab::{Ask, Behaviour, Client, wait_for};

use crate::PATIENCE;

fn plan() -> Plan {
    Plan::new(Path::new(env!("CARGO_BIN_EXE_weir")))
}

fn start(plan: &Plan) -> Lab {
    Lab::start(plan, &mut |what| eprintln!("{what}")).unwrap()
}

/// Asks through the floating address.
fn client(lab: &Lab) -> Client<'_> {
    Client::to(lab.floating()).from(lab.client())
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_node_without_power_is_replaced_and_comes_back() {
    let mut lab = start(&plan());
    let holders = lab.holders().unwrap();
    wait_for("dd1 holds the address", PATIENCE, || {
        holders.now() == [true, false]
    })
    .unwrap();
    lab.power_off("dd1").unwrap();
    wait_for("dd2 takes it", PATIENCE, || holders.now() == [false, true]).unwrap();
    let reply = client(&lab)
        .udp(&Ask::new("www.zaibdns.lab", "A").unwrap())
        .unwrap();
    assert!(reply.is_authoritative());
    lab.power_on("dd1").unwrap();
    wait_for("dd1 takes it back", PATIENCE, || holders.now() == [true, false]).unwrap();
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_recursive_servers_come_while_it_runs_and_meet_names_that_misbehave() {
    let mut lab = start(&plan());
    lab.add_recursive("rec3").unwrap();
    let [rec1, rec2, rec3] = ["rec1", "rec2", "rec3"].map(|name| {
        let node = lab.node(name).unwrap();
        node.host().addresses().next().unwrap()
    });
    let wayward = lab.internet().wayward();
    let resolve = |name: &str| {
        let client = client(&lab).source("100.64.7.7".parse().unwrap());
        client
            .patience(PATIENCE)
            .udp(&Ask::new(name, "A").unwrap())
            .unwrap()
    };
    let mut number = 0;
    wait_for("rec3 is asked", PATIENCE, || {
        number += 1;
        let name = format!("n{number}.wayward.com");
        let reply = resolve(&name);
        reply.rcode() == ResponseCode::NoError && wayward.received(&name)[0].from.ip() == rec3
    })
    .unwrap();
    for rec in [rec1, rec2, rec3] {
        wayward.behave_towards(rec, "fails.wayward.com", Behaviour::Rcode(ResponseCode::ServFail));
    }
    assert_eq!(resolve("fails.wayward.com").rcode(), ResponseCode::ServFail);
    let delay = Duration::from_millis(300);
    wayward.behave_for("slow.wayward.com", Behaviour::Delay(delay));
    assert!(resolve("slow.wayward.com").elapsed >= delay);
}
