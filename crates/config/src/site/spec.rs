//! The tables of the site file, and what was written in them.

use std::collections::BTreeSet;

use super::keys::{
    CacheSpec, FloatingSpec, HealthSpec, Key, Keys, LimitsSpec, MonitoringSpec, NetworkSpec, NodeSpec,
    PolicySpec, PoolSpec, ResolverSpec, Row, ServersSpec, SiteSpec, SubscribersSpec, TargetsSpec, ZoneSpec,
};
use super::places::Places;
use super::read::Reader;
use super::values::Item;
use crate::diagnostics::Placed;

/// What was written, every item with its place.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    pub(crate) site: SiteSpec,
    pub(crate) subscribers: SubscribersSpec,
    pub(crate) networks: Vec<Named<NetworkSpec>>,
    pub(crate) nodes: Vec<Named<NodeSpec>>,
    pub(crate) servers: ServersSpec,
    pub(crate) floating: Vec<Named<FloatingSpec>>,
    pub(crate) pools: Vec<Named<PoolSpec>>,
    pub(crate) zones: Vec<Named<ZoneSpec>>,
    pub(crate) policy: PolicySpec,
    pub(crate) limits: LimitsSpec,
    pub(crate) cache: CacheSpec,
    pub(crate) health: HealthSpec,
    pub(crate) resolver: ResolverSpec,
    pub(crate) monitoring: MonitoringSpec,
    pub(crate) targets: TargetsSpec,
    pub(crate) places: Places,
    /// The tables in which something was wrong: what is missing there may have been meant.
    pub(crate) incomplete: BTreeSet<String>,
}

impl Spec {
    /// Whether `[nodes.NAME]` was read without an error.
    pub(crate) fn is_complete_node(&self, name: &str) -> bool {
        !self.incomplete.contains(&format!("nodes.{name}"))
    }

    /// Whether every node was: otherwise, that none has some role may be due to that.
    pub(crate) fn has_complete_nodes(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.all(|node| self.is_complete_node(&node.name.value))
    }
}

/// A table with a name that the operator chose, in the file's order.
#[derive(Debug)]
pub(crate) struct Named<S> {
    pub(crate) name: Placed<String>,
    pub(crate) spec: S,
}

/// A table of the file.
pub struct Section {
    /// Its name; `[networks.NAME]` for those that there may be several of.
    pub name: &'static str,
    /// What its names are names of, where there may be several.
    pub named: Option<&'static str>,
    /// What it is about, in one line.
    pub meaning: &'static str,
    rows: fn() -> Vec<&'static Row>,
    pub(crate) read: fn(&mut Reader<'_>, &mut Spec, Placed<String>, Item<'_>),
}

impl Section {
    /// Its keys.
    pub fn rows(&self) -> Vec<&'static Row> {
        (self.rows)()
    }
}

fn rows<S: Keys>() -> Vec<&'static Row> {
    S::KEYS.iter().map(|Key { row, .. }| row).collect()
}

/// A table that there is one of, or several of with names.
macro_rules! section {
    ($name:ident : $spec:ty, $meaning:literal) => {
        Section {
            name: stringify!($name),
            named: None,
            meaning: $meaning,
            rows: rows::<$spec>,
            read: |reader, spec, name, item| reader.table(stringify!($name), &name, item, &mut spec.$name),
        }
    };
    ($name:ident . $named:literal : $spec:ty, $meaning:literal) => {
        Section {
            name: stringify!($name),
            named: Some($named),
            meaning: $meaning,
            rows: rows::<$spec>,
            read: |reader, spec, _, item| reader.tables(stringify!($name), $named, item, &mut spec.$name),
        }
    };
}

/// Every table of the file.
pub const SECTIONS: &[Section] = &[
    section!(site: SiteSpec, "the site as a whole"),
    section!(subscribers: SubscribersSpec, "who may ask, and how many they are"),
    section!(networks."network": NetworkSpec, "the networks that nodes have addresses in"),
    section!(nodes."node": NodeSpec, "the machines, by their host names"),
    section!(servers: ServersSpec, "which program has which role, unless a node says otherwise"),
    section!(floating."floating address": FloatingSpec, "addresses that move to another node when theirs fails"),
    section!(pools."pool": PoolSpec, "servers that share queries; auth and rec are there without being written"),
    section!(zones."zone": ZoneSpec, "our own zones, by their domain names"),
    section!(policy: PolicySpec, "which queries are answered"),
    section!(limits: LimitsSpec, "how much of the site one address may use"),
    section!(cache: CacheSpec, "what front ends remember"),
    section!(health: HealthSpec, "how front ends find out that a server has failed"),
    section!(resolver: ResolverSpec, "the servers with the role resolve"),
    section!(monitoring: MonitoringSpec, "status pages, metrics and consoles"),
    section!(targets: TargetsSpec, "what a drill has to keep"),
];
