//! What `weir vip` says of itself: JSON, Prometheus' text, and the page that `weir vip status` prints from the JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use weir_vrrp::{
    Condition, Happening, LogEvent, NodeSettings, Reason, RejectKind, RouterState, RouterStatus,
};
use weir_wire::Timestamp;

use super::driver::Driver;
use crate::table::{aligned, span};

/// A line of the journal, with names instead of numbers.
pub(super) fn describe(event: &LogEvent, settings: &NodeSettings) -> String {
    let tracker = |number: usize| settings.trackers.get(number).map_or("?", |t| t.name.as_str());
    let text = match &event.what {
        Happening::Tracker {
            tracker: number,
            condition,
        } => format!("{} {condition}", tracker(*number)),
        Happening::Transition { from, to, reason } => {
            format!("{from} -> {to}: {}", because(*reason, settings))
        }
        other => other.to_string(),
    };
    match event.withheld {
        0 => text,
        withheld => format!("{text} ({withheld} more of the kind before)"),
    }
}

/// A reason with names instead of numbers.
fn because(reason: Reason, settings: &NodeSettings) -> String {
    let tracker = |number: usize| settings.trackers.get(number).map_or("?", |t| t.name.as_str());
    let router = |number: usize| settings.routers.get(number).map_or("?", |(r, _)| r.name.as_str());
    match reason {
        Reason::TrackerFails(number) => format!("{} fails", tracker(number)),
        Reason::TrackerUnknown(number) => format!("{} is not known yet", tracker(number)),
        Reason::GroupFails(number) => format!("{} of its group cannot be master", router(number)),
        Reason::GroupMaster(number) => format!("{} of its group has become master", router(number)),
        Reason::GroupYields(number) => format!("{} of its group has yielded", router(number)),
        other => other.to_string(),
    }
}

/// The state as JSON. Times are in seconds.
pub(super) fn json(driver: &Driver, now: Timestamp) -> Value {
    let settings = &driver.settings;
    let routers = settings.node.routers.iter().zip(&settings.routers).enumerate();
    let routers = routers.filter_map(|(number, ((router, _), attachment))| {
        let status = driver.node.status(number)?;
        let addresses = attachment.addresses.iter();
        Some(json!({
            "name": router.name,
            "state": status.state.name(),
            "holds": status.state.holds(),
            "since_s": now.since(status.since).as_secs_f64(),
            "reason": because(status.reason, &settings.node),
            "vrid": router.vrid.0.get(),
            "interface": attachment.interface,
            "source": status.source.map(|address| address.to_string()),
            "addresses": addresses.map(|a| format!("{}/{}", a.address, a.prefix)).collect::<Vec<_>>(),
            "priority": { "configured": router.priority.0.get(), "effective": status.priority },
            "interval_s": router.interval.duration().as_secs_f64(),
            "master": status.master.map(|master| json!({
                "address": master.address.to_string(),
                "priority": master.priority,
                "interval_s": master.interval.duration().as_secs_f64(),
                "heard_s": now.since(master.heard).as_secs_f64(),
            })),
            "held_back": status.held_back,
            "last_failover_s": status.last_failover.map(|time| time.as_secs_f64()),
            "counters": counters(&status),
        }))
    });
    let trackers = settings.node.trackers.iter().zip(driver.trackers.conditions());
    let trackers = trackers
        .map(|(tracker, (_, condition))| json!({ "name": tracker.name, "condition": word(condition) }));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "router_id": settings.router_id,
        "routers": routers.collect::<Vec<_>>(),
        "trackers": trackers.collect::<Vec<_>>(),
        "front": driver.front.as_ref().map(|front| json!({ "address": front.address().map(|a| a.to_string()) })),
    })
}

/// A router's numbers, by the names that metrics have too.
fn numbers(status: &RouterStatus<'_>) -> [(&'static str, &'static str, u64); 11] {
    let counters = status.counters;
    [
        (
            "adverts_sent",
            "Adverts sent, one per destination",
            counters.adverts_sent,
        ),
        (
            "adverts_received",
            "Adverts received and believed",
            counters.adverts_received,
        ),
        (
            "become_master",
            "Times the router became master",
            counters.become_master,
        ),
        (
            "release_master",
            "Times the router gave the address up",
            counters.release_master,
        ),
        (
            "priority_zero_sent",
            "Farewells sent",
            counters.priority_zero_sent,
        ),
        (
            "priority_zero_received",
            "Farewells received",
            counters.priority_zero_received,
        ),
        (
            "address_list_mismatches",
            "Adverts that list other addresses",
            counters.address_list_mismatches,
        ),
        (
            "interval_mismatches",
            "Adverts that come at another interval",
            counters.interval_mismatches,
        ),
        (
            "conflicts",
            "Claims of others to an address held here",
            counters.conflicts,
        ),
        (
            "addresses_restored",
            "Addresses removed by others and put back",
            counters.addresses_restored,
        ),
        (
            "announcements",
            "Announcements of addresses",
            counters.announcements,
        ),
    ]
}

fn counters(status: &RouterStatus<'_>) -> Value {
    let mut all: serde_json::Map<String, Value> = numbers(status)
        .into_iter()
        .map(|(name, _, value)| (name.to_owned(), value.into()))
        .collect();
    let rejected = RejectKind::ALL.into_iter();
    let rejected = rejected.map(|kind| (kind.name().to_owned(), status.counters.rejected(kind).into()));
    all.insert("rejected".to_owned(), Value::Object(rejected.collect()));
    Value::Object(all)
}

/// Counters and states in Prometheus' text format.
pub(super) fn metrics(driver: &Driver, now: Timestamp) -> String {
    let mut text = String::new();
    let names = driver
        .settings
        .node
        .routers
        .iter()
        .map(|(router, _)| router.name.as_str());
    let routers: Vec<_> = names
        .enumerate()
        .filter_map(|(number, name)| Some((name, driver.node.status(number)?)))
        .collect();
    gauge_rows(&mut text, &routers, now);
    counter_rows(&mut text, &routers);
    gauge(&mut text, "tracker_holds", "1 while what is tracked holds");
    for (tracker, (_, condition)) in driver
        .settings
        .node
        .trackers
        .iter()
        .zip(driver.trackers.conditions())
    {
        let holds = matches!(condition, Condition::Holds | Condition::Number(0));
        row(
            &mut text,
            "tracker_holds",
            &[("tracker", &tracker.name)],
            f64::from(u8::from(holds)),
        );
    }
    text
}

fn gauge_rows(text: &mut String, routers: &[(&str, RouterStatus<'_>)], now: Timestamp) {
    gauge(text, "state", "1 for the state that the router is in");
    for (name, status) in routers {
        for state in RouterState::ALL {
            let (state_name, value) = (state.name(), u8::from(state == status.state));
            row(
                text,
                "state",
                &[("router", name), ("state", state_name)],
                f64::from(value),
            );
        }
    }
    gauge(text, "priority", "The router's effective priority");
    for (name, status) in routers {
        row(text, "priority", &[("router", name)], f64::from(status.priority));
    }
    gauge(text, "state_seconds", "How long the router has been in its state");
    for (name, status) in routers {
        let seconds = now.since(status.since).as_secs_f64();
        row(text, "state_seconds", &[("router", name)], seconds);
    }
    gauge(
        text,
        "last_failover_seconds",
        "From the old master's last advert until the address was here",
    );
    for (name, status) in routers {
        let seconds = status
            .last_failover
            .as_ref()
            .map_or(f64::NAN, Duration::as_secs_f64);
        row(text, "last_failover_seconds", &[("router", name)], seconds);
    }
}

fn counter_rows(text: &mut String, routers: &[(&str, RouterStatus<'_>)]) {
    let Some((_, first)) = routers.first() else { return };
    for (at, (metric, help, _)) in numbers(first).into_iter().enumerate() {
        let metric = format!("{metric}_total");
        head(text, &metric, help, "counter");
        for (name, status) in routers {
            let value = numbers(status).get(at).map_or(0, |(_, _, value)| *value);
            row(text, &metric, &[("router", name)], value as f64);
        }
    }
    head(
        text,
        "rejected_total",
        "Adverts that were not believed, by reason",
        "counter",
    );
    for (name, status) in routers {
        for kind in RejectKind::ALL {
            let labels = [("router", *name), ("reason", kind.name())];
            row(
                text,
                "rejected_total",
                &labels,
                status.counters.rejected(kind) as f64,
            );
        }
    }
}

fn gauge(text: &mut String, name: &str, help: &str) {
    head(text, name, help, "gauge");
}

// Writing to a String cannot fail, here and below.
fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(
        text,
        "# HELP weir_vip_{name} {help}\n# TYPE weir_vip_{name} {kind}"
    );
}

fn row(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    let labels = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{}\"", escape(value)));
    let _ = writeln!(
        text,
        "weir_vip_{name}{{{}}} {value}",
        labels.collect::<Vec<_>>().join(",")
    );
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

const fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Unknown => "unknown",
        Condition::Holds | Condition::Number(0) => "holds",
        Condition::Fails => "fails",
        Condition::Number(_) => "number",
    }
}

/// The page for people, from [`json`].
pub(super) fn page(status: &Value) -> String {
    let mut rows = vec![["router", "state", "for", "priority", "addresses", "because"].map(str::to_owned)];
    let list = |key: &str| {
        status
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for router in list("routers") {
        let text = |key: &str| router.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        let addresses = router
            .get("addresses")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let addresses: Vec<&str> = addresses.iter().filter_map(Value::as_str).collect();
        let number = |path: &str| router.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let priority = match (number("/priority/effective"), number("/priority/configured")) {
            (effective, configured) if effective == configured => effective.to_string(),
            (effective, configured) => format!("{effective} of {configured}"),
        };
        let since = router.get("since_s").and_then(Value::as_f64).unwrap_or(0.0);
        let addresses = format!("{} on {}", addresses.join(" "), text("interface"));
        rows.push([
            text("name"),
            text("state"),
            span(since),
            priority,
            addresses,
            text("reason"),
        ]);
    }
    let mut page = aligned(&rows);
    let trackers = list("trackers");
    let mut rows = vec![["tracked".to_owned(), "condition".to_owned()]];
    rows.extend(trackers.iter().map(|tracker| {
        ["name", "condition"].map(|key| tracker.get(key).and_then(Value::as_str).unwrap_or("-").to_owned())
    }));
    page.push('\n');
    page.push_str(&aligned(&rows));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_aligned_and_says_why() {
        let status = json!({
            "routers": [{
                "name": "VI_DNS", "state": "master", "since_s": 75.2, "interface": "eth0",
                "reason": "no master was heard", "addresses": ["10.10.2.160/32"],
                "priority": { "configured": 150, "effective": 19 },
            }],
            "trackers": [{ "name": "front end", "condition": "holds" }],
        });
        let expected = "\
router  state   for         priority   addresses               because
VI_DNS  master  1 min 15 s  19 of 150  10.10.2.160/32 on eth0  no master was heard

tracked    condition
front end  holds
";
        assert_eq!(page(&status), expected);
    }
}
