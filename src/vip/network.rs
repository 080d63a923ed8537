//! The node's network as the routers see it: links, addresses, adverts, announcements.
//!
//! A [`Segment`] is an interface in one family. It is opened anew when the interface is: under its old name, an
//! interface that was made again has another number, and the old sockets hear nothing.
//!
//! An address owner (priority 255, RFC 9568 section 5.2.4) has the address as an interface's own, configured for good by
//! somebody else. It stays as it is, whether the router is master or not, and after us: we would never bring it back.
//! keepalived removes it at its start and at its end. With any other priority an address without an end is what a
//! killed keepalived has left behind, and goes.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use weir_config::vip::{FloatingAddress, VipSettings};
use weir_linux::announce::{Heard, Neighbours};
use weir_linux::netlink::{Assigned, Event, FOREVER, Links, Monitor, Placement, own_address};
use weir_linux::poll::{Interest, Poller};
use weir_linux::vrrp::{Reception, VrrpSocket};
use weir_linux::{Family, Link, LinkIndex, keep_secondaries};
use weir_vrrp::{Destination, Priority, RouterSettings};

use super::guard::{Held, Will};
use super::tokens::{Kind, token};

/// Claims taken from one interface per wake-up; the rest waits for the next.
const MAX_CLAIMS_PER_WAKE: usize = 64;
/// Changes taken per wake-up before everything is listed anew anyhow.
const MAX_EVENTS_PER_WAKE: usize = 1024;
/// The hop limit that multicast adverts must have (RFC 9568 §5.1.1.3).
const MULTICAST_HOPS: u8 = 255;
/// Addresses live this long at least after the last renewal. The kernel counts whole seconds, and takes half a second
/// more when it is busy. With one second, a machine that stands still for a second would take the address from a node
/// that is well; such machines were seen.
const MIN_LIFETIME: Duration = Duration::from_secs(2);
/// So many renewals are sent in one lifetime: two may be late.
const RENEWALS: u32 = 4;

/// Everything that the loop knows of the node's network.
pub(super) struct Network {
    links: Links,
    monitor: Monitor,
    segments: Vec<Segment>,
    routers: Vec<Seat>,
    /// All floating addresses: no source of adverts, and their coming and going is our own doing.
    floating: Vec<IpAddr>,
    valid_s: u32,
}

/// An interface in one family.
struct Segment {
    interface: String,
    family: Family,
    groups: Vec<IpAddr>,
    link: Option<Link>,
    adverts: Option<VrrpSocket>,
    neighbours: Option<Neighbours>,
}

/// Where a router sits.
struct Seat {
    segment: usize,
    /// Its own address, while adverts can be sent from it.
    source: Option<IpAddr>,
    hops: u8,
    /// Its addresses, each with the segment that it is on.
    addresses: Vec<(FloatingAddress, usize)>,
    /// Those of them that are the node's own, whose owner it is.
    own: Vec<IpAddr>,
    holds: bool,
}

/// What [`Network::changes`] has seen.
#[derive(Default)]
pub(super) struct Changes {
    /// A link or an address that is not ours has come, gone or changed: [`Network::refresh`].
    pub(super) links: bool,
    /// Addresses that left although a router holds them.
    pub(super) lost: Vec<(usize, IpAddr)>,
}

impl Network {
    /// Opens what there is; interfaces that are missing are waited for.
    ///
    /// # Errors
    /// Without the right to do so (`CAP_NET_ADMIN`, `CAP_NET_RAW`), or out of descriptors.
    pub(super) fn open(settings: &VipSettings, poller: &Poller) -> io::Result<Self> {
        let monitor = Monitor::open()?;
        poller.add(&monitor, token(Kind::Monitor, 0), Interest::Read)?;
        let mut segments = Vec::new();
        let routers = settings.node.routers.iter().zip(&settings.routers);
        let routers = routers.map(|((router, _), attachment)| {
            let family = family_of(router);
            let segment = segment(&mut segments, &attachment.interface, family);
            if let (Destination::Multicast(group), Some(segment)) =
                (&router.destination, segments.get_mut(segment))
            {
                segment.groups.push(*group);
            }
            let addresses = attachment.addresses.iter().map(|floating| {
                let interface = floating.interface.as_ref().unwrap_or(&attachment.interface);
                let family = family_of_address(floating.address);
                (floating.clone(), self::segment(&mut segments, interface, family))
            });
            Seat {
                segment,
                source: None,
                hops: match router.destination {
                    Destination::Multicast(_) => MULTICAST_HOPS,
                    Destination::Unicast { hops, .. } => hops,
                },
                addresses: addresses.collect(),
                own: Vec::new(),
                holds: false,
            }
        });
        let routers: Vec<Seat> = routers.collect();
        let floating = routers.iter().flat_map(|seat| &seat.addresses);
        Ok(Self {
            links: Links::open()?,
            monitor,
            floating: floating.map(|(floating, _)| floating.address).collect(),
            segments,
            routers,
            valid_s: lifetime(settings).as_secs().try_into().unwrap_or(u32::MAX),
        })
    }

    /// Takes away what an earlier `weir vip`, dead by now with its guard, has left on the interfaces and no router
    /// holds now.
    ///
    /// # Errors
    /// Without the right to do so.
    pub(super) fn remove_leftovers(
        &mut self,
        settings: &VipSettings,
        poller: &Poller,
    ) -> io::Result<Vec<IpAddr>> {
        self.refresh(settings, poller)?;
        let mut removed = Vec::new();
        for assigned in self.links.addresses()? {
            let interface = self
                .segments
                .iter()
                .any(|segment| segment.index() == Some(assigned.index));
            let is_right =
                self.is_own(assigned.address) || self.holder(assigned.index, assigned.address).is_some();
            if interface && !is_right && (assigned.ours || self.floating.contains(&assigned.address)) {
                self.links
                    .remove(assigned.index, assigned.address, assigned.prefix)?;
                removed.push(assigned.address);
            }
        }
        Ok(removed)
    }

    /// Takes note of all changes since the last call.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub(super) fn changes(&mut self) -> io::Result<Changes> {
        let mut changes = Changes::default();
        for _ in 0..MAX_EVENTS_PER_WAKE {
            match self.monitor.next_event()? {
                None => return Ok(changes),
                Some(Event::AddressAdded { address, .. }) if self.floating.contains(&address) => {}
                Some(Event::AddressRemoved { index, address }) if self.floating.contains(&address) => {
                    // It is put back as one that is not.
                    changes.links |= self.is_own(address);
                    changes
                        .lost
                        .extend(self.loser(index, address).map(|router| (router, address)));
                }
                Some(
                    Event::LinkChanged(_)
                    | Event::LinkGone(_)
                    | Event::AddressAdded { .. }
                    | Event::AddressRemoved { .. }
                    | Event::Overrun,
                ) => changes.links = true,
            }
        }
        changes.links = true;
        Ok(changes)
    }

    /// Whether the node is the owner of this floating address.
    fn is_own(&self, address: IpAddr) -> bool {
        self.routers.iter().any(|seat| seat.own.contains(&address))
    }

    /// The router that holds this address there.
    fn holder(&self, index: LinkIndex, address: IpAddr) -> Option<(usize, &FloatingAddress)> {
        let is_there = |segment: usize| self.segments.get(segment).and_then(Segment::index) == Some(index);
        let holders = self.routers.iter().enumerate().filter(|(_, seat)| seat.holds);
        let mut held = holders.flat_map(|(router, seat)| {
            let addresses = seat.addresses.iter();
            addresses.map(move |(floating, segment)| (router, floating, *segment))
        });
        held.find(|(_, floating, segment)| floating.address == address && is_there(*segment))
            .map(|(router, floating, _)| (router, floating))
    }

    /// The router that misses this address there.
    fn loser(&self, index: LinkIndex, address: IpAddr) -> Option<usize> {
        let holder = self.holder(index, address);
        holder
            .filter(|(_, floating)| !floating.no_track)
            .map(|(router, _)| router)
    }

    /// Looks at all interfaces anew, opens what has come and closes what has gone. Afterwards [`Self::source`] and
    /// [`Self::is_up`] are those of now.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub(super) fn refresh(&mut self, settings: &VipSettings, poller: &Poller) -> io::Result<()> {
        let (links, addresses) = (self.links.list()?, self.links.addresses()?);
        for (number, segment) in self.segments.iter_mut().enumerate() {
            let link = links.iter().find(|link| link.name == segment.interface);
            segment.follow(link, number, poller);
        }
        let routers = settings.node.routers.iter().zip(&settings.routers);
        for (seat, ((router, _), attachment)) in self.routers.iter_mut().zip(routers) {
            seat.own = match router.priority {
                Priority::OWNER => seat.permanent(&addresses, &self.segments),
                _ => Vec::new(),
            };
            let floating = self.floating.iter().filter(|address| !seat.own.contains(address));
            let floating: Vec<IpAddr> = floating.copied().collect();
            let segment = self.segments.get(seat.segment);
            let link = segment.and_then(|segment| segment.link.as_ref());
            let usable = link.filter(|link| link.up || attachment.ignore_interface);
            seat.source = usable.and_then(|link| {
                let has = |address| has_address(&addresses, link.index, address);
                match attachment.source {
                    Some(source) => (!attachment.track_source || has(source)).then_some(source),
                    None => own_address(&addresses, link.index, segment?.family, &floating),
                }
            });
        }
        Ok(())
    }

    /// The address that a router's adverts come from, while its interface is of use.
    pub(super) fn source(&self, router: usize) -> Option<IpAddr> {
        self.routers.get(router)?.source
    }

    /// Whether an interface is there and up.
    pub(super) fn is_up(&mut self, interface: &str) -> bool {
        let links = self.links.list().unwrap_or_default();
        links.iter().any(|link| link.name == interface && link.up)
    }

    /// The adverts' sockets, as many as [`Self::receive`] takes numbers.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Whether a router sits on this segment.
    pub(super) fn is_on(&self, router: usize, segment: usize) -> bool {
        self.routers
            .get(router)
            .is_some_and(|seat| seat.segment == segment)
    }

    /// Receives the next advert of a segment, without waiting.
    pub(super) fn receive<'a>(&self, segment: usize, buffer: &'a mut [u8]) -> Reception<'a> {
        let socket = self
            .segments
            .get(segment)
            .and_then(|segment| segment.adverts.as_ref());
        // An interface that has gone down says so once; the monitor says it too.
        socket.map_or(Reception::Empty, |socket| {
            socket.receive(buffer).unwrap_or(Reception::Empty)
        })
    }

    /// The claims of others to floating addresses, each with the router whose address it is.
    pub(super) fn claims(&self, segment: usize) -> Vec<(usize, IpAddr)> {
        let Some(neighbours) = self.segments.get(segment).and_then(|s| s.neighbours.as_ref()) else {
            return Vec::new();
        };
        let mut claims = Vec::new();
        for _ in 0..MAX_CLAIMS_PER_WAKE {
            match neighbours.receive() {
                Ok(Heard::Claim(claim)) => {
                    let owner = self
                        .routers
                        .iter()
                        .position(|seat| seat.has(claim.address, segment));
                    claims.extend(owner.map(|router| (router, claim.address)));
                }
                Ok(Heard::Other) => {}
                Ok(Heard::Empty) | Err(_) => break,
            }
        }
        claims
    }

    /// Sends an advert of a router.
    ///
    /// # Errors
    /// The interface is down or gone, or its queue full.
    pub(super) fn send(&self, router: usize, destination: IpAddr, message: &[u8]) -> io::Result<()> {
        let gone = || io::Error::from(io::ErrorKind::NetworkDown);
        let seat = self.routers.get(router).ok_or_else(gone)?;
        let socket = self
            .segments
            .get(seat.segment)
            .and_then(|segment| segment.adverts.as_ref());
        let (socket, source) = socket.zip(seat.source).ok_or_else(gone)?;
        socket.send(source, destination, seat.hops, message)
    }

    /// Has a router keep its addresses from now on; [`Self::renew`] puts them on their interfaces.
    pub(super) fn take(&mut self, router: usize) {
        let Some(seat) = self.routers.get_mut(router) else {
            return;
        };
        seat.holds = true;
        for interface in seat.moving().filter_map(|(_, at)| self.segments.get(*at)) {
            // Where /proc/sys may not be written it is as the container's host has it.
            let _ = keep_secondaries(&interface.interface);
        }
    }

    /// Takes over what the routers of `old` hold that go on here, and takes away what they hold no more.
    pub(super) fn inherit(&mut self, old: &mut Self, kept: &[Option<usize>]) {
        for (router, from) in kept.iter().enumerate() {
            let Some(seat) = from
                .and_then(|from| old.routers.get(from))
                .filter(|seat| seat.holds)
            else {
                continue;
            };
            for (floating, segment) in seat.moving() {
                let index = old.segments.get(*segment).and_then(Segment::index);
                let stays = self
                    .routers
                    .get(router)
                    .is_some_and(|seat| seat.has_same(floating));
                if let (Some(index), false) = (index, stays) {
                    // What cannot be removed goes by its lifetime.
                    let _ = self.links.remove(index, floating.address, floating.prefix);
                }
            }
            self.take(router);
        }
    }

    /// Gives the addresses of a router that keeps them another lifetime, and puts back what is missing.
    ///
    /// # Errors
    /// The first address that could not be placed; the others are tried all the same.
    pub(super) fn renew(&mut self, router: usize) -> io::Result<()> {
        let Some(seat) = self.routers.get(router).filter(|seat| seat.holds) else {
            return Ok(());
        };
        let mut outcome = Ok(());
        for (floating, segment) in seat.moving() {
            let index = self.segments.get(*segment).and_then(Segment::index);
            let placed = match index {
                Some(index) => self.links.place(index, &placement(floating, self.valid_s)),
                None => Err(io::ErrorKind::NotFound.into()),
            };
            outcome = outcome.and(placed);
        }
        outcome
    }

    /// How often [`Self::renew`] is to be called.
    pub(super) fn renewal(&self) -> Duration {
        Duration::from_secs(self.valid_s.into()) / RENEWALS
    }

    /// Takes a router's addresses away.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub(super) fn release(&mut self, router: usize) -> io::Result<()> {
        let Some(seat) = self.routers.get_mut(router) else {
            return Ok(());
        };
        seat.holds = false;
        let mut outcome = Ok(());
        for (floating, segment) in seat.moving() {
            if let Some(index) = self.segments.get(*segment).and_then(Segment::index) {
                let removed = self.links.remove(index, floating.address, floating.prefix);
                outcome = outcome.and(removed);
            }
        }
        outcome
    }

    /// Announces a router's addresses.
    pub(super) fn announce(&self, router: usize, times: u8) {
        let Some(seat) = self.routers.get(router) else {
            return;
        };
        for _ in 0..times {
            for (floating, segment) in &seat.addresses {
                let neighbours = self.segments.get(*segment).and_then(|s| s.neighbours.as_ref());
                if let Some(neighbours) = neighbours {
                    // A full queue or an interface that goes down: the next announcement is never far.
                    let _ = neighbours.announce(floating.address);
                }
            }
        }
    }

    /// The addresses that would be left behind if this process ended now.
    pub(super) fn held(&self) -> Vec<Held> {
        let holders = self.routers.iter().filter(|seat| seat.holds);
        let addresses = holders.flat_map(Seat::moving);
        let held = addresses.filter_map(|(floating, segment)| {
            Some(Held {
                interface: self.segments.get(*segment)?.index()?.0,
                address: floating.address,
                prefix: floating.prefix,
            })
        });
        held.collect()
    }

    /// Whether a router has its addresses on this node.
    pub(super) fn holds(&self, router: usize) -> bool {
        self.routers.get(router).is_some_and(|seat| seat.holds)
    }

    /// Adds to a will the adverts that a router would send to say that it goes.
    pub(super) fn bequeath(&self, router: usize, farewells: Vec<(IpAddr, Vec<u8>)>, will: &mut Will) {
        let Some(seat) = self.routers.get(router).filter(|seat| seat.holds) else {
            return;
        };
        let (Some(segment), Some(source)) = (self.segments.get(seat.segment), seat.source) else {
            return;
        };
        will.farewells.extend(
            farewells
                .into_iter()
                .map(|(destination, message)| super::guard::Farewell {
                    interface: segment.interface.clone(),
                    source,
                    destination,
                    hops: seat.hops,
                    message,
                }),
        );
    }
}

impl Seat {
    /// The addresses that come and go with mastership: all but the node's own.
    fn moving(&self) -> impl Iterator<Item = &(FloatingAddress, usize)> {
        self.addresses
            .iter()
            .filter(|(floating, _)| !self.own.contains(&floating.address))
    }

    /// Those of its addresses that an interface has without an end.
    fn permanent(&self, addresses: &[Assigned], segments: &[Segment]) -> Vec<IpAddr> {
        let is_permanent = |(floating, segment): &&(FloatingAddress, usize)| {
            let index = segments.get(*segment).and_then(Segment::index);
            let mut there = addresses
                .iter()
                .filter(|assigned| Some(assigned.index) == index && assigned.address == floating.address);
            there.any(|assigned| assigned.valid_s == FOREVER && !assigned.ours)
        };
        let permanent = self.addresses.iter().filter(is_permanent);
        permanent.map(|(floating, _)| floating.address).collect()
    }

    /// Whether it has this very address, on the same interface and with the same prefix.
    fn has_same(&self, floating: &FloatingAddress) -> bool {
        self.addresses.iter().any(|(own, _)| own == floating)
    }

    fn has(&self, address: IpAddr, segment: usize) -> bool {
        self.addresses
            .iter()
            .any(|(floating, at)| floating.address == address && *at == segment)
    }
}

impl Segment {
    fn index(&self) -> Option<LinkIndex> {
        self.link.as_ref().map(|link| link.index)
    }

    /// Follows the interface's fate.
    fn follow(&mut self, link: Option<&Link>, number: usize, poller: &Poller) {
        let identity = |link: &Link| (link.index, link.mac);
        let same = link.map(identity) == self.link.as_ref().map(identity);
        self.link = link.cloned();
        if same && (link.is_none() || self.adverts.is_some()) {
            return;
        }
        // Closing takes the old descriptors out of the poller's set.
        (self.adverts, self.neighbours) = (None, None);
        let Some(link) = link else { return };
        match self.adverts_socket(link) {
            Ok(socket)
                if poller
                    .add(&socket, token(Kind::Adverts, number), Interest::Read)
                    .is_ok() =>
            {
                self.adverts = Some(socket);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("{}: cannot send or hear adverts: {error}", self.interface),
        }
        match Neighbours::open(link, self.family) {
            Ok(socket)
                if poller
                    .add(&socket, token(Kind::Neighbours, number), Interest::Read)
                    .is_ok() =>
            {
                self.neighbours = Some(socket);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("{}: cannot announce addresses: {error}", self.interface),
        }
    }

    fn adverts_socket(&self, link: &Link) -> io::Result<VrrpSocket> {
        let socket = VrrpSocket::open(link, self.family)?;
        for group in &self.groups {
            socket.join(*group)?;
        }
        Ok(socket)
    }
}

/// The number of the segment for this interface and family, which is made when there is none.
fn segment(segments: &mut Vec<Segment>, interface: &str, family: Family) -> usize {
    let known = segments
        .iter()
        .position(|s| s.interface == interface && s.family == family);
    known.unwrap_or_else(|| {
        segments.push(Segment {
            interface: interface.to_owned(),
            family,
            groups: Vec::new(),
            link: None,
            adverts: None,
            neighbours: None,
        });
        segments.len() - 1
    })
}

fn placement(floating: &FloatingAddress, valid_s: u32) -> Placement {
    let host = floating.address.is_ipv6() && floating.prefix == 128;
    Placement {
        address: floating.address,
        prefix: floating.prefix,
        label: floating.label.clone(),
        scope: floating.scope.unwrap_or(0),
        broadcast: match floating.broadcast {
            Some(IpAddr::V4(address)) => Some(address),
            Some(IpAddr::V6(_)) | None => None,
        },
        valid_s,
        // The node must not take it for its own address when it asks others (keepalived does the same).
        preferred_s: if host { 0 } else { valid_s },
    }
}

/// How long an address stays without renewal: hardly longer than others wait for this node's adverts.
fn lifetime(settings: &VipSettings) -> Duration {
    let routers = settings.node.routers.iter();
    let longest =
        routers.map(|(router, _)| router.interval.duration() * (u32::from(router.down_adverts.get()) + 1));
    let longest = longest.max().unwrap_or_default();
    Duration::from_secs(longest.as_secs() + 1).max(MIN_LIFETIME)
}

fn has_address(addresses: &[Assigned], index: LinkIndex, address: IpAddr) -> bool {
    addresses
        .iter()
        .any(|assigned| assigned.index == index && assigned.address == address)
}

fn family_of(router: &RouterSettings) -> Family {
    match router.family {
        weir_vrrp::Family::V4 => Family::V4,
        weir_vrrp::Family::V6 => Family::V6,
    }
}

fn family_of_address(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}
