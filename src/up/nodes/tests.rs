use super::*;

const SITE: &str = r#"
[site]
name = "lab"
[subscribers]
networks = "10.10.2.0/24"
[networks]
lan = { prefix = "10.10.2.0/24", purposes = ["subscribers", "backend"], interface = "eth0" }
desk = { prefix = "10.9.0.0/24", purposes = "management" }
[nodes]
dd1 = { address = ["10.10.2.161", "10.9.0.1"], roles = "front" }
auth1 = { address = "10.10.2.163", roles = "auth" }
rec1 = { address = "10.10.2.164", roles = "resolve" }
rec2 = { address = "10.10.2.165", roles = "resolve" }
[zones."example.test"]
file = "/etc/zones/example.test"
"#;

fn site() -> Site {
    match Site::load(SITE, "weir.toml") {
        Ok((site, _)) => site,
        Err(findings) => panic!("{findings:#?}"),
    }
}

fn answer(node: &str, role: &str, state: &str, digest: &str) -> String {
    json!({
        "node": node, "version": "0.1.0", "digest": digest, "since_s": 5.0,
        "roles": [{ "role": role, "state": state, "pid": 7 }],
    })
    .to_string()
}

fn rows(site: &Site, answers: impl Fn(&str) -> Result<String, String>) -> Vec<Row> {
    ask(site, &Way::parse("false").unwrap(), |node| {
        Some(answers(&node.name))
    })
}

#[test]
fn the_table_shows_every_node_and_what_is_different() {
    let site = site();
    let digest = site.digest.to_string();
    let rows = rows(&site, |node| match node {
        "dd1" => Ok(answer("dd1", "front", "up", &digest)),
        "auth1" => Ok(answer("auth1", "auth", "stopped", &digest)),
        "rec1" => Ok(answer("rec1", "resolve", "up", &"0f".repeat(32))),
        _ => Err("no route to host".to_owned()),
    });
    let short = short(&digest);
    let expected = format!(
        "\
site lab, site file {short}

node   address      front  vip  auth     resolve  version  site file
dd1    10.9.0.1     up     -    -        -        0.1.0    {short}
auth1  10.10.2.163  -      -    stopped  -        0.1.0    {short}
rec1   10.10.2.164  -      -    -        up       0.1.0    0f0f0f0f0f0f differs
rec2   10.10.2.165  -      -    -        -        -        unreachable: no route to host
"
    );
    assert_eq!(page(&site, &rows), expected);
    let value = json(&site, &rows);
    assert_eq!(value["nodes"][2]["differs"], true);
    assert_eq!(value["nodes"][3]["unreachable"], "no route to host");
    let well: Vec<bool> = rows.iter().map(|row| row.is_well(&site)).collect();
    assert_eq!(well, [true, false, false, false]);
}

#[test]
fn all_is_well_when_every_role_of_every_node_is_up_with_this_file() {
    let site = site();
    let digest = site.digest.to_string();
    let rows = rows(&site, |node| Ok(answer(node, "auth", "up", &digest)));
    assert!(are_well(&site, &rows));
}

#[test]
fn what_another_machine_says_is_not_believed_blindly() {
    let digest = "0f".repeat(32);
    let good = answer("dd1", "front", "up", &digest);
    assert!(Answer::parse(good.as_bytes(), "DD1").is_ok());
    for (text, why) in [
        (String::new(), "it is not its JSON"),
        ("[".repeat(10_000), "it is not its JSON"),
        ("{}".to_owned(), "it is not its JSON"),
        (good.replace("0.1.0", "\\u001b[2J"), "its version is none"),
        (good.replace("0.1.0", &"1".repeat(40)), "its version is none"),
        (good.replace(&digest, "0f"), "its digest is none"),
        (good.replace("\"up\"", "\"u\\np\""), "its roles are none"),
        (good.replace("dd1", "dd2"), "it is another node"),
    ] {
        let refused = Answer::parse(text.as_bytes(), "dd1").unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("no answer of a weir up: {why}"),
            "{text}"
        );
    }
}
