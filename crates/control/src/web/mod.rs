//! The web server: metrics for Prometheus, dnsdist's API, and one page for people.
//!
//! | path | what | opened by |
//! |---|---|---|
//! | `/`, `/index.html`, `/status.js` | the status page | password |
//! | `/metrics` | Prometheus | password or key |
//! | `/jsonstat` | statistics as JSON | password or key |
//! | `/api/v1/servers/localhost` | overview | password or key |
//! | the rest of `/api/` | statistics, pools, settings, and DELETE on the cache | key |
//!
//! HTTP/1 without TLS, one request per connection, as dnsdist. Settings are those of the snapshot in force when a
//! request comes in, so a reload changes passwords, access lists and headers at once. Everything a client may take
//! is limited: connections, header bytes, the time for a header and for a whole request; bodies are not read.

mod access;
mod api;
mod metrics;
mod page;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use weir_config::{Snapshot, WebAccess};

use crate::accept::{Accepted, accept};
use crate::counters::{Counters, FrontendCounters};
use crate::rates::Rates;
use access::Area;

/// How long a client may take to send its request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may last, until the last byte of the answer is taken.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a request's header, and of what is read at once.
const MAX_HEADER_LEN: usize = 16 * 1024;

/// Connections at once when the configuration sets no limit.
const MAX_CONNECTIONS: usize = 1000;

/// The headers that dnsdist sends with every answer; `customHeaders` replaces or empties them.
const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "deny"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "1; mode=block"),
    (
        "content-security-policy",
        "default-src 'self'; style-src 'self' 'unsafe-inline'",
    ),
];

/// What the web server shows.
pub trait Status: Send + Sync {
    /// The configuration in force.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// What all threads have counted.
    fn counters(&self) -> &Counters;

    /// The listening sockets of all workers.
    fn frontends(&self) -> Vec<Arc<FrontendCounters>>;

    /// When the program started.
    fn started(&self) -> Instant;
}

/// What each request gets.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) status: Arc<dyn Status>,
    pub(crate) rates: Arc<Mutex<Rates>>,
}

/// Serves until dropped; then open connections end too.
pub(crate) async fn serve(listener: TcpListener, web: Web) {
    let router = routes(&web);
    let open = |accepted: Accepted| {
        let snapshot = web.status.snapshot();
        let access = &snapshot.web.as_ref().ok_or("it is not configured")?.access;
        accepted.admit(&access.acl, access.max_connections, MAX_CONNECTIONS)?;
        let Accepted { stream, client, .. } = accepted;
        Ok(converse(stream, router.clone().layer(Extension(Client(client)))))
    };
    accept(listener, "web server", open).await;
}

/// Who asks.
#[derive(Clone, Copy)]
struct Client(SocketAddr);

/// One request and its answer over any byte stream.
async fn converse<S>(stream: S, router: Router) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_LEN)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Err(elapsed) => Err(elapsed.into()),
        Ok(result) => result.map_err(io::Error::other),
    }
}

fn routes(web: &Web) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route("/index.html", get(page::html))
        .route("/status.js", get(page::script))
        .route("/metrics", get(prometheus))
        .route("/jsonstat", get(api::jsonstat))
        .route("/api/v1/servers/localhost", get(api::overview))
        .route("/api/v1/servers/localhost/statistics", get(api::statistics_list))
        .route("/api/v1/servers/localhost/pool", get(api::pool))
        .route("/api/v1/servers/localhost/config", get(api::config))
        .route(
            "/api/v1/servers/localhost/config/allow-from",
            get(api::allow_from),
        )
        .route("/api/v1/cache", delete(api::expunge))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(web.clone(), guard))
        .with_state(web.clone())
}

/// Lets a request pass or not, and gives every answer its headers.
async fn guard(
    State(web): State<Web>,
    Extension(client): Extension<Client>,
    request: Request,
    next: Next,
) -> Response {
    let snapshot = web.status.snapshot();
    let Some(settings) = &snapshot.web else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let path = request.uri().path();
    let mut response = if Area::of(path).admits(request.headers(), &settings.access) {
        next.run(request).await
    } else {
        let Client(client) = client;
        // dnsdist's words: tools that ban clients look for them.
        tracing::warn!(target: "webserver", path, %client,
            "HTTP Request {path:?} from {client}: Web Authentication failed");
        let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"weir\"")];
        (StatusCode::UNAUTHORIZED, challenge, "Unauthorized\n").into_response()
    };
    add_headers(response.headers_mut(), &settings.access);
    response
}

fn add_headers(headers: &mut HeaderMap, access: &WebAccess) {
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in &access.custom_headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        // An empty value takes one of the usual headers away.
        headers.remove(&name);
        if let Ok(value) = HeaderValue::from_str(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
}

/// GET `/metrics`.
async fn prometheus(State(web): State<Web>) -> Response {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics::page(web.status.as_ref()),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
