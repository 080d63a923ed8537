//! Three networks, with the firewalls that the site file asks for.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::lab::{Lab, Networks, Plan};
use weir_lab::{Ask, Client, Namespace, Reply, Transport, internet};

use crate::library::{plan, start};

/// How long nobody answers who is not going to.
const SILENCE: Duration = Duration::from_millis(300);

fn ask(from: &Namespace, server: SocketAddr, transport: Transport, name: &str) -> Option<Reply> {
    let client = Client::to(server).from(from).patience(SILENCE);
    client.ask(transport, &Ask::new(name, "A").unwrap()).ok()
}

fn connects(from: &Namespace, address: &str) -> bool {
    let address = address.parse().unwrap();
    from.enter(|| TcpStream::connect_timeout(&address, SILENCE).is_ok())
        .unwrap()
}

/// The address that front ends ask.
fn backend(lab: &Lab, node: &str) -> SocketAddr {
    SocketAddr::new(lab.node(node).unwrap().host().addresses().next().unwrap(), 53)
}

/// What `weir check` finds in the site file.
pub(crate) fn findings(lab: &Lab) -> Vec<String> {
    let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
    let output = check
        .args(["check", "--json"])
        .arg(lab.site_file())
        .output()
        .unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_subscribers_reach_the_floating_address_and_nothing_else() {
    let plan = Plan {
        networks: Networks::Three,
        ..plan()
    };
    let lab = start(&plan);
    assert_eq!(findings(&lab), ["single-point-of-failure"]);
    let client = lab.client();
    for transport in [Transport::Udp, Transport::Tcp] {
        for name in ["www.zaibdns.lab", "google.com"] {
            assert!(
                ask(client, lab.floating(), transport, name).is_some(),
                "{name} {transport:?}"
            );
        }
    }

    // The way to the servers is open, by the router; it is their firewalls that drop.
    for node in ["auth1", "rec1", "rec2"] {
        let server = backend(&lab, node);
        for transport in [Transport::Udp, Transport::Tcp] {
            assert!(
                ask(client, server, transport, "www.zaibdns.lab").is_none(),
                "{node} {transport:?}"
            );
        }
        let front = lab.node("dd1").unwrap().namespace();
        assert!(
            ask(front, server, Transport::Tcp, "www.zaibdns.lab").is_some(),
            "{node}"
        );
    }
    let rec1 = lab.node("rec1").unwrap().namespace();
    let open = rec1
        .command("nft")
        .args(["delete", "table", "inet", "weir"])
        .status();
    assert!(open.unwrap().success());
    let reply = ask(client, backend(&lab, "rec1"), Transport::Udp, "google.com").unwrap();
    assert_eq!(reply.rcode(), ResponseCode::Refused);

    // LAB-DD1 would answer at any of its addresses.
    client
        .ip(&["route", "add", "10.10.4.0/24", "via", "10.10.2.161"])
        .unwrap();
    for address in ["10.10.2.160", "10.10.2.161", "10.10.4.161"] {
        for port in [8083, 5199] {
            assert!(
                !connects(client, &format!("{address}:{port}")),
                "{address}:{port}"
            );
        }
    }
    assert!(connects(lab.admin().unwrap(), "10.10.4.161:8083"));

    let stranger = Client::to(lab.floating()).from(lab.internet().host());
    let stranger = stranger.source(internet::OUTSIDER).patience(SILENCE);
    assert!(stranger.udp(&Ask::new("www.zaibdns.lab", "A").unwrap()).is_err());
}
