//! Memory per cached answer: what a server with a full cache needs more than the same server with a cache for one.
//!
//! Not the growth while it is filled: a table that is allocated at the start belongs to the entries, too.

use std::io;

use crate::bench::{Bench, cached_share, fill};
use crate::report::{Line, Spread, Target};
use crate::server::{Kind, Setting};

/// A server that keeps fewer of its answers was not measured.
const KEPT: f64 = 0.95;

/// Bytes per cached answer. Once per server: memory does not vary with other work on the machine.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    let entries = bench.effort.entries;
    let (mut cells, mut notes) = ([None; 3], Vec::new());
    for kind in Kind::FRONTS {
        match measure_one(bench, kind)? {
            Err(why) => notes.push(why),
            Ok((bytes, note)) => {
                cells[kind as usize] = bytes.and_then(|bytes| Spread::of(&[bytes]));
                notes.push(note);
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

/// Bytes per entry, when enough are kept, and what was seen. The servers are gone afterwards: several full caches at
/// a time are for larger machines.
fn measure_one(bench: &mut Bench, kind: Kind) -> io::Result<Result<(Option<f64>, String), String>> {
    let bare = match bench.launch(kind, Setting::BARE)? {
        Ok(server) => server.resident_bytes()?,
        Err(why) => return Ok(Err(why)),
    };
    let server = match bench.launch(kind, Setting::PLAIN)? {
        Ok(server) => server,
        Err(why) => return Ok(Err(why)),
    };
    let entries = bench.effort.entries;
    let empty = server.resident_bytes()?;
    fill(&server, entries, &mut bench.backend)?;
    let full = server.resident_bytes()?;
    let kept = cached_share(&server, entries, &mut bench.backend)?;
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let note = format!(
        "{}: {:.1} MB with a cache for one, {:.1} MB empty, {:.1} MB full; {:.1} % answered from the cache afterwards",
        kind.name(),
        megabytes(bare),
        megabytes(empty),
        megabytes(full),
        kept * 100.0
    );
    let bytes = full.saturating_sub(bare) as f64 / (f64::from(entries) * kept).max(1.0);
    Ok(Ok(((kept >= KEPT).then_some(bytes), note)))
}
