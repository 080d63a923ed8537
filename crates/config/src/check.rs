//! Whether the lines of a spec fit together: the only way from a [`Spec`] to a snapshot.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use weir_cache::CheckedSettings;

use crate::diagnostics::{Diagnostic, Placed, Severity};
use crate::settings::{ConsoleSettings, Listen, WebSettings};
use crate::spec::Spec;

/// Passwords and keys that everybody tries first.
const WELL_KNOWN: &[&str] = &[
    "admin",
    "admin123",
    "administrator",
    "changeme",
    "default",
    "dnsdist",
    "password",
    "powerdns",
    "secret",
    "supersecret",
    "supersecretAPIkey",
    "supersecretpassword",
    "test",
    "weir",
    "12345678",
    "123456",
];

/// The parts of a spec that a check turns into something else.
pub(crate) struct Checked {
    /// By `CacheIndex`.
    pub(crate) caches: Vec<CheckedSettings>,
    pub(crate) console: Option<ConsoleSettings>,
    pub(crate) web: Option<WebSettings>,
    /// Each address and interface once, at least one.
    pub(crate) listen: Vec<Listen>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks everything, so that one run names every mistake.
pub(crate) fn check(spec: &Spec) -> Result<Checked, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let caches = check_caches(spec, &mut findings);
    let console = check_console(spec, &mut findings);
    let web = check_web(spec, &mut findings);
    let listen = check_listen(spec, &mut findings);
    check_backends(spec, &mut findings);
    check_pools(spec, &mut findings);
    findings.sort_by(|one, other| (&one.place, one.severity).cmp(&(&other.place, other.severity)));
    let (errors, warnings): (Vec<_>, _) = findings
        .into_iter()
        .partition(|found| found.severity == Severity::Error);
    if errors.is_empty() {
        Ok(Checked {
            caches,
            console,
            web,
            listen,
            warnings,
        })
    } else {
        Err(errors)
    }
}

fn check_caches(spec: &Spec, findings: &mut Vec<Diagnostic>) -> Vec<CheckedSettings> {
    let mut checked = Vec::new();
    for cache in &spec.caches {
        let mut settings = cache.value.clone();
        settings.stale_window = spec.stale.window;
        settings.prefetch = spec.cache_defaults.prefetch;
        settings.max_bytes = spec.cache_defaults.max_bytes;
        match settings.check() {
            Ok(settings) => checked.push(settings),
            Err(error) => findings.push(Diagnostic::error(cache.place.clone(), error.to_string())),
        }
    }
    checked
}

fn check_console(spec: &Spec, findings: &mut Vec<Diagnostic>) -> Option<ConsoleSettings> {
    let Placed {
        value: address,
        place,
    } = spec.console.listen.as_ref()?;
    if !address.ip().is_loopback() && spec.console.key.is_none() {
        let why = format!(
            "controlSocket(\"{address}\"): everybody who reaches this address could change the configuration; add \
             setKey(\"...\") with a key from makeKey(), or listen on 127.0.0.1"
        );
        findings.push(Diagnostic::error(place.clone(), why));
    }
    Some(ConsoleSettings {
        address: *address,
        acl: spec.console.acl.clone(),
        key: spec.console.key.clone(),
        max_connections: spec.console.max_connections,
    })
}

fn check_web(spec: &Spec, findings: &mut Vec<Diagnostic>) -> Option<WebSettings> {
    let Placed {
        value: address,
        place,
    } = spec.web.listen.as_ref()?;
    let access = &spec.web.access;
    let password = access
        .password
        .as_ref()
        .map(|password| password.reveal())
        .filter(|word| !word.is_empty());
    if !address.ip().is_loopback() && password.is_none() {
        let why = format!(
            "webserver(\"{address}\"): everybody who reaches this address could read it; add \
             setWebserverConfig({{password=\"...\"}}), or listen on 127.0.0.1"
        );
        findings.push(Diagnostic::error(place.clone(), why));
    }
    let api_key = access.api_key.as_ref().map(|key| key.reveal());
    for (what, word) in [("password", password), ("apiKey", api_key)] {
        if word.is_some_and(is_well_known) {
            let why = format!(
                "setWebserverConfig: this {what} is one that everybody tries first; choose another one"
            );
            findings.push(Diagnostic::warning(place.clone(), why));
        }
    }
    Some(WebSettings {
        address: *address,
        access: access.clone(),
    })
}

/// Whether a secret is one that everybody tries first.
pub(crate) fn is_well_known(word: &str) -> bool {
    WELL_KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn check_listen(spec: &Spec, findings: &mut Vec<Diagnostic>) -> Vec<Listen> {
    let mut seen: BTreeSet<(SocketAddr, Option<&str>)> = BTreeSet::new();
    let mut listen: Vec<Listen> = Vec::new();
    for Placed { value, place } in &spec.listen {
        if seen.insert((value.address, value.interface.as_deref())) {
            listen.push(value.clone());
            continue;
        }
        // One addLocal per thread is how dnsdist gets threads; here every worker has every address.
        if !listen.contains(value) {
            let why = format!(
                "addLocal(\"{}\"): other options were given for this address before; these are ignored",
                value.address
            );
            findings.push(Diagnostic::warning(place.clone(), why));
        }
    }
    if listen.is_empty() {
        listen.push(Listen::default());
    }
    listen
}

fn check_backends(spec: &Spec, findings: &mut Vec<Diagnostic>) {
    for (number, backend) in spec.backends.iter().enumerate() {
        let earlier = spec.backends.iter().take(number);
        if let Some(twin) = { earlier }.find(|other| other.settings.same_identity(&backend.settings)) {
            let why = format!(
                "newServer: {} is the same server as the one at {}; give one of them another name, or name both \
                 pools in one newServer",
                backend.settings.label(),
                twin.place
            );
            findings.push(Diagnostic::error(backend.place.clone(), why));
        }
    }
}

/// A pool that queries are sent to, or that has a cache, ought to have a server.
fn check_pools(spec: &Spec, findings: &mut Vec<Diagnostic>) {
    for pool in spec.pools.iter().skip(1) {
        if !spec
            .backends
            .iter()
            .any(|backend| backend.pools.contains(&pool.name))
        {
            let why = format!(
                "pool '{}' has no server; what is sent there is not answered",
                pool.name
            );
            findings.push(Diagnostic::warning(pool.place.clone(), why));
        }
    }
}
