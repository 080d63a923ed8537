//! Another configuration while the loop runs (SIGHUP): read, checked and opened completely before anything changes.
//!
//! A router that is the same one in both files, by name, version, family, number and interface, keeps its state; its
//! address stays where it is. What is only in the old file is given up with a farewell, what is only in the new one
//! starts. Checks that are the same in both go on, and trackers keep what is known about them by their names.

use std::io;

use weir_config::vip::VipSettings;
use weir_vrrp::{Condition, Node, NodeSettings};

use crate::clock;

use super::driver::Driver;
use super::network::Network;
use super::notify::Notifier;
use super::trackers::{FrontEnd, Trackers};

impl Driver {
    /// Goes on with `settings`.
    ///
    /// # Errors
    /// When something that they name cannot be opened. Nothing has changed then.
    pub(super) fn reconfigure(&mut self, mut settings: VipSettings) -> io::Result<()> {
        let now = clock::now();
        let watched = if self.front.is_some() {
            FrontEnd::Watched
        } else {
            FrontEnd::NotWatched
        };
        let conditions = self.known(&settings);
        for (tracker, condition) in settings.node.trackers.iter_mut().zip(&conditions) {
            tracker.initially = condition.unwrap_or(tracker.initially);
        }
        let mut trackers = Trackers::new(&mut settings, watched);
        trackers.inherit(&self.trackers);
        for (tracker, (_, condition)) in settings.node.trackers.iter_mut().zip(trackers.conditions()) {
            tracker.initially = condition;
        }
        let mut network = Network::open(&settings, &self.poller)?;
        network.refresh(&settings, &self.poller)?;
        let notifier = Notifier::open(&settings, &self.settings, &self.poller)?;

        // What is still to be done counts routers as the old file does.
        self.perform();
        let kept = kept(&self.settings, &settings);
        self.give_up(&kept);
        network.inherit(&mut self.network, &kept);
        let node = std::mem::replace(&mut self.node, Node::new(NodeSettings::default(), now));
        self.node = node.reconfigured(settings.node.clone(), &kept, now);
        self.scripts.reconfigure(&settings, now, &self.poller);
        if let Some(notifier) = notifier {
            std::mem::replace(&mut self.notifier, notifier).close();
        }
        (self.settings, self.trackers, self.network) = (settings, trackers, network);
        self.look_at_links()?;
        self.perform();
        Ok(())
    }

    /// What is known of the new configuration's trackers that are in the old one too.
    fn known(&self, settings: &VipSettings) -> Vec<Option<Condition>> {
        let described = settings.node.trackers.iter().zip(&settings.trackers);
        let known = described.map(|(tracker, how)| {
            let mut old = self.settings.node.trackers.iter().zip(&self.settings.trackers);
            let at = old.position(|(other, other_how)| other.name == tracker.name && other_how == how)?;
            self.trackers.conditions().nth(at).map(|(_, condition)| condition)
        });
        known.collect()
    }

    /// Lets go of what routers hold that are in `kept` no more.
    fn give_up(&mut self, kept: &[Option<usize>]) {
        for router in (0..self.settings.routers.len()).filter(|router| !kept.contains(&Some(*router))) {
            if !self.network.holds(router) {
                continue;
            }
            for (destination, message) in self.node.farewell(router) {
                // It is as good as gone; the other node waits for its silence instead.
                let _ = self.network.send(router, destination, &message);
            }
            if let Err(error) = self.network.release(router) {
                tracing::error!("a router that is gone: cannot release its addresses: {error}");
            }
        }
    }
}

/// For each new router, the old one that it is.
fn kept(old: &VipSettings, new: &VipSettings) -> Vec<Option<usize>> {
    let identities = |settings: &VipSettings| {
        let routers = settings.node.routers.iter().zip(&settings.routers);
        let identity = routers.map(|((router, _), attachment)| {
            let name = (router.name.clone(), attachment.interface.clone());
            (
                name,
                router.vrid,
                router.version == weir_vrrp::Version::V2,
                router.family == weir_vrrp::Family::V4,
            )
        });
        identity.collect::<Vec<_>>()
    };
    let old = identities(old);
    let new = identities(new).into_iter();
    new.map(|identity| old.iter().position(|other| *other == identity))
        .collect()
}

/// Reads the file again and goes on with it, or says why not.
pub(super) fn on_hangup(driver: &mut Driver) {
    let outcome = super::load(&driver.run).and_then(|settings| driver.reconfigure(settings));
    match outcome {
        Ok(()) => tracing::info!("reloaded {}", driver.run.file.display()),
        Err(error) => tracing::error!("reload: {error}; nothing has changed"),
    }
}
