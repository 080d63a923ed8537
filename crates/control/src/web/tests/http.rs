//! Status codes, headers, authentication and hostile clients.

use tokio::io::{AsyncWriteExt, duplex};
use tokio::runtime::Builder;

use super::*;

#[test]
fn each_path_has_its_status() {
    let mut spec = spec();
    spec.web.access.api_requires_auth = false;
    spec.web.access.dashboard_requires_auth = false;
    spec.web.access.stats_require_auth = false;
    let address = start(&Site::new(&spec));
    let cases = [
        ("GET", "/", 200),
        ("GET", "/index.html", 200),
        ("GET", "/status.js", 200),
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
        ("OPTIONS", "/metrics", 405),
        ("GET", "/nothing", 404),
        ("GET", "/api", 404),
        ("GET", "/api/v1/servers/localhost/", 404),
        ("PUT", "/api/v1/servers/localhost/config/allow-from", 405),
        ("GET", "/jsonstat", 404),
        ("GET", "/jsonstat?command=unknown", 404),
        ("GET", "/api/v1/servers/localhost/pool", 400),
        ("GET", "/api/v1/servers/localhost/pool?name=unknown", 404),
        ("DELETE", "/api/v1/cache?pool=rec&name=example.net", 405),
    ];
    for (method, path, status) in cases {
        assert_eq!(
            ask(address, method, path, NOBODY).status,
            status,
            "{method} {path}"
        );
    }
}

#[test]
fn passwords_and_keys_open_what_they_should() {
    let address = start(&Site::new(&spec()));
    let (right, wrong) = (password("pw"), password("no"));
    for (path, with_key) in [("/", 401), ("/metrics", 200), ("/api/v1/servers/localhost", 200)] {
        assert_eq!(get(address, path, NOBODY).status, 401, "{path}");
        assert_eq!(get(address, path, &wrong).status, 401, "{path}");
        assert_eq!(get(address, path, &right).status, 200, "{path}");
        assert_eq!(get(address, path, KEY).status, with_key, "{path}");
    }
    let config = "/api/v1/servers/localhost/config";
    assert_eq!(get(address, config, &right).status, 401);
    assert_eq!(get(address, config, KEY).status, 200);
    let refused = get(address, "/", NOBODY);
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"weir\""));
    assert_eq!(refused.header("x-frame-options"), Some("deny"));
}

#[test]
fn a_new_configuration_counts_from_the_next_request() {
    let site = Site::new(&spec());
    let address = start(&site);
    assert_eq!(get(address, "/metrics", &password("pw")).status, 200);
    let mut next = spec();
    next.web.access.password = Some(Secret::new("new"));
    site.publish(&next);
    assert_eq!(get(address, "/metrics", &password("pw")).status, 401);
    assert_eq!(get(address, "/metrics", &password("new")).status, 200);
    next.web.access.acl.clear();
    site.publish(&next);
    assert_eq!(get(address, "/metrics", &password("new")).status, 0);
}

#[test]
fn every_answer_carries_the_security_headers_and_the_custom_ones() {
    let mut spec = spec();
    let custom = [
        ("X-Frame-Options", ""),
        ("X-Custom", "c"),
        ("x-xss-protection", "0"),
        ("bad name", "x"),
        ("X-Bad", "\n"),
    ];
    spec.web.access.custom_headers = custom
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let address = start(&Site::new(&spec));
    for path in ["/", "/nothing"] {
        let reply = get(address, path, &password("pw"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("x-permitted-cross-domain-policies"), Some("none"));
        let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'";
        assert_eq!(reply.header("content-security-policy"), Some(policy));
        assert_eq!(reply.header("x-frame-options"), None);
        assert_eq!(reply.header("x-custom"), Some("c"));
        assert_eq!(reply.header("x-xss-protection"), Some("0"));
        assert_eq!(reply.header("x-bad"), None);
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let address = start(&Site::new(&spec()));
    let page = get(address, "/", &password("pw"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let script = get(address, "/status.js", &password("pw"));
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    for text in [&page.body, &script.body] {
        assert!(!text.contains("//cdn") && !text.contains("http:") && !text.contains("https:"));
    }
}

#[test]
fn connections_are_limited() {
    let mut spec = spec();
    spec.web.access.max_connections = 2;
    let address = start(&Site::new(&spec));
    let _idle = [
        Stream::connect(address).unwrap(),
        Stream::connect(address).unwrap(),
    ];
    assert_eq!(get(address, "/metrics", KEY).status, 0);
}

#[test]
fn hostile_requests_are_refused_and_the_server_goes_on() {
    let address = start(&Site::new(&spec()));
    let endless = [b"GET / HTTP/1.1\r\nX-Long: ".as_slice(), &[b'a'; 100_000]].concat();
    let many = format!(
        "GET / HTTP/1.1\r\nHost: weir\r\n{}\r\n",
        "X-Many: 1\r\n".repeat(1000)
    );
    for hostile in [
        b"\0\0\0\0".as_slice(),
        b"GET",
        b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        &endless,
        many.as_bytes(),
    ] {
        let mut stream = Stream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.write_all(hostile);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        assert!(!reply.starts_with(b"HTTP/1.1 200"), "{hostile:?}");
    }
    let split = "/metrics?command=%zz&&&=&%00";
    assert_eq!(get(address, split, KEY).status, 200);
    assert_eq!(get(address, "/metrics", KEY).status, 200);
}

#[test]
fn a_header_that_does_not_end_is_given_up() {
    let (ended, waited) = converse_with(b"GET /metrics HTTP/1.1\r\n");
    assert!(ended.is_err());
    assert_eq!(waited, HEADER_TIMEOUT);
}

#[test]
fn a_client_that_does_not_take_its_answer_is_given_up() {
    let (ended, waited) = converse_with(b"GET /metrics HTTP/1.1\r\nHost: weir\r\nX-API-Key: key\r\n\r\n");
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(waited, CONNECTION_TIMEOUT);
}

/// How a conversation ends with a client that sends `request` and then does nothing, and after how long, in paused
/// time.
fn converse_with(request: &[u8]) -> (io::Result<()>, Duration) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut client, server) = duplex(1024);
        client.write_all(request).await.unwrap();
        let web = Web {
            status: Site::new(&spec()),
            rates: Arc::default(),
        };
        let begin = tokio::time::Instant::now();
        let from = Client(([127, 0, 0, 1], 1).into());
        let ended = converse(server, routes(&web).layer(Extension(from))).await;
        (ended, begin.elapsed())
    })
}
