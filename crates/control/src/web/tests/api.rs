//! The API's documents.

use serde_json::{Value, json};
use weir_wire::{NameBuf, Timestamp};

use super::*;

#[test]
fn jsonstat_has_every_statistic() {
    let address = start(&Site::new(&spec()));
    let stats = get(address, "/jsonstat?command=stats", KEY).json();
    for name in include_str!("../../../tests/dnsdist-statistics.txt").lines() {
        assert!(stats[name].is_number(), "{name}");
    }
    assert_eq!(stats["queries"], 7);
    assert_eq!(stats["latency-slow"], 1);
    assert_eq!(stats["server-policy"], "leastOutstanding");
    assert_eq!(stats["packetcache-hits"], 0);
    for command in ["dynblocklist", "ebpfblocklist"] {
        assert_eq!(
            get(address, &format!("/jsonstat?command={command}"), KEY).json(),
            json!({})
        );
    }
}

#[test]
fn the_overview_has_dnsdists_keys() {
    let site = Site::new(&spec());
    let address = start(&site);
    let overview = get(address, "/api/v1/servers/localhost", KEY).json();
    let expected: Value = serde_json::from_str(include_str!("../../../tests/dnsdist-overview.json")).unwrap();
    assert_has_keys(&overview, &expected, "");
    assert_eq!(overview["servers"][0]["name"], "b.1");
    assert_eq!(overview["servers"][0]["pools"], json!(["", "rec"]));
    assert_eq!(overview["servers"][1]["name"], "127.0.0.1:5301");
    assert_eq!(overview["servers"][1]["state"], "down");
    assert_eq!(overview["pools"][1]["cacheSize"], 1000);
    assert_eq!(overview["frontends"][1]["queries"], 3);
    assert_eq!(overview["rules"][1]["name"], "same \"name\"\\\n");
}

#[test]
fn statistics_are_a_list_of_items() {
    let address = start(&Site::new(&spec()));
    let items = get(address, "/api/v1/servers/localhost/statistics", KEY).json();
    let queries = json!({ "name": "queries", "type": "StatisticItem", "value": 7 });
    assert!(items.as_array().unwrap().contains(&queries));
}

#[test]
fn a_pool_has_its_servers_and_its_cache() {
    let address = start(&Site::new(&spec()));
    let pool = get(address, "/api/v1/servers/localhost/pool?name=rec", KEY).json();
    assert_eq!(pool["stats"]["serversCount"], 1);
    assert_eq!(pool["servers"].as_array().unwrap().len(), 1);
    assert_eq!(
        get(address, "/api/v1/servers/localhost/pool?name=", KEY).json()["stats"]["serversCount"],
        2
    );
}

#[test]
fn settings_are_a_list_of_items() {
    let address = start(&Site::new(&spec()));
    let settings = get(address, "/api/v1/servers/localhost/config", KEY).json();
    let timeout = json!({ "name": "tcp-recv-timeout", "type": "ConfigSetting", "value": 2 });
    assert!(settings.as_array().unwrap().contains(&timeout));
    let allowed = get(address, "/api/v1/servers/localhost/config/allow-from", KEY).json();
    assert_eq!(allowed["name"], "allow-from");
    assert!(
        allowed["value"]
            .as_array()
            .unwrap()
            .contains(&json!("127.0.0.0/8"))
    );
}

#[test]
fn only_a_writable_api_expunges() {
    let mut spec = spec();
    let path = "/api/v1/cache?pool=rec&name=www.example.net";
    assert_eq!(ask(start(&Site::new(&spec)), "DELETE", path, KEY).status, 405);
    spec.web.access.api_read_write = true;
    let site = Site::new(&spec);
    let address = start(&site);
    assert_eq!(ask(address, "DELETE", path, NOBODY).status, 401);
    assert_eq!(ask(address, "DELETE", path, &password("pw")).status, 401);
    fill_cache(&site, ["www.example.net", "mail.example.net", "example.org"]);
    let count = |path: &str| ask(address, "DELETE", path, KEY).json()["count"].clone();
    assert_eq!(count("/api/v1/cache?pool=rec&name=www.example.net&type=AAAA"), 0);
    assert_eq!(count("/api/v1/cache?pool=rec&name=www.example.net&type=A"), 1);
    assert_eq!(count("/api/v1/cache?pool=rec&name=example.net"), 0);
    assert_eq!(count("/api/v1/cache?pool=rec&name=example.net&suffix="), 1);
    assert_eq!(count("/api/v1/cache?pool=rec&name=example.org"), 1);
    for (path, status) in [
        ("/api/v1/cache?pool=rec", 400),
        ("/api/v1/cache?pool=rec&name=a..b", 400),
        ("/api/v1/cache?pool=rec&name=a&type=NONSENSE", 400),
        ("/api/v1/cache?pool=unknown&name=a", 404),
        ("/api/v1/cache?pool=&name=a", 404),
    ] {
        assert_eq!(ask(address, "DELETE", path, KEY).status, status, "{path}");
    }
}

/// Puts an address for each name into the cache of the pool "rec".
fn fill_cache(site: &Site, names: [&str; 3]) {
    let snapshot = site.snapshot();
    let cache = snapshot.pool("rec").unwrap().cache.as_ref().unwrap();
    for name in names {
        let name: NameBuf = name.parse().unwrap();
        let header = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let packet = [&header[..], name.as_name().wire(), &[0, 1, 0, 1]].concat();
        let query = weir_wire::Query::parse(&packet).unwrap();
        let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
        let mut reply = [&packet[..], &answer].concat();
        (reply[2], reply[7]) = (0x81, 1);
        let inserted = cache.insert(&query, &cache.key(&query).unwrap(), &reply, Timestamp::ZERO, None);
        assert_eq!(inserted, weir_cache::Inserted::Stored);
    }
}

/// Every key of dnsdist's document is there, with a value of the same type; lists are compared by their first item.
fn assert_has_keys(ours: &Value, dnsdists: &Value, at: &str) {
    match dnsdists {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| {
                let found = ours.get(key).unwrap_or_else(|| panic!("{at}/{key} is missing"));
                assert_has_keys(found, value, &format!("{at}/{key}"));
            });
        }
        Value::Array(items) => {
            let found = ours.as_array().unwrap_or_else(|| panic!("{at} is no list"));
            items
                .first()
                .zip(found.first())
                .iter()
                .for_each(|(item, found)| assert_has_keys(found, item, at));
        }
        Value::Number(_) => assert!(ours.is_number(), "{at} is no number: {ours}"),
        Value::String(_) => assert!(ours.is_string(), "{at} is no text: {ours}"),
        Value::Bool(_) => assert!(ours.is_boolean(), "{at} is no truth value: {ours}"),
        Value::Null => {}
    }
}
