//! The web server: metrics under dnsdist's names, and who may read them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use weir_lab::Responder;

use crate::stage::{Stage, free_address};

struct Watched {
    stage: Stage,
    web: SocketAddr,
    _backend: Responder,
}

impl Watched {
    fn start() -> Self {
        let backend = Responder::start().unwrap();
        let web = free_address();
        let stage = Stage::start(&format!(
            "webserver(\"{web}\")\nsetWebserverConfig({{password=\"admin123\", apiKey=\"secret\"}})\n\
             newServer({{address=\"{}\", name=\"one\"}})\ngetPool(\"\"):setCache(newPacketCache(1000))\n",
            backend.address()
        ));
        Self {
            stage,
            web,
            _backend: backend,
        }
    }

    /// The status code and the body of a page.
    fn page(&self, path: &str, header: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.web).unwrap();
        // HTTP/1.0: the body as it is, to the end of the connection.
        write!(stream, "GET {path} HTTP/1.0\r\n{header}\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        let body = answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default();
        (status, body)
    }

    /// The value of a metric without labels.
    fn metric(&self, name: &str) -> f64 {
        let (_, body) = self.page("/metrics", PASSWORD);
        let line = body
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {body}"))
            .trim()
            .parse()
            .unwrap()
    }
}

/// `admin:admin123`; any user name will do.
const PASSWORD: &str = "Authorization: Basic YWRtaW46YWRtaW4xMjM=\r\n";
const API_KEY: &str = "X-API-Key: secret\r\n";

#[test]
fn a_password_and_a_key_may_be_hashed() {
    let backend = Responder::start().unwrap();
    let web = free_address();
    let stage = Stage::start(&format!(
        "webserver(\"{web}\")\nsetWebserverConfig({{password=hashPassword(\"admin123\"), \
         apiKey=hashPassword(\"secret\", 2048)}})\nnewServer({{address=\"{}\"}})\n",
        backend.address()
    ));
    let front = Watched {
        stage,
        web,
        _backend: backend,
    };
    for (header, status) in [(PASSWORD, 200), ("", 401)] {
        assert_eq!(front.page("/metrics", header).0, status, "{header}");
    }
    for (key, status) in [(API_KEY, 200), ("X-API-Key: secrets\r\n", 401)] {
        assert_eq!(front.page("/api/v1/servers/localhost", key).0, status, "{key}");
    }
}

#[test]
fn queries_and_cache_hits_are_counted() {
    let front = Watched::start();
    let names = [
        "dnsdist_queries",
        "dnsdist_cache_hits",
        "dnsdist_cache_misses",
        "dnsdist_responses",
    ];
    let before = names.map(|name| front.metric(name));
    for _ in 0..5 {
        front.stage.resolve("counted.example").unwrap();
    }
    let after = names.map(|name| front.metric(name));
    let grown: Vec<f64> = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    assert_eq!(grown[..3], [5.0, 4.0, 1.0]);
    assert!(grown[3] >= 1.0, "{grown:?}");
}

#[test]
fn servers_frontends_and_pools_have_their_labels() {
    let front = Watched::start();
    let (_, body) = front.page("/metrics", PASSWORD);
    for part in [
        "dnsdist_server_status{server=\"one\"",
        "dnsdist_frontend_queries{frontend=\"",
        "dnsdist_pool_servers{",
    ] {
        assert!(body.contains(part), "no {part} in {body}");
    }
}

#[test]
fn promtool_finds_nothing_wrong() {
    let front = Watched::start();
    front.stage.resolve("checked.example").unwrap();
    let (status, body) = front.page("/metrics", PASSWORD);
    assert_eq!(status, 200);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by packaging/setup");
    promtool.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Status 3 is advice on names (units, `_total`), and following it would break the dashboards that know dnsdist's.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    assert!(!said.contains("error while linting"), "{said}");
}

#[test]
fn pages_want_their_password_or_key() {
    let front = Watched::start();
    for (path, header) in [
        ("/metrics", PASSWORD),
        ("/jsonstat?command=stats", PASSWORD),
        ("/api/v1/servers/localhost", API_KEY),
    ] {
        assert_eq!(front.page(path, header).0, 200, "{path}");
        assert_eq!(front.page(path, "").0, 401, "{path} without password");
        assert_eq!(
            front.page(path, "Authorization: Basic YWRtaW46d3Jvbmc=\r\n").0,
            401,
            "{path} with a wrong one"
        );
    }
}

#[test]
fn the_pages_for_programs_are_json() {
    let front = Watched::start();
    let (_, stats) = front.page("/jsonstat?command=stats", PASSWORD);
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert!(stats["queries"].is_number(), "{stats}");
    let (_, server) = front.page("/api/v1/servers/localhost", API_KEY);
    let server: serde_json::Value = serde_json::from_str(&server).unwrap();
    assert_eq!(server["servers"][0]["name"], "one", "{server}");
    assert!(
        server["rules"].is_array() && server["pools"].is_array(),
        "{server}"
    );
}

#[test]
fn beyond_nothing_is_shown_beyond_loopback_without_a_password() {
    let scratch = weir_lab::Scratch::create().unwrap();
    let port = free_address().port();
    let text = format!(
        "setLocal(\"{}\")\nwebserver(\"0.0.0.0:{port}\")\n",
        free_address()
    );
    let file = scratch.write("dnsdist.conf", &text).unwrap();
    let command = crate::stage::program()
        .command(&file, |program| Command::new(program))
        .unwrap();
    let mut process = weir_lab::Process::start("front", command, scratch.path()).unwrap();
    let limit = std::time::Duration::from_secs(3);
    let refused = process.wait(limit).is_ok_and(|status| !status.success())
        || TcpStream::connect(("127.0.0.1", port)).is_err();
    assert!(refused, "{}", process.log());
    assert!(process.log().contains("password"), "{}", process.log());
}
