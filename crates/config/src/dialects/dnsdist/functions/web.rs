//! The web server.

use mlua::{Table, Value};
use weir_linux::random;

use super::{moot, setting};
use crate::diagnostics::Placed;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{Address, OneOrMore, Read, Wrong};
use crate::password::{self, DEFAULT_WORK_FACTOR};
use crate::settings::{Secret, WebAccess};

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "webserver",
        "(address[, password[, apiKey]])",
        "opens the web server",
        |call| {
            let Address(value) = call.required::<Address<8083>>("address")?;
            let (password, api_key) = (
                call.optional::<Word>("password")?,
                call.optional::<Word>("apiKey")?,
            );
            let place = call.place.clone();
            let web = &mut call.state.edit().web;
            let earlier = web.listen.replace(Placed { value, place });
            web.access.password = password
                .and_then(|Word(word)| word)
                .or_else(|| web.access.password.take());
            web.access.api_key = api_key
                .and_then(|Word(word)| word)
                .or_else(|| web.access.api_key.take());
            if let Some(earlier) = earlier {
                call.warn(format_args!(
                    "replaces the address of {}; there is one web server",
                    earlier.place
                ));
            }
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "setWebserverConfig",
        "(options)",
        "what the web server asks of its visitors",
        |call| {
            let table: Table = call.required("options")?;
            let mut access = call.state.spec.web.access.clone();
            read_keys(call, &table, &[KEYS], &mut access)?;
            call.state.edit().web.access = access;
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "hashPassword",
        "(password[, workFactor])",
        "the hash to write in a password's or a key's place",
        |call| {
            let password: String = call.required("password")?;
            let work_factor = call.optional("workFactor")?.unwrap_or(DEFAULT_WORK_FACTOR);
            let mut salt = [0; 16];
            random::fill(&mut salt).map_err(|error| Failure::new(format!("no random bits: {error}")))?;
            let hash = password::hash_password(password.as_bytes(), work_factor, salt);
            call.give(hash.ok_or_else(|| {
                Failure::new(format!(
                    "workFactor: {work_factor} is not a power of two from 2 to 32768"
                ))
            })?)
        },
    ),
    setting!(
        "setAPIWritable",
        "(writable[, directory])",
        "lets the API change things",
        NotWritable,
        |spec, _| {
            // Nothing to set: reading the value refused what is not supported.
            let _ = spec;
        }
    ),
    moot!(
        "setWebserverBindFatal",
        "ends when the web server cannot listen; always so"
    ),
];

const KEYS: &[Key<WebAccess>] = &[
    key!(
        "acl",
        "\"127.0.0.1, ::1\"",
        "who may connect: masks, as a list or separated by commas",
        Masks,
        |access, Masks(acl)| {
            access.acl = acl;
        }
    ),
    key!(
        "apiKey",
        "none",
        "the key of the API",
        Word,
        |access, Word(key)| access.api_key = key
    ),
    key!(
        "apiRequiresAuthentication",
        "true",
        "whether the API needs its key",
        bool,
        |access, requires| {
            access.api_requires_auth = requires;
        }
    ),
    key!(
        "customHeaders",
        "{}",
        "headers of every answer",
        Headers,
        |access, Headers(headers)| {
            access.custom_headers = headers;
        }
    ),
    key!(
        "dashboardRequiresAuthentication",
        "true",
        "whether pages need the password",
        bool,
        |access, requires| {
            access.dashboard_requires_auth = requires;
        }
    ),
    key!(
        "hashPlaintextCredentials",
        "false",
        "keep hashes of password and key only",
        moot
    ),
    key!(
        "maxConcurrentConnections",
        "100",
        "connections at once; 0 is no limit",
        u32,
        |access, limit| {
            access.max_connections = limit;
        }
    ),
    key!("password", "none", "the password of pages", Word, |access,
                                                             Word(
        password,
    )| access
        .password =
        password),
    key!(
        "prometheusAddInstanceLabel",
        "false",
        "adds the server's name to every metric",
        bool,
        |access, add| {
            access.add_instance_label = add;
        }
    ),
    key!(
        "statsRequireAuthentication",
        "true",
        "whether statistics need the password or the key",
        bool,
        |access, require| {
            access.stats_require_auth = require;
        }
    ),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("setWebserverConfig", KEYS)
}

/// A password or a key; an empty one is none.
struct Word(Option<Secret>);

impl Read for Word {
    const EXPECTED: &'static str = "a string";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let word = String::read(value)?;
        password::check(&word).map_err(|why| Wrong::Because(why.to_owned()))?;
        Ok(Self(Some(word).filter(|word| !word.is_empty()).map(Secret::new)))
    }
}

struct Masks(weir_policy::NetmaskGroup);

impl Read for Masks {
    const EXPECTED: &'static str = "masks, as a list or separated by commas";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let OneOrMore(texts) = OneOrMore::<String>::read(value)?;
        let masks = texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|mask| !mask.is_empty());
        let group = weir_policy::NetmaskGroup::from_masks(masks);
        group.map(Self).map_err(|error| Wrong::Because(error.to_string()))
    }
}

struct Headers(Vec<(String, String)>);

impl Read for Headers {
    const EXPECTED: &'static str = "a table of names and values";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let table = value.as_table().ok_or(Wrong::Kind)?;
        let mut headers = Vec::new();
        for pair in table.pairs::<Value, Value>() {
            let (name, value) = pair.map_err(|_| Wrong::Kind)?;
            let header = (String::read(&name)?, String::read(&value)?);
            let is_plain = |text: &str| text.chars().all(|char| !char.is_control());
            if header.0.is_empty() || !is_plain(&header.0) || !is_plain(&header.1) {
                return Err(Wrong::Because(format!("'{}' is not a header", header.0)));
            }
            headers.push(header);
        }
        headers.sort();
        Ok(Self(headers))
    }
}

/// `false`: what the API can do now.
struct NotWritable;

impl Read for NotWritable {
    const EXPECTED: &'static str = "false; changes through the API are not supported yet";

    fn read(value: &Value) -> Result<Self, Wrong> {
        if bool::read(value)? {
            Err(Wrong::Kind)
        } else {
            Ok(Self)
        }
    }
}
