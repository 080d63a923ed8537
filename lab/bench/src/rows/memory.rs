//! Memory per cached answer: what a server grows by when its cache is filled through the backend.

use std::io;

use crate::backend::Backend;
use crate::bench::{Bench, POPULAR_NAMES, cached_share, fill};
use crate::report::{Line, Spread, Target};
use crate::server::{Kind, Limiter, Server};

/// A server that keeps fewer of its answers was not measured.
const KEPT: f64 = 0.95;

/// Bytes per cached answer. Once per server: memory does not vary with other work on the machine.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    let entries = bench.effort.entries;
    let (mut cells, mut notes) = ([None; 3], Vec::new());
    for kind in Kind::FRONTS {
        // One after the other: two full caches at a time are for larger machines.
        let fleet = bench.start(&[kind], Limiter::None)?;
        for server in fleet {
            match server.map(|server| grow(&server, entries, &mut bench.backend)) {
                Err(why) => notes.push(why),
                Ok(grown) => {
                    let (bytes, note) = grown?;
                    cells[kind as usize] = bytes.and_then(|bytes| Spread::of(&[bytes]));
                    notes.push(note);
                }
            }
        }
    }
    let line = Line::new(
        format!("memory per cached answer, {entries} entries"),
        "bytes",
        cells,
    )
    .against(Kind::Dnsdist, Target::AtMost(0.6))
    .noted(notes);
    Ok(vec![line])
}

/// Bytes per entry, when enough are kept, and what was seen.
fn grow(server: &Server, entries: u32, backend: &mut Backend) -> io::Result<(Option<f64>, String)> {
    let before = server.resident_bytes()?;
    fill(server, entries, backend)?;
    let after = server.resident_bytes()?;
    let kept = cached_share(server, entries, backend)?;
    let note = format!(
        "{}: {} MB before, {} MB after, {:.1} % answered from the cache afterwards",
        server.kind.name(),
        before >> 20,
        after >> 20,
        kept * 100.0
    );
    // The popular names were in the cache before.
    let added = f64::from(entries - POPULAR_NAMES.min(entries)).max(1.0);
    let bytes = (after.saturating_sub(before)) as f64 / added;
    Ok(((kept >= KEPT).then_some(bytes), note))
}
