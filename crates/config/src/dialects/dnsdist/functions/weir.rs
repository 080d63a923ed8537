//! What dnsdist does not have: `weir{key=value}`.

use std::time::Duration;

use mlua::{Table, Value};
use weir_policy::Mode;

use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::state::WeirSettings;
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{Read, Wrong};
use crate::settings::AclRefusal;
use crate::spec::Spec;

pub(super) const ROWS: &[Function] = &[Function::new(
    "weir",
    "(options)",
    "settings that dnsdist does not have; limits apply to rules that follow",
    |call| {
        let table: Table = call.required("options")?;
        let mut draft = Draft {
            spec: call.state.spec.clone(),
            weir: call.state.weir.clone(),
        };
        read_keys(call, &table, &[KEYS], &mut draft)?;
        if call.state.live.is_some() && draft.spec.workers != call.state.spec.workers {
            return Err(Failure::new(
                "the number of workers cannot change while the program runs",
            ));
        }
        *call.state.edit() = draft.spec;
        call.state.weir = draft.weir;
        Ok(Value::Nil)
    },
)];

/// What the keys change; taken over when all of them are good.
struct Draft {
    spec: Spec,
    weir: WeirSettings,
}

const KEYS: &[Key<Draft>] = &[
    key!(
        "coalesce",
        "true",
        "ask a backend once for equal queries that are in flight",
        bool,
        |draft, coalesce| {
            draft.spec.coalesce = coalesce;
        }
    ),
    key!(
        "dryRun",
        "false",
        "rules with MaxQPSIPRule() that follow count and do not match",
        bool,
        |draft, dry_run| {
            draft.weir.limit_mode = if dry_run { Mode::DryRun } else { Mode::Enforce };
        }
    ),
    key!(
        "maxCacheBytes",
        "512 per entry",
        "bytes of each packet cache",
        usize,
        |draft, bytes| {
            draft.spec.cache_defaults.max_bytes = Some(bytes);
        }
    ),
    key!(
        "maxTrackedClients",
        "1048576",
        "clients that each MaxQPSIPRule() that follows tells apart",
        usize,
        |draft, clients| {
            draft.weir.limit_buckets = Some(clients);
        }
    ),
    key!(
        "prefetch",
        "false",
        "fetch popular answers anew before they expire",
        bool,
        |draft, prefetch| {
            draft.spec.cache_defaults.prefetch = prefetch;
        }
    ),
    key!(
        "refusedOutsideACL",
        "false",
        "answer REFUSED to clients outside the access list, instead of silence",
        bool,
        |draft, refused| draft.spec.acl_refusal = if refused {
            AclRefusal::Refused
        } else {
            AclRefusal::Drop
        }
    ),
    key!(
        "retryUDP",
        "false",
        "ask another server when a UDP query times out",
        bool,
        |draft, retry| {
            draft.spec.retry_udp = retry;
        }
    ),
    key!(
        "staleAnswerAfter",
        "0",
        "milliseconds that a client waits before it gets an expired answer; 0 is until the query times out",
        u32,
        |draft, milliseconds| {
            let delay = Duration::from_millis(u64::from(milliseconds));
            draft.spec.stale.answer_after = Some(delay).filter(|delay| !delay.is_zero());
        }
    ),
    key!(
        "staleWindow",
        "0",
        "seconds that answers may be given after they expired; 0 is never",
        u32,
        |draft, window| {
            draft.spec.stale.window = window;
        }
    ),
    key!(
        "workers",
        "one per CPU",
        "threads for packets",
        Workers,
        |draft, Workers(workers)| {
            draft.spec.workers = Some(workers);
        }
    ),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("weir", KEYS)
}

/// A number of threads.
struct Workers(usize);

impl Read for Workers {
    const EXPECTED: &'static str = "a whole number from 1 to 1024";

    fn read(value: &Value) -> Result<Self, Wrong> {
        usize::read(value)
            .ok()
            .filter(|workers| (1..=1024).contains(workers))
            .map(Self)
            .ok_or(Wrong::Kind)
    }
}
