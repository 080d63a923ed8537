//! Virtual routers from keepalived's configuration.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use weir_vrrp::StartState;

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::dialects::keepalived::{self, Files, PASSWORD_CUT};
use crate::lint::facts::{Facts, Language, Router};
use crate::vip::{Tracker, VipSettings};

pub(super) fn gather(
    text: &str,
    file: &str,
    node: Option<&str>,
    disk: &dyn Files,
    facts: &mut Facts,
) -> Result<(), Vec<Diagnostic>> {
    let given = Given { text, file, disk };
    let (settings, warnings) = keepalived::read(Path::new(file), node.unwrap_or_default(), &given)?;
    let (cut, remarks): (Vec<_>, _) =
        { warnings.into_iter() }.partition(|warning| warning.message.ends_with(PASSWORD_CUT));
    facts
        .cut_passwords
        .extend(cut.into_iter().map(|warning| warning.place));
    facts.remarks.extend(remarks);
    facts.said_priorities.extend(said_priorities(text, file));
    let node = node.or(settings.router_id.as_deref()).unwrap_or(file).to_owned();
    facts.routers.extend(routers(&settings, &node));
    Ok(())
}

/// The file that is checked, and what it includes. The programs that it names are another machine's.
struct Given<'g> {
    text: &'g str,
    file: &'g str,
    disk: &'g dyn Files,
}

impl Files for Given<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(self.file) {
            return Ok(self.text.as_bytes().to_vec());
        }
        self.disk.read(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.disk.names(directory)
    }

    fn is_program(&self, _name: &str) -> bool {
        true
    }
}

fn routers(settings: &VipSettings, node: &str) -> Vec<Router> {
    let pairs = settings.node.routers.iter().zip(&settings.routers);
    let described = pairs.map(|((router, tracking), attachment)| Router {
        node: node.to_owned(),
        language: Language::Foreign,
        router_id: settings.router_id.clone(),
        place: attachment.place.clone(),
        interface: Some(attachment.interface.clone()),
        family: router.family,
        vrid: router.vrid.0.get(),
        priority: router.priority.0.get(),
        starts_as_master: router.start == StartState::Master,
        version: router.version,
        interval: router.interval.duration(),
        authentication: router.authentication,
        addresses: attachment
            .addresses
            .iter()
            .map(|address| address.address)
            .collect(),
        tracks: tracking.iter().any(|tracking| {
            // An interface that is up says nothing about the front end.
            let tracker = settings.trackers.get(tracking.tracker);
            tracker.is_some_and(|tracker| !matches!(tracker, Tracker::Interface(_)))
        }),
    });
    described.collect()
}

/// Numbers that comments call a priority: `priority 110`, `110 vs 100`.
fn said_priorities(text: &str, file: &str) -> Vec<Placed<u8>> {
    let mut said = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(at) = line.find(['#', '!']) else {
            continue;
        };
        let comment = line.get(at..).unwrap_or_default().to_lowercase();
        let words: Vec<_> = comment
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let is = |at: Option<usize>, wanted: &[&str]| {
            at.and_then(|at| words.get(at))
                .is_some_and(|word| wanted.contains(word))
        };
        const AGAINST: [&str; 2] = ["vs", "versus"];
        for (at, word) in words.iter().enumerate() {
            let is_priority =
                is(at.checked_sub(1), &["priority", "vs", "versus"]) || is(Some(at + 1), &AGAINST);
            if let (true, Ok(value)) = (is_priority && comment.contains("priority"), word.parse()) {
                let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
                said.push(Placed {
                    value,
                    place: Place::new(file, line),
                });
            }
        }
    }
    said
}
