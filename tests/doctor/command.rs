//! The command as it meets people: what it says when it cannot look, and its two ways of saying what it saw.

use std::process::Output;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Behaviour, Namespace, Responder, Scratch};

/// Runs it where nothing can leave, whatever it asks.
fn doctor(host: &Namespace, words: &[&str]) -> Output {
    let mut doctor = host.command(env!("CARGO_BIN_EXE_weir"));
    doctor.arg("doctor").args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_without_anybody_to_ask_it_says_so() {
    let host = Namespace::create("doctor").unwrap();
    let scratch = Scratch::create().unwrap();
    let site = scratch.write("weir.toml", "[site]\n").unwrap();
    let site = site.display().to_string();
    for (words, why) in [
        (&["-f", "/nonexistent"][..], "/nonexistent: No such file"),
        (&["-f", &site], "error"),
        (
            &["--server", "127.0.0.1:1", "--node", "dd1"],
            "--node is a node of a site file",
        ),
    ] {
        let output = doctor(&host, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

/// A resolver that refuses the zone.
#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_server_without_a_site_file_is_asked_as_a_client_does() {
    let host = Namespace::create("doctor").unwrap();
    let server = host.enter(|| Responder::start().unwrap()).unwrap();
    let address = server.address().to_string();
    let output = doctor(&host, &["--server", &address]);
    let expected = format!("ok    answers  server {address}: . with ra, over UDP and TCP\n1 ok\n");
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));

    server.behave_for("lab.test", Behaviour::Rcode(ResponseCode::Refused));
    let words = ["--server", &address, "--zone", "lab.test"];
    let output = doctor(&host, &words);
    assert_eq!(output.status.code(), Some(1));
    let port = server.address().port();
    let expected = format!(
        "\
fail  answers  server {address}: lab.test: REFUSED: an access list (ACL) does not have 127.0.0.1
               next: dig @127.0.0.1 -p {port} lab.test SOA
1 fail
"
    );
    assert_eq!(text(&output.stdout), expected);

    let output = doctor(&host, &[&words[..], &["--json"]].concat());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["severity"], "fail");
    assert_eq!(found[0]["question"], "answers");
}
