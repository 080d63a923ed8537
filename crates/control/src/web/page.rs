//! The status page: servers, pools, rules and rates. A document and a script, both in the program; the script asks
//! the API each second, and nothing comes from elsewhere.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// GET `/`.
pub(super) async fn html() -> Response {
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        include_str!("status.html"),
    )
        .into_response()
}

/// GET `/status.js`.
pub(super) async fn script() -> Response {
    (
        [(CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("status.js"),
    )
        .into_response()
}
