//! Where in the file each key is, for those who find something wrong with a checked site.

use std::collections::BTreeMap;

use crate::diagnostics::Place;

/// The places of everything that was written.
#[derive(Clone, Debug, Default)]
pub struct Places {
    whole: Place,
    by_path: BTreeMap<String, Place>,
}

impl Places {
    pub(crate) fn new(whole: Place) -> Self {
        Self {
            whole,
            by_path: BTreeMap::new(),
        }
    }

    pub(crate) fn note(&mut self, path: String, place: Place) {
        self.by_path.insert(path, place);
    }

    /// Where `path` is, such as `nodes.dd1.address` (the value) or `nodes.dd1` (the name); where it was not written,
    /// the table that it would be in, or the file as a whole.
    pub fn of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.by_path.get(path) {
                return place.clone();
            }
            match path.rsplit_once('.') {
                Some((table, _)) => path = table,
                None => return self.whole.clone(),
            }
        }
    }
}
