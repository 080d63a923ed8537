//! Who may see what: dnsdist's rules, which depend on the path.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;
use weir_config::password::matches;
use weir_config::{Secret, WebAccess};

/// What a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// Pages, and whatever has no name.
    Dashboard,
    /// `/metrics` and `/jsonstat`.
    Statistics,
    /// The summary that pages show too.
    Overview,
    /// The rest of the API.
    Api,
}

impl Area {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/metrics" | "/jsonstat" => Self::Statistics,
            "/api/v1/servers/localhost" => Self::Overview,
            path if path.starts_with("/api/") => Self::Api,
            _ => Self::Dashboard,
        }
    }

    /// Whether a request with these headers may pass. A password or key that is not set opens nothing.
    pub(super) fn admits(self, headers: &HeaderMap, access: &WebAccess) -> bool {
        let password = || has_password(headers, access.password.as_ref());
        let key = || has_key(headers, access.api_key.as_ref());
        match self {
            Self::Dashboard => !access.dashboard_requires_auth || password(),
            Self::Statistics => !access.stats_require_auth || password() || key(),
            Self::Overview => !access.api_requires_auth || password() || key(),
            Self::Api => !access.api_requires_auth || key(),
        }
    }
}

/// Basic authentication (RFC 7617) with any user name.
fn has_password(headers: &HeaderMap, password: Option<&Secret>) -> bool {
    let given = || {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, credentials) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64.decode(credentials.trim().as_bytes()).ok()?).ok()?;
        decoded.split_once(':').map(|(_, password)| password.to_owned())
    };
    is_set(password)
        .zip(given())
        .is_some_and(|(password, given)| matches(password, &given))
}

fn has_key(headers: &HeaderMap, key: Option<&Secret>) -> bool {
    let given = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    is_set(key)
        .zip(given)
        .is_some_and(|(key, given)| matches(key, given))
}

/// An empty password is none.
fn is_set(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::reveal).filter(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What dnsdist 1.7.3 answered: path, then whether nothing, the password, the key, another password and
    /// another key let it pass.
    const DNSDISTS: [(&str, [bool; 5]); 9] = [
        ("/", [false, true, false, false, false]),
        ("/unknown", [false, true, false, false, false]),
        ("/api", [false, true, false, false, false]),
        ("/metrics", [false, true, true, false, false]),
        ("/jsonstat", [false, true, true, false, false]),
        ("/api/v1/servers/localhost", [false, true, true, false, false]),
        (
            "/api/v1/servers/localhost/statistics",
            [false, false, true, false, false],
        ),
        (
            "/api/v1/servers/localhost/config/allow-from",
            [false, false, true, false, false],
        ),
        ("/api/v1/unknown", [false, false, true, false, false]),
    ];

    #[test]
    fn paths_open_to_whom_dnsdist_opens_them() {
        for (path, expected) in DNSDISTS {
            assert_eq!(
                credentials().map(|headers| Area::of(path).admits(&headers, &access())),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn each_area_can_be_opened_to_all() {
        let open = WebAccess {
            stats_require_auth: false,
            ..access()
        };
        assert!(Area::Statistics.admits(&HeaderMap::new(), &open));
        assert!(!Area::Dashboard.admits(&HeaderMap::new(), &open));
        let open = WebAccess {
            dashboard_requires_auth: false,
            ..access()
        };
        assert!(Area::Dashboard.admits(&HeaderMap::new(), &open));
        assert!(!Area::Overview.admits(&HeaderMap::new(), &open));
        let open = WebAccess {
            api_requires_auth: false,
            ..access()
        };
        assert!(Area::Api.admits(&HeaderMap::new(), &open));
        assert!(!Area::Statistics.admits(&HeaderMap::new(), &open));
    }

    #[test]
    fn what_is_not_set_opens_nothing() {
        for secret in [None, Some(Secret::new(""))] {
            let nothing = WebAccess {
                password: secret.clone(),
                api_key: secret,
                ..access()
            };
            let mut tried = credentials().to_vec();
            tried.extend([basic(""), key("")]);
            for (path, _) in DNSDISTS {
                assert!(
                    !tried
                        .iter()
                        .any(|headers| Area::of(path).admits(headers, &nothing)),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn malformed_credentials_are_wrong_credentials() {
        for value in ["Basic", "Basic !", "Basic cHc=", "Bearer OnB3", "basic gIA=", ""] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            assert!(!Area::Dashboard.admits(&headers, &access()), "{value}");
        }
    }

    fn access() -> WebAccess {
        WebAccess {
            password: Some(Secret::new("pw")),
            api_key: Some(Secret::new("key")),
            ..WebAccess::default()
        }
    }

    fn credentials() -> [HeaderMap; 5] {
        [HeaderMap::new(), basic("pw"), key("key"), basic("key"), key("pw")]
    }

    fn basic(password: &str) -> HeaderMap {
        let value = format!(
            "Basic {}",
            BASE64.encode(format!("anybody:{password}").as_bytes())
        );
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    fn key(key: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-api-key".parse().unwrap(), key.parse().unwrap())])
    }
}
