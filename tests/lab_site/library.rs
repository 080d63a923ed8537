//! The laboratory as drills have it.

use std::path::Path;
use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::lab::{Lab, Plan};
use weir_lab::{Ask, Behaviour, Client, Reply, internet, wait_for};

use crate::PATIENCE;
use crate::networks::findings;

pub(crate) fn plan() -> Plan {
    Plan::new(Path::new(env!("CARGO_BIN_EXE_weir")))
}

pub(crate) fn start(plan: &Plan) -> Lab {
    Lab::start(plan, &mut |what| eprintln!("{what}")).unwrap()
}

/// Asks through the floating address.
fn client(lab: &Lab) -> Client<'_> {
    Client::to(lab.floating()).from(lab.client())
}

/// What a subscriber behind CGNAT gets through the floating address, who asks again when nobody answers.
fn resolve(lab: &Lab, name: &str) -> Reply {
    let client = client(lab).source("100.64.7.7".parse().unwrap());
    let client = client.patience(Duration::from_secs(2));
    let mut reply = None;
    wait_for(name, PATIENCE, || {
        reply = client.udp(&Ask::new(name, "A").unwrap()).ok();
        reply.is_some()
    })
    .unwrap();
    reply.unwrap()
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
    assert!(resolve(&lab, "www.zaibdns.lab").is_authoritative());
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
    let mut number = 0;
    wait_for("rec3 is asked", PATIENCE, || {
        number += 1;
        let name = format!("n{number}.wayward.com");
        resolve(&lab, &name);
        wayward.received(&name)[0].from.ip() == rec3
    })
    .unwrap();
    for rec in [rec1, rec2, rec3] {
        wayward.behave_towards(rec, "fails.wayward.com", Behaviour::Rcode(ResponseCode::ServFail));
    }
    assert_eq!(resolve(&lab, "fails.wayward.com").rcode(), ResponseCode::ServFail);
    let delay = Duration::from_millis(300);
    wayward.behave_for("slow.wayward.com", Behaviour::Delay(delay));
    assert!(resolve(&lab, "slow.wayward.com").elapsed >= delay);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_signed_names_are_validated_and_broken_ones_refused() {
    let lab = start(&plan());
    assert_eq!(findings(&lab), ["single-point-of-failure", "backend-reachable"]);
    let find = |is_signed: bool| {
        let mut domains = internet::domains().into_iter();
        let found = domains.find(|domain| domain.is_signed == is_signed);
        found.unwrap().name
    };
    let front = lab.node("dd1").unwrap().namespace();
    for node in ["rec1", "rec2"] {
        let rec = lab.node(node).unwrap().host().addresses().next().unwrap();
        let client = Client::to((rec, 53).into()).from(front).patience(PATIENCE);
        for (name, code, is_validated) in [
            (find(true), ResponseCode::NoError, true),
            (format!("www.{}", find(true)), ResponseCode::NoError, true),
            ("not-there.pk".to_owned(), ResponseCode::NXDomain, true),
            (find(false), ResponseCode::NoError, false),
            (internet::BOGUS.to_owned(), ResponseCode::ServFail, false),
        ] {
            let reply = client.udp(&Ask::new(&name, "A").unwrap().validated()).unwrap();
            let seen = (reply.rcode(), reply.message.metadata.authentic_data);
            assert_eq!(seen, (code, is_validated), "{node}: {name}");
        }
    }
}
