//! Instances to routers.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU8;
use std::time::Duration;

use weir_vrrp::{
    Announcing, Authentication, ChecksumForm, Destination, Family, Interval, Peer, Preemption, Priority,
    Refresh, RouterSettings, StartState, Version, Vrid,
};

use super::Check;
use crate::diagnostics::{Place, Placed};
use crate::dialects::keepalived::spec::{Block, InstanceSpec};
use crate::vip::{Attachment, FloatingAddress, VipSettings};

/// What an advert has room for.
const MAX_ADDRESSES: usize = 255;
const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const GROUP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));
const DEFAULT_PRIORITY: u8 = 100;
const DEFAULT_DOWN_ADVERTS: u8 = 3;

type Instance = Block<InstanceSpec>;

impl Check<'_> {
    /// One router, unless something is missing.
    pub(super) fn router(&mut self, instance: &Instance) -> Option<(RouterSettings, Attachment)> {
        let spec = &instance.spec;
        let family = self.family(instance);
        let version = self.version(instance, family.unwrap_or(Family::V4));
        let interval = self.interval(instance, version);
        let authentication = self.authentication(instance, version);
        let start = spec.state.unwrap_or(StartState::Backup);
        let preemption = self.preemption(instance, start);
        let destination = family.and_then(|family| self.destination(instance, family));
        let attachment = self.attachment(instance);
        self.strict(instance);
        let vrid = spec.vrid.as_ref().and_then(|vrid| NonZeroU8::new(vrid.value));
        if vrid.is_none() {
            let why = format!("vrrp_instance {} needs a virtual_router_id", instance.name);
            self.findings.error(&instance.place, why);
        }
        let global = &self.spec.global;
        let down_adverts = spec
            .down_adverts
            .or(global.down_adverts)
            .unwrap_or(DEFAULT_DOWN_ADVERTS);
        let router = RouterSettings {
            name: instance.name.clone(),
            version,
            family: family?,
            vrid: Vrid(vrid?),
            priority: Priority(NonZeroU8::new(spec.priority.unwrap_or(DEFAULT_PRIORITY))?),
            interval: interval?,
            authentication,
            start,
            preemption,
            addresses: spec
                .addresses
                .iter()
                .map(|address| address.value.address)
                .collect(),
            destination: destination?,
            checksum: if spec.message_only_checksum {
                ChecksumForm::MessageOnly
            } else {
                ChecksumForm::PseudoHeader
            },
            down_adverts: NonZeroU8::new(down_adverts)?,
            answer_lower: !spec.lower_prio_no_advert.unwrap_or(global.lower_prio_no_advert),
            answer_higher: { spec.higher_prio_send_advert.or(global.higher_prio_send_advert) }
                .unwrap_or(true),
            announcing: self.announcing(spec),
        };
        Some((router, attachment?))
    }

    /// The family of the addresses that adverts list. keepalived ignores those of the other family.
    fn family(&mut self, instance: &Instance) -> Option<Family> {
        let addresses = &instance.spec.addresses;
        let Some(first) = addresses.first() else {
            let why = match instance.spec.excluded.is_empty() {
                true => "has no virtual_ipaddress, so there is nothing to hold",
                false => "has virtual_ipaddress_excluded only; an advert lists one address at least",
            };
            self.findings
                .error(&instance.place, format!("vrrp_instance {} {why}", instance.name));
            return None;
        };
        let is_v4 = first.value.address.is_ipv4();
        for other in addresses
            .iter()
            .filter(|other| other.value.address.is_ipv4() != is_v4)
        {
            let why = format!(
                "{} is not of the family of {}, and an instance has one; put it in virtual_ipaddress_excluded or in an \
                 instance of its own",
                other.value.address, first.value.address
            );
            self.findings.error(&other.place, why);
        }
        if let Some(one_more) = addresses.get(MAX_ADDRESSES) {
            let why = format!("more than {MAX_ADDRESSES} addresses; put some in virtual_ipaddress_excluded");
            self.findings.error(&one_more.place, why);
        }
        Some(if is_v4 { Family::V4 } else { Family::V6 })
    }

    fn version(&mut self, instance: &Instance, family: Family) -> Version {
        let said = &instance.spec.version;
        if family == Family::V4 {
            let own = said.as_ref().map(|version| version.value);
            return own.or(self.spec.global.version).unwrap_or(Version::V2);
        }
        if let Some(version) = said.as_ref().filter(|version| version.value == Version::V2) {
            self.findings.warn(
                &version.place,
                "there is no IPv6 in version 2; version 3 is taken",
            );
        }
        Version::V3
    }

    /// What the version cannot say is rounded, as keepalived does, so that both say the same.
    fn interval(&mut self, instance: &Instance, version: Version) -> Option<Interval> {
        let Some(Placed { value: said, place }) = &instance.spec.interval else {
            return Interval::new(version, Duration::from_secs(1));
        };
        let (unit, most) = match version {
            Version::V2 => (Duration::from_secs(1), Interval::MAX_V2),
            Version::V3 => (Duration::from_millis(10), Interval::MAX_V3),
        };
        let units = said.as_secs_f64() / unit.as_secs_f64();
        let rounded = (unit * (units.round() as u32).max(1)).min(most);
        if rounded != *said {
            let what = format!(
                "advert_int {} is taken as {}: version {} knows steps of {} up to {}",
                said.as_secs_f64(),
                rounded.as_secs_f64(),
                if version == Version::V2 { 2 } else { 3 },
                unit.as_secs_f64(),
                most.as_secs_f64()
            );
            self.findings.warn(place, what);
        }
        Interval::new(version, rounded)
    }

    /// An authentication that was asked for and cannot be had is an error, where keepalived goes on without it.
    fn authentication(&mut self, instance: &Instance, version: Version) -> Authentication {
        let Some(Placed { value: said, place }) = &instance.spec.authentication else {
            return Authentication::None;
        };
        if !said.is_password {
            self.findings
                .error(place, "authentication without an auth_type; write auth_type PASS");
        }
        let Some(password) = said.password else {
            self.findings.error(
                place,
                "authentication without an auth_pass; write auth_pass PASSWORD",
            );
            return Authentication::None;
        };
        if version == Version::V3 {
            self.findings.warn(
                place,
                "version 3 has no authentication; adverts go without, as keepalived's do",
            );
            return Authentication::None;
        }
        if self.strict_place(instance).is_some() {
            let why = "keepalived drops the authentication under vrrp_strict, and a peer that does refuses the \
                       adverts of one that does not; remove vrrp_strict, or the authentication";
            self.findings.error(place, why);
        }
        password
    }

    /// Where an instance was told to be strict.
    fn strict_place<'i>(&'i self, instance: &'i Instance) -> Option<&'i Place> {
        match &instance.spec.strict {
            Some(strict) => strict.value.then_some(&strict.place),
            None => self.spec.global.strict.as_ref(),
        }
    }

    fn strict(&mut self, instance: &Instance) {
        if let Some(strict) = instance.spec.strict.as_ref().filter(|strict| strict.value) {
            self.findings.warn(&strict.place, super::STRICT);
        }
    }

    fn preemption(&mut self, instance: &Instance, start: StartState) -> Preemption {
        let spec = &instance.spec;
        let is_owner = spec.priority == Some(Priority::OWNER.0.get());
        if let Some(place) = &spec.no_preempt {
            if start == StartState::Backup && !is_owner {
                return Preemption::Never;
            }
            let why =
                "nopreempt is ignored with state MASTER or priority 255; write state BACKUP on both nodes";
            self.findings.warn(place, why);
        }
        match &spec.preempt_delay {
            None => Preemption::Immediate,
            Some(delay) if start == StartState::Master => {
                let why = "preempt_delay is ignored with state MASTER; write state BACKUP";
                self.findings.warn(&delay.place, why);
                Preemption::Immediate
            }
            Some(delay) if delay.value.is_zero() => Preemption::Immediate,
            Some(delay) => Preemption::Delayed(delay.value),
        }
    }

    fn destination(&mut self, instance: &Instance, family: Family) -> Option<Destination> {
        let spec = &instance.spec;
        let is_v4 = family == Family::V4;
        let wrong_family = |address: &IpAddr| address.is_ipv4() != is_v4;
        let source = spec.source.as_ref().filter(|source| wrong_family(&source.value));
        let group = spec.group.as_ref().filter(|group| wrong_family(&group.value));
        for address in source.into_iter().chain(group) {
            let why = format!(
                "{} is not of the family of the instance's addresses",
                address.value
            );
            self.findings.error(&address.place, why);
        }
        let Some(placed) = &spec.peers else {
            if let Some(place) = &spec.unicast {
                let what = "without unicast_peer, adverts go to the multicast group; name the peers, or write \
                            mcast_src_ip";
                self.findings.warn(place, what);
            }
            let global = &self.spec.global;
            let group = spec.group.as_ref().map(|group| group.value);
            let (of_node, default) = if is_v4 {
                (global.group_v4, GROUP_V4)
            } else {
                (global.group_v6, GROUP_V6)
            };
            return Some(Destination::Multicast(group.or(of_node).unwrap_or(default)));
        };
        if placed.is_empty() {
            let why = format!("unicast_peer of vrrp_instance {} names nobody", instance.name);
            self.findings.error(&instance.place, why);
            return None;
        }
        for peer in placed.iter().filter(|peer| wrong_family(&peer.value.address)) {
            let why = format!(
                "the peer {} is not of the family of the instance's addresses",
                peer.value.address
            );
            self.findings.error(&peer.place, why);
        }
        let mut seen = BTreeSet::new();
        let mut peers: Vec<Peer> = Vec::new();
        for peer in placed {
            if seen.insert(peer.value.address) {
                peers.push(peer.value);
            } else {
                let what = format!(
                    "the peer {} was named before; this is ignored",
                    peer.value.address
                );
                self.findings.warn(&peer.place, what);
            }
        }
        Some(Destination::Unicast {
            peers,
            hops: spec.unicast_hops.unwrap_or(u8::MAX),
            known_only: spec.check_unicast_source || self.spec.global.check_unicast_source,
        })
    }

    fn announcing(&self, spec: &InstanceSpec) -> Announcing {
        let (own, node) = (&spec.garp, &self.spec.global.garp);
        let default = Announcing::default();
        let node_repeat = node.repeat.unwrap_or(default.repeat);
        let node_delay = node.delay.unwrap_or(default.delay);
        let refresh = own.refresh.or(node.refresh).filter(|every| !every.is_zero());
        Announcing {
            repeat: own.repeat.unwrap_or(node_repeat),
            delay: own.delay.unwrap_or(node_delay),
            // keepalived's inherit from the node's, not from the router's own.
            lower_repeat: own.lower_repeat.or(node.lower_repeat).unwrap_or(node_repeat),
            lower_delay: own.lower_delay.or(node.lower_delay).unwrap_or(node_delay),
            refresh: refresh.map_or(Refresh::Adaptive, Refresh::Every),
            refresh_repeat: { own.refresh_repeat.or(node.refresh_repeat) }.unwrap_or(default.refresh_repeat),
        }
    }

    fn attachment(&mut self, instance: &Instance) -> Option<Attachment> {
        let spec = &instance.spec;
        if spec.interface.is_none() {
            let why = format!("vrrp_instance {} needs an interface", instance.name);
            self.findings.error(&instance.place, why);
        }
        if spec.track_source && spec.source.is_none() {
            let what = format!(
                "{}: track_src_ip without mcast_src_ip or unicast_src_ip",
                instance.name
            );
            self.findings.warn(&instance.place, what);
        }
        let mut seen = BTreeMap::new();
        let mut addresses: Vec<FloatingAddress> = Vec::new();
        for address in spec.addresses.iter().chain(&spec.excluded) {
            match seen.entry(address.value.address) {
                Entry::Vacant(vacant) => {
                    vacant.insert(&address.place);
                    addresses.push(address.value.clone());
                }
                Entry::Occupied(before) => {
                    let what = format!(
                        "{} was named before, at {}; it is held once",
                        address.value.address,
                        before.get()
                    );
                    self.findings.warn(&address.place, what);
                }
            }
        }
        let notify = self.notify(&spec.notify);
        Some(Attachment {
            place: instance.place.clone(),
            interface: spec.interface.clone()?,
            source: spec.source.as_ref().map(|source| source.value),
            track_source: spec.track_source,
            ignore_interface: spec.ignore_interface,
            addresses,
            notify,
        })
    }

    /// An address that two routers of one interface have: the one that is backup takes it from the one that is master.
    /// keepalived accepts that.
    pub(super) fn shared_addresses(&mut self) {
        let mut seen: BTreeMap<(Option<&String>, IpAddr), (&Instance, &Place)> = BTreeMap::new();
        for instance in &self.spec.instances {
            let spec = &instance.spec;
            for Placed { value, place } in spec.addresses.iter().chain(&spec.excluded) {
                let interface = value.interface.as_ref().or(spec.interface.as_ref());
                // Written as one of IPv6 or not, it is the same to whoever answers queries at it.
                let key = (interface, value.address.to_canonical());
                let (before, at) = *seen.entry(key).or_insert((instance, place));
                if !std::ptr::eq(before, instance) {
                    let why = format!(
                        "{} is an address of vrrp_instance {} as well, at {at}: while one of the two is master and the \
                         other is not, the other removes it; name it in one of them",
                        value.address, before.name
                    );
                    self.findings.error(place, why);
                }
            }
        }
    }

    /// Two routers of one number in one place would take each other's adverts for their own.
    pub(super) fn vrids(&mut self, settings: &VipSettings) {
        let mut seen = BTreeMap::new();
        for ((router, _), attachment) in settings.node.routers.iter().zip(&settings.routers) {
            let key = (&attachment.interface, router.family == Family::V4, router.vrid);
            let Some(before) = seen.insert(key, &router.name) else {
                continue;
            };
            let place = { self.spec.instances.iter() }
                .filter(|instance| instance.name == router.name)
                .find_map(|instance| instance.spec.vrid.as_ref());
            if let Some(vrid) = place {
                let why = format!(
                    "{before} and {} both have virtual_router_id {} on {}; give one another number",
                    router.name, router.vrid.0, attachment.interface
                );
                self.findings.error(&vrid.place, why);
            }
        }
    }
}
