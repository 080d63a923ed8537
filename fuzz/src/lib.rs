//! What the fuzz targets check, as plain functions, so that `tests/corpus.rs` replays the corpus without a fuzzer.
//!
//! A function panics when an invariant does not hold. Whatever a fuzzer finds goes into `corpus/TARGET/` under a name
//! that says what it is.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::path::Path;
use std::time::Duration;

use weir_cache::{Accept, Cache, Inserted, Lookup, Settings};
use weir_config::dialects::keepalived;
use weir_linux::announce::Claim;
use weir_vrrp::{
    Advert, Announcing, Authentication, ChecksumForm, Destination, Family, Interval, Node, NodeSettings,
    Preemption, Priority, Received, RouterSettings, StartState, Version, Vrid,
};
use weir_wire::hash::Seed;
use weir_wire::{Builder, Flags, HEADER_LEN, Query, Rcode, Reply, Timestamp, patch};

/// The longest DNS message.
const MESSAGE: usize = 65_535;

/// Reads `bytes` as a query and as a reply. What is accepted is whole: every part lies inside of the message, and
/// what is made from it can be read again.
pub fn wire_parse(bytes: &[u8]) {
    match Query::parse(bytes) {
        Ok(query) => {
            let question = &bytes[HEADER_LEN..query.question_end()];
            assert_eq!(query.question(), question);
            assert!(query.payload_limit() >= 512);
            assert!(
                query.records().all(|record| record.is_ok()),
                "accepted with a malformed record"
            );
            assert!(query.options().map(|option| option.data.len()).sum::<usize>() <= bytes.len());
            answer(&query);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(reply) = Reply::parse(bytes) {
        change(&reply);
    }
    let mut buffer = [0; HEADER_LEN];
    if Builder::bare(&mut buffer, bytes, Rcode::FORMERR).is_some() {
        assert!(buffer[2] & 0x80 != 0, "an answer that is a query");
    }
}

/// A reply of our own to the query answers it.
fn answer(query: &Query<'_>) {
    let mut buffer = [0; 1024];
    let Ok(mut builder) = Builder::new(&mut buffer, query, Flags::default()) else {
        return;
    };
    let _ = builder.opt(1232, Rcode::NOERROR, query.dnssec_ok());
    let len = builder.finish();
    let reply = Reply::parse(&buffer[..len]).expect("our own reply is malformed");
    assert_eq!(reply.header.id, query.header.id);
    assert!(reply.answers(query.question()));
}

/// TTLs are where the summary says, and a truncated reply can be read again.
fn change(reply: &Reply<'_>) {
    let packet = reply.packet();
    let (mut offsets, mut changed) = (Vec::new(), packet.to_vec());
    let Ok(summary) = reply.summarize(|offset| offsets.push(offset)) else {
        return;
    };
    assert!(offsets.iter().all(|offset| offset + 4 <= packet.len()));
    patch::age_ttls(&mut changed, offsets.iter().copied(), u32::MAX);
    let aged = Reply::parse(&changed).expect("a reply with other TTLs is malformed");
    assert!(
        aged.summarize(|_| ())
            .is_ok_and(|aged| aged.min_ttl.unwrap_or(0) == 0)
    );

    let len = patch::truncate(&mut changed, reply.question_end(), summary.edns);
    assert!(len <= packet.len());
    let cut = Reply::parse(&changed[..len]).expect("a truncated reply is malformed");
    assert!(cut.header.flags.has(Flags::TC));
    assert_eq!(cut.question(), reply.question());
}

/// The first two bytes say how long the query is that follows; the rest is offered to a cache as its reply. What the
/// cache takes it gives back at once, readable and for the query that asks.
pub fn cache_insert(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Some((query, reply)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
        return;
    };
    let Ok(query) = Query::parse(query) else { return };
    let settings = Settings {
        truncated_ttl: 10,
        stale_window: 60,
        ..Settings::new(16)
    };
    let cache = Cache::new(settings.check().expect("good settings"), Seed::new([1, 2]));
    let Some(key) = cache.key(&query) else { return };
    let mut out = vec![0; MESSAGE];
    let stored = cache.insert(&query, &key, reply, Timestamp::from_secs(1), None);
    let found = cache.lookup(&query, &key, Timestamp::from_secs(1), Accept::Truncated, &mut out);
    match (stored, found) {
        (Inserted::Stored, Lookup::Hit(hit)) => {
            let cached = Reply::parse(&out[..hit.len]).expect("the cache gave a malformed reply");
            assert_eq!(cached.header.id, query.header.id);
            assert_eq!(cached.question(), query.question(), "not this query's question");
            assert!(cached.summarize(|_| ()).is_ok());
        }
        (Inserted::Refused(_), Lookup::Miss { .. }) => {}
        (stored, found) => panic!("{stored:?}, then {found:?}"),
    }
    // Long after, there is nothing fresh, and what is stale can be read as well.
    let later = Timestamp::from_secs(100_000);
    assert!(!matches!(
        cache.lookup(&query, &key, later, Accept::Truncated, &mut out),
        Lookup::Hit(_)
    ));
    if let Lookup::Stale(hit) = cache.lookup_stale(&query, &key, Timestamp::from_secs(40), &mut out) {
        assert!(Reply::parse(&out[..hit.len]).is_ok());
    }
}

/// Reads `bytes` as a keepalived configuration, which finds itself under every name that it includes. What is accepted
/// fits together; what is not says why.
pub fn keepalived_read(bytes: &[u8]) {
    let (settings, findings) = match keepalived::read(Path::new("keepalived.conf"), "a", &OneFile(bytes)) {
        Ok(accepted) => accepted,
        Err(findings) => return assert!(!findings.is_empty(), "refused without a word"),
    };
    assert!(
        findings
            .iter()
            .all(|found| !found.to_string().contains(char::is_control))
    );
    assert_eq!(settings.node.routers.len(), settings.routers.len());
    assert_eq!(settings.node.groups.len(), settings.groups.len());
    assert_eq!(settings.node.trackers.len(), settings.trackers.len());
    let (mut numbers, mut held) = (BTreeSet::new(), BTreeSet::new());
    for ((router, tracking), attachment) in settings.node.routers.iter().zip(&settings.routers) {
        let first = router.addresses.first().expect("a router without an address");
        assert!(
            router
                .addresses
                .iter()
                .all(|address| address.is_ipv4() == first.is_ipv4())
        );
        assert!(
            router
                .addresses
                .iter()
                .all(|address| attachment.addresses.iter().any(|held| held.address == *address))
        );
        assert!(
            tracking
                .iter()
                .all(|tracking| tracking.tracker < settings.trackers.len())
        );
        let number = (&attachment.interface, first.is_ipv4(), router.vrid);
        assert!(numbers.insert(number), "two routers of one number");
        for floating in &attachment.addresses {
            let interface = floating.interface.as_ref().unwrap_or(&attachment.interface);
            assert!(
                held.insert((interface, floating.address)),
                "two routers of one address"
            );
        }
    }
    let members: Vec<usize> = settings
        .node
        .groups
        .iter()
        .flat_map(|group| group.members.clone())
        .collect();
    assert!(members.iter().all(|member| *member < settings.routers.len()));
    let once: BTreeSet<usize> = members.iter().copied().collect();
    assert_eq!(once.len(), members.len(), "a router in two groups");
}

/// The same file under every name, and no other one.
struct OneFile<'b>(&'b [u8]);

impl keepalived::Files for OneFile<'_> {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn names(&self, _: &Path) -> io::Result<Vec<OsString>> {
        Ok(vec!["keepalived.conf".into()])
    }

    fn is_program(&self, _: &str) -> bool {
        true
    }
}

/// Hears `bytes` as an advert, in every version and family. What is believed has all its addresses inside of the
/// message, and a node that hears it says nothing that it would not believe itself.
pub fn vrrp_packet(bytes: &[u8]) {
    for (version, [source, group, floating]) in [
        (Version::V2, ["192.0.2.2", "224.0.0.18", "192.0.2.53"]),
        (Version::V3, ["192.0.2.2", "224.0.0.18", "192.0.2.53"]),
        (Version::V3, ["fe80::2", "ff02::12", "fe80::53"]),
    ] {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let settings = router(version, address(group), address(floating));
        let received = Received {
            source: address(source),
            destination: address(group),
            hops: 255,
            message: bytes,
        };
        match Advert::parse(&received, &settings) {
            Ok(advert) => assert!(advert.addresses().count() * 4 <= bytes.len()),
            Err(reject) => assert!(!reject.to_string().is_empty()),
        }
        let now = Timestamp::from_secs(1);
        let routers = vec![(settings, Vec::new())];
        let mut node = Node::new(
            NodeSettings {
                routers,
                ..NodeSettings::default()
            },
            now,
        );
        node.on_link(now, 0, Some(address(source)));
        node.on_packet(now, 0, &received);
        node.on_deadline(now + Duration::from_secs(60));
        let effects = std::iter::from_fn(|| node.next_effect()).take(1000).count();
        assert!(effects < 1000, "one advert has {effects} effects");
    }
}

/// Hears `bytes` as an Ethernet frame of ARP and of neighbour discovery. What is believed stands in the frame, and is an
/// address that somebody can have.
pub fn neighbour_claim(bytes: &[u8]) {
    for family in [weir_linux::Family::V4, weir_linux::Family::V6] {
        let Some(claim) = Claim::parse(bytes, family) else {
            continue;
        };
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        match claim.address {
            IpAddr::V4(address) => {
                assert_eq!(family, weir_linux::Family::V4);
                assert!(contains(&address.octets()) && !address.is_unspecified());
                // Ethernet pads short frames.
                let padded = [bytes, &[0; 18]].concat();
                assert_eq!(Claim::parse(&padded, family), Some(claim));
            }
            IpAddr::V6(address) => {
                assert_eq!(family, weir_linux::Family::V6);
                assert!(contains(&address.octets()) && !address.is_multicast());
            }
        }
        assert!(contains(&claim.mac.0));
    }
}

fn router(version: Version, group: IpAddr, floating: IpAddr) -> RouterSettings {
    let one = NonZeroU8::MIN;
    RouterSettings {
        name: "fuzzed".to_owned(),
        version,
        family: if group.is_ipv4() { Family::V4 } else { Family::V6 },
        vrid: Vrid(one.saturating_add(50)),
        priority: Priority(one.saturating_add(99)),
        interval: Interval::new(version, Duration::from_secs(1)).expect("a second"),
        authentication: match version {
            Version::V2 => Authentication::Password(*b"lab123\0\0"),
            Version::V3 => Authentication::None,
        },
        start: StartState::Backup,
        preemption: Preemption::Immediate,
        addresses: vec![floating],
        destination: Destination::Multicast(group),
        checksum: ChecksumForm::PseudoHeader,
        down_adverts: one.saturating_add(2),
        answer_lower: true,
        answer_higher: true,
        announcing: Announcing::default(),
    }
}
