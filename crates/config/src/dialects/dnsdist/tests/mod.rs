//! The dialect from outside: files in, specs, snapshots and messages out.

mod console;
mod errors;
mod fixtures;
mod hostile;
mod options;
mod reload;

use std::path::Path;
use std::sync::Arc;

use weir_wire::Timestamp;
use weir_wire::hash::Seed;

use super::{Carry, Live, Loaded, Overrides, Session};
use crate::diagnostics::Diagnostic;
use crate::snapshot::{Built, Seeds, Snapshot};
use crate::spec::Spec;

const FILE: &str = "dnsdist.conf";

const WORKERS: usize = 2;

fn carry() -> Carry {
    Carry::new(Seed::new([1, 2]))
}

fn load(source: &str) -> Result<Loaded, Vec<Diagnostic>> {
    Session::load(source, Path::new(FILE), &Overrides::default(), carry())
}

fn loaded(source: &str) -> Loaded {
    load(source).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

fn build(spec: &Spec, previous: Option<&Snapshot>) -> Result<Built, Vec<Diagnostic>> {
    Snapshot::build(
        spec,
        previous,
        Seeds {
            cache: Seed::new([3, 4]),
            perturbation: 5,
        },
        WORKERS,
    )
}

fn built(source: &str) -> Built {
    build(&loaded(source).session.spec(), None).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

fn snapshot(source: &str) -> Snapshot {
    built(source).snapshot
}

/// What is wrong with a file, at whatever stage it shows.
fn errors(source: &str) -> String {
    match load(source) {
        Err(errors) => lines(&errors),
        Ok(loaded) => {
            build(&loaded.session.spec(), None).map_or_else(|errors| lines(&errors), |_| String::new())
        }
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A program that runs on `snapshot` and has counted nothing.
fn live(snapshot: &Arc<Snapshot>) -> Live {
    Live {
        snapshot: Arc::clone(snapshot),
        statistics: Vec::new(),
        frontends: Vec::new(),
        rates: Vec::new(),
        now: Timestamp::from_secs(100),
    }
}
