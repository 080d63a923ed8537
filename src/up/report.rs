//! What `weir up` says of itself: JSON, and the page that `weir status` prints from it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_config::site::RoleName;
use weir_wire::Timestamp;

use super::arguments::role;
use super::driver::Driver;
use super::orders::Order;
use super::supervision::State;
use crate::status_socket;
use crate::table::{aligned, span};
use crate::vip;

/// What the status socket may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The state as JSON.
    Status,
    /// Read the site file again.
    Reload,
    /// Have a role end or run.
    Order(Order, RoleName),
    /// Go on as the program in a file; without one, as what is now in the file that this program is from.
    Upgrade(Option<PathBuf>),
}

impl status_socket::Request for Request {
    fn parse(line: &str) -> Option<Self> {
        let order = |order, name| role(name).ok().map(|role| Self::Order(order, role));
        match line.split_once(' ') {
            Some(("stop", name)) => order(Order::Stop, name),
            Some(("start", name)) => order(Order::Start, name),
            Some(("upgrade", path)) => Some(Self::Upgrade(Some(path.into()))),
            Some(_) => None,
            None if line == "status" => Some(Self::Status),
            None if line == "reload" => Some(Self::Reload),
            None if line == "upgrade" => Some(Self::Upgrade(None)),
            None => None,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Status => "status".to_owned(),
            Self::Reload => "reload".to_owned(),
            Self::Order(Order::Stop, role) => format!("stop {role}"),
            Self::Order(Order::Start, role) => format!("start {role}"),
            Self::Upgrade(None) => "upgrade".to_owned(),
            Self::Upgrade(Some(path)) => format!("upgrade {}", path.display()),
        }
    }
}

/// The state as JSON. Times are in seconds.
pub(super) fn json(driver: &Driver, now: Timestamp) -> Value {
    let shares = &driver.shares;
    let roles = driver.supervision.wards().iter().map(|ward| {
        let (state, since, again) = match ward.state {
            State::Waiting => ("waiting", None, None),
            State::Starting { since } => ("starting", Some(since), None),
            State::Up { since } => ("up", Some(since), None),
            State::Resting { until } => ("restarting", None, Some(until)),
            State::Ending { .. } => ("stopping", None, None),
            State::Stopped => ("stopped", None, None),
        };
        json!({
            "role": ward.role.to_string(),
            "program": shares.share(ward.role).map(|share| share.program.name()),
            "state": state,
            "since_s": since.map(|since| now.since(since).as_secs_f64()),
            "restart_in_s": again.map(|until| until.since(now).as_secs_f64()),
            "pid": driver.pid(ward.role),
            "failures": ward.failures,
            "last_failure": ward.reason,
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "site": shares.site,
        "node": shares.node,
        "digest": shares.digest,
        "since_s": now.since(driver.started).as_secs_f64(),
        "roles": roles.collect::<Vec<_>>(),
    })
}

/// The answer of `weir up`, and what the node's `weir vip` says of its addresses; null where there is none to ask.
///
/// # Errors
/// When the answer is none.
pub(super) fn with_addresses(answer: &str, run: &Path) -> Result<Value, String> {
    let mut status: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let routers = vip::status(run)
        .ok()
        .and_then(|answer| serde_json::from_str::<Value>(&answer).ok())
        .and_then(|vip| vip.get("routers").cloned());
    let addresses = routers.as_ref().and_then(Value::as_array).map(|routers| {
        let address = |router: &Value| {
            let of = |key: &str| router.get(key).cloned().unwrap_or_default();
            json!({
                "name": of("name"),
                "addresses": of("addresses"),
                "held_here": of("holds"),
                "holder": router.pointer("/master/address").cloned().unwrap_or_default(),
                "because": of("reason"),
            })
        };
        routers.iter().map(address).collect::<Vec<_>>()
    });
    if let Some(status) = status.as_object_mut() {
        status.insert("addresses".to_owned(), addresses.into());
    }
    Ok(status)
}

/// The page for people.
pub(super) fn page(status: &Value) -> String {
    let mut page = format!(
        "{} in the site {}, weir {}, up for {}\nsite file {}\n\n",
        text(status, "node"),
        text(status, "site"),
        text(status, "version"),
        span(seconds(status, "since_s").unwrap_or(0.0)),
        text(status, "digest"),
    );
    let head = [
        "role",
        "program",
        "state",
        "for",
        "pid",
        "failures",
        "last failure",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(list(status, "roles").iter().map(role_row));
    page += &aligned(&rows);
    let addresses = list(status, "addresses");
    if !addresses.is_empty() {
        let mut rows = vec![["address", "held by", "because"].map(str::to_owned)];
        rows.extend(addresses.iter().map(address_row));
        page.push('\n');
        page += &aligned(&rows);
    }
    page
}

fn role_row(role: &Value) -> [String; 7] {
    let state = match (seconds(role, "restart_in_s"), text(role, "state")) {
        (Some(pause), _) => format!("restarting in {}", span(pause)),
        (None, state) if state == "stopped" => "stopped (by weir stop)".to_owned(),
        (None, state) => state,
    };
    let number = |key: &str| role.get(key).and_then(Value::as_u64);
    [
        text(role, "role"),
        text(role, "program"),
        state,
        seconds(role, "since_s").map_or_else(|| "-".to_owned(), span),
        number("pid").map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        number("failures").unwrap_or(0).to_string(),
        text(role, "last_failure"),
    ]
}

fn address_row(address: &Value) -> [String; 3] {
    let held = address.get("held_here").and_then(Value::as_bool) == Some(true);
    let holder = if held {
        "this node".to_owned()
    } else {
        text(address, "holder")
    };
    let own = list(address, "addresses");
    let own: Vec<&str> = own.iter().filter_map(Value::as_str).collect();
    [own.join(" "), holder, text(address, "because")]
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or("-").to_owned()
}

fn seconds(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::super::shares::ROLES;
    use super::*;

    #[test]
    fn the_page_says_what_runs_and_who_holds_the_address() {
        let status = json!({
            "version": "0.1.0", "site": "lab", "node": "dd1", "digest": "abc", "since_s": 75.0,
            "roles": [
                { "role": "front", "program": "weir front", "state": "up", "since_s": 61.0, "pid": 17, "failures": 0 },
                { "role": "vip", "program": "weir vip", "state": "restarting", "restart_in_s": 1.6, "failures": 4,
                  "last_failure": "exit status: 1" },
                { "role": "auth", "program": "named", "state": "stopped", "failures": 0 },
            ],
            "addresses": [{ "name": "dns", "addresses": ["10.0.0.1/24"], "held_here": false,
                            "holder": "10.0.0.3", "because": "heard a better one" }],
        });
        let expected = "\
dd1 in the site lab, weir 0.1.0, up for 1 min 15 s
site file abc

role   program     state                   for        pid  failures  last failure
front  weir front  up                      1 min 1 s  17   0         -
vip    weir vip    restarting in 1.6 s     -          -    4         exit status: 1
auth   named       stopped (by weir stop)  -          -    0         -

address      held by   because
10.0.0.1/24  10.0.0.3  heard a better one
";
        assert_eq!(page(&status), expected);
    }
    #[test]
    fn every_request_is_understood_as_it_was_meant() {
        use crate::status_socket::Request as _;
        let orders = ROLES
            .into_iter()
            .flat_map(|role| [Order::Stop, Order::Start].map(|order| Request::Order(order, role)));
        let others = [
            Request::Status,
            Request::Reload,
            Request::Upgrade(None),
            Request::Upgrade(Some("/tmp/a new/weir".into())),
        ];
        for request in orders.chain(others) {
            let line = request.line();
            assert_eq!(Request::parse(&line), Some(request), "{line}");
        }
        for line in ["", "stop", "stop frnt", "start front vip", "status now", "STATUS"] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }
}
