//! What stands where now, as JSON.

use serde_json::{Value, json};

use super::plan::{Kind, Networks, ROUTER};
use super::{Lab, Node};
use crate::pair::has_address;

impl Lab {
    /// The whole laboratory: hosts, roles, who holds the address. Times are in seconds.
    pub fn status(&mut self) -> Value {
        let address = self.floating().ip();
        let holds = |node: &&Node| has_address(node.namespace(), address).unwrap_or(false);
        let holders: Vec<&str> = self.nodes.iter().filter(holds).map(Node::name).collect();
        let holders = json!(holders);
        let fronts = ["dd1", "dd2"];
        let pages = self.nodes.iter().filter(|node| fronts.contains(&node.name()));
        let pages: Vec<String> = pages
            .filter_map(|node| node.host().addresses().last())
            .map(|address| format!("http://{address}:8083/"))
            .collect();
        let others = [Some(&self.client), self.admin.as_ref()].into_iter().flatten();
        let mut others: Vec<Value> = others
            .map(|host| json!({ "host": host.name(), "addresses": strings(host.addresses()) }))
            .collect();
        let router = self.plan.lans_of(Kind::Router).iter();
        let router = strings(router.map(|lan| lan.address(ROUTER)));
        others.push(json!({ "host": "internet", "addresses": router }));
        let nodes: Vec<Value> = self.nodes.iter_mut().map(node).collect();
        json!({
            "networks": match self.plan.networks { Networks::One => 1, Networks::Three => 3 },
            "floating": { "address": address.to_string(), "holders": holders },
            "status_pages": pages,
            "status_password_file": self.scratch.path().join("page").display().to_string(),
            "site_file": self.site.display().to_string(),
            "nodes": nodes,
            "others": others,
        })
    }
}

/// One node; `roles` are those of `weir status`, none where nothing runs.
fn node(node: &mut Node) -> Value {
    let addresses = strings(node.host().addresses());
    let status = if node.is_running() {
        node.status().ok()
    } else {
        None
    };
    let status = status.unwrap_or_default();
    json!({
        "host": node.name(),
        "addresses": addresses,
        "run": node.run().display().to_string(),
        "running": node.is_running(),
        "version": status["version"],
        "digest": status["digest"],
        "roles": status["roles"],
    })
}

fn strings(addresses: impl Iterator<Item = std::net::IpAddr>) -> Vec<String> {
    addresses.map(|address| address.to_string()).collect()
}
