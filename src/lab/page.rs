//! What `weir lab status` prints.

use serde_json::Value;

use crate::table::aligned;

/// The page for people.
pub(super) fn page(status: &Value) -> String {
    let mut rows = vec![["host", "addresses", "role", "program", "state", "pid"].map(str::to_owned)];
    for node in list(status, "nodes") {
        rows.extend(node_rows(node));
    }
    for other in list(status, "others") {
        let words = [text(other, "host"), words(other, "addresses")];
        rows.push([&words[0], &words[1], "", "", "", ""].map(str::to_owned));
    }
    let floating = &status["floating"];
    let holders = words(floating, "holders");
    let holder = if holders.is_empty() { "nobody" } else { &holders };
    let facts = [
        [
            "floating address".to_owned(),
            format!("{}, held by {holder}", text(floating, "address")),
        ],
        ["status pages".to_owned(), words(status, "status_pages")],
        ["their password".to_owned(), text(status, "status_password_file")],
        ["site file".to_owned(), text(status, "site_file")],
    ];
    format!("{}\n{}", aligned(&rows), aligned(&facts))
}

/// A line for each role of a node.
fn node_rows(node: &Value) -> Vec<[String; 6]> {
    let mut rows = Vec::new();
    let mut own = [text(node, "host"), words(node, "addresses")];
    for role in list(node, "roles") {
        let pid = role["pid"]
            .as_u64()
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let [host, addresses] = std::mem::take(&mut own);
        rows.push([
            host,
            addresses,
            text(role, "role"),
            text(role, "program"),
            text(role, "state"),
            pid,
        ]);
    }
    if rows.is_empty() {
        let [host, addresses] = own;
        rows.push([
            host,
            addresses,
            "-".to_owned(),
            "-".to_owned(),
            "no weir up".to_owned(),
            "-".to_owned(),
        ]);
    }
    rows
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or("-").to_owned()
}

fn words(value: &Value, key: &str) -> String {
    let words: Vec<&str> = list(value, key).iter().filter_map(Value::as_str).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_says_what_runs_and_who_holds_the_address() {
        let status = json!({
            "floating": { "address": "10.10.2.160", "holders": ["dd1"] },
            "status_pages": ["http://10.10.2.161:8083/", "http://10.10.2.162:8083/"],
            "status_password_file": "/run/weir-lab/page",
            "site_file": "/run/weir-lab/weir.toml",
            "nodes": [
                { "host": "dd1", "addresses": ["10.10.2.161"], "roles": [
                    { "role": "front", "program": "weir front", "state": "up", "pid": 17 },
                    { "role": "vip", "program": "weir vip", "state": "starting", "pid": null } ] },
                { "host": "dd2", "addresses": ["10.10.2.162"], "roles": null },
            ],
            "others": [{ "host": "client", "addresses": ["10.10.2.166"] }],
        });
        let expected = "\
host    addresses    role   program     state       pid
dd1     10.10.2.161  front  weir front  up          17
                     vip    weir vip    starting    -
dd2     10.10.2.162  -      -           no weir up  -
client  10.10.2.166

floating address  10.10.2.160, held by dd1
status pages      http://10.10.2.161:8083/ http://10.10.2.162:8083/
their password    /run/weir-lab/page
site file         /run/weir-lab/weir.toml
";
        assert_eq!(page(&status), expected);
    }
}
