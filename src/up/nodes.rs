//! `weir status --site`: what every node of the site says of itself, side by side.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};
use weir_config::site::{Node, RoleName, Site};

use super::reach::{Silence, Way};
use super::shares::ROLES;
use crate::table::aligned;

/// Nodes that are asked at once.
const AT_ONCE: usize = 32;
/// So much of a digest tells site files apart, for people.
const SHORT_DIGEST: usize = 12;
/// A version or a state is no longer.
const MAX_WORD_LEN: usize = 32;

/// A node, and what it says.
#[derive(Debug)]
pub(super) struct Row {
    node: String,
    address: IpAddr,
    answer: Result<Answer, Silence>,
}

/// What `weir status --json` says, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Answer {
    node: String,
    version: String,
    digest: String,
    roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
struct Role {
    role: String,
    state: String,
}

/// Where a node is reached: where people run it from, else at its first address.
fn address(node: &Node) -> Option<IpAddr> {
    let mut management = node.management_addresses();
    let address = management.next().or_else(|| node.addresses.first());
    address.map(|own| own.address)
}

/// Asks every node, `own` by its own means.
pub(super) fn ask(site: &Site, way: &Way, own: impl Fn(&Node) -> Option<Result<String, String>>) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in site.nodes.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let asked = batch.iter().filter_map(|node| {
                let address = address(node)?;
                let answer = match own(node) {
                    Some(answer) => Ok(answer.map(String::into_bytes).map_err(Silence::Failed)),
                    None => Err(scope.spawn(move || way.ask(&node.name, address))),
                };
                Some((node, address, answer))
            });
            for (node, address, answer) in asked.collect::<Vec<_>>() {
                let died = |_| Err(Silence::Failed("asking it died of a bug".to_owned()));
                let answer = answer.unwrap_or_else(|thread| thread.join().unwrap_or_else(died));
                rows.push(Row {
                    node: node.name.clone(),
                    address,
                    answer: answer.and_then(|text| Answer::parse(&text, &node.name)),
                });
            }
        });
    }
    rows
}

impl Answer {
    /// Reads an answer, which may be anything.
    fn parse(text: &[u8], node: &str) -> Result<Self, Silence> {
        let unreadable = |why: &str| Silence::Unreadable(why.to_owned());
        let answer: Self = serde_json::from_slice(text).map_err(|_| unreadable("it is not its JSON"))?;
        let is_word = |text: &str| {
            let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b".+-_".contains(&letter);
            text.len() <= MAX_WORD_LEN && text.bytes().all(is_plain)
        };
        if !is_word(&answer.version) {
            return Err(unreadable("its version is none"));
        }
        if answer.digest.len() != 64 || !answer.digest.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(unreadable("its digest is none"));
        }
        if !answer
            .roles
            .iter()
            .all(|role| is_word(&role.role) && is_word(&role.state))
        {
            return Err(unreadable("its roles are none"));
        }
        if !answer.node.eq_ignore_ascii_case(node) {
            return Err(unreadable("it is another node"));
        }
        Ok(answer)
    }

    /// The state of a role; `None` when the node does not have it.
    fn state(&self, role: RoleName) -> Option<&str> {
        let name = role.to_string();
        let found = self.roles.iter().find(|known| known.role == name);
        found.map(|known| known.state.as_str())
    }

    /// Whether the node runs another site file.
    fn differs(&self, site: &Site) -> bool {
        self.digest != site.digest.to_string()
    }
}

impl Row {
    /// Whether it runs everything, and what the site file says.
    fn is_well(&self, site: &Site) -> bool {
        self.answer.as_ref().is_ok_and(|answer| {
            let is_up = |role: &Role| role.state == "up";
            answer.roles.iter().all(is_up) && !answer.differs(site)
        })
    }

    fn cells(&self, site: &Site) -> [String; 8] {
        let [front, vip, auth, resolve] = ROLES.map(|role| {
            let state = self.answer.as_ref().ok().and_then(|answer| answer.state(role));
            state.unwrap_or("-").to_owned()
        });
        let (version, file) = match &self.answer {
            Err(why) => ("-".to_owned(), format!("unreachable: {why}")),
            Ok(answer) => {
                let mut file = short(&answer.digest).to_owned();
                if answer.differs(site) {
                    file += " differs";
                }
                (answer.version.clone(), file)
            }
        };
        let address = self.address.to_string();
        [
            self.node.clone(),
            address,
            front,
            vip,
            auth,
            resolve,
            version,
            file,
        ]
    }

    fn json(&self, site: &Site) -> Value {
        let answer = self.answer.as_ref().ok();
        let roles = answer.map(|answer| {
            let role = |role: &Role| json!({ "role": role.role, "state": role.state });
            answer.roles.iter().map(role).collect::<Vec<_>>()
        });
        json!({
            "node": self.node,
            "address": self.address.to_string(),
            "roles": roles,
            "version": answer.map(|answer| &answer.version),
            "digest": answer.map(|answer| &answer.digest),
            "differs": answer.map(|answer| answer.differs(site)),
            "unreachable": self.answer.as_ref().err().map(ToString::to_string),
        })
    }
}

/// Whether every node is reached, runs all of its roles, and runs the site file.
pub(super) fn are_well(site: &Site, rows: &[Row]) -> bool {
    rows.iter().all(|row| row.is_well(site))
}

/// The page for people.
pub(super) fn page(site: &Site, rows: &[Row]) -> String {
    let digest = site.digest.to_string();
    let mut page = format!("site {}, site file {}\n\n", site.name, short(&digest));
    let head = [
        "node",
        "address",
        "front",
        "vip",
        "auth",
        "resolve",
        "version",
        "site file",
    ];
    let mut cells = vec![head.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| row.cells(site)));
    // Writing to a String cannot fail.
    let _ = write!(page, "{}", aligned(&cells));
    page
}

/// The same for machines.
pub(super) fn json(site: &Site, rows: &[Row]) -> Value {
    json!({
        "site": site.name,
        "digest": site.digest.to_string(),
        "nodes": rows.iter().map(|row| row.json(site)).collect::<Vec<_>>(),
    })
}

fn short(digest: &str) -> &str {
    digest.get(..SHORT_DIGEST).unwrap_or(digest)
}

#[cfg(test)]
mod tests;
