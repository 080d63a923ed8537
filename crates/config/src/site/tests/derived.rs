//! What follows from what is written.

use std::path::Path;
use std::time::Duration;

use super::{LAB, PRODUCTION, lab_with, load};
use crate::site::render;
use crate::site::{
    FrontServer, PoolUse, Purposes, ResolveServer, RoleName, SecretSource, Size, StatusPage, VrrpVersion,
};

#[test]
fn the_blueprints_lab_is_sixty_lines_at_most() {
    assert!(LAB.lines().count() <= 60);
    let site = load(LAB);
    let [network] = site.networks.as_slice() else {
        panic!("{:?}", site.networks)
    };
    assert_eq!(
        network.purposes,
        Purposes {
            subscribers: true,
            backend: true,
            management: true
        }
    );
    let [floating] = site.floating.as_slice() else {
        panic!("{:?}", site.floating)
    };
    assert_eq!(floating.address.to_string(), "10.10.2.160");
    assert_eq!(
        (floating.vrid, floating.prefix, floating.advert),
        (51, 24, Duration::from_secs(1))
    );
    assert_eq!(
        floating.version,
        VrrpVersion::Two(Some(SecretSource::Credential("vrrp".into())))
    );
    let names = |nodes: &[std::sync::Arc<crate::site::Node>]| {
        nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&floating.nodes), ["dd1", "dd2"]);
    let pools: Vec<_> = site
        .pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.role(), names(&pool.nodes)))
        .collect();
    assert_eq!(
        pools,
        [
            ("auth", RoleName::Auth, vec!["auth1".to_owned()]),
            (
                "rec",
                RoleName::Resolve,
                vec!["rec1".to_owned(), "rec2".to_owned()]
            ),
        ]
    );
    let [zone] = site.zones.as_slice() else {
        panic!("{:?}", site.zones)
    };
    assert_eq!(zone.file, Path::new("/etc/weir/db.zaibdns.lab"));
    let rec1 = site.node("REC1").unwrap();
    assert_eq!(rec1.roles.resolve, Some(ResolveServer::Named));
    assert_eq!(
        site.node("rec2").unwrap().roles.resolve,
        Some(ResolveServer::Unbound)
    );
    assert_eq!(site.node("dd1").unwrap().roles.front, Some(FrontServer::Weir));
    assert_eq!(site.monitoring.page, StatusPage::Local);
}

#[test]
fn sizes_follow_the_number_of_subscribers() {
    let (small, large) = (load(LAB), load(PRODUCTION));
    assert_eq!((small.cache.entries, large.cache.entries), (10_000, 1_000_000));
    assert_eq!((small.resolver.clients, large.resolver.clients), (1000, 50_000));
    assert_eq!(small.resolver.cache, Size(64 << 20));
}

#[test]
fn an_address_of_many_homes_may_ask_more() {
    let (without, with) = (load(LAB).limits, load(PRODUCTION).limits);
    assert_eq!(
        (without.queries_per_address, with.queries_per_address),
        (Some(200), Some(200))
    );
    assert_eq!(with.queries_per_cgnat_address, Some(20_000));
    assert_eq!(
        (
            without.tcp_connections_per_address,
            with.tcp_connections_per_address
        ),
        (Some(20), Some(2000))
    );
    let unlimited = load(&(LAB.to_owned() + "[limits]\nqueries_per_address = 0\n")).limits;
    assert_eq!(
        (unlimited.queries_per_address, unlimited.queries_per_cgnat_address),
        (None, None)
    );
}

#[test]
fn networks_interfaces_and_prefixes_follow_from_addresses() {
    let site = load(PRODUCTION);
    let dd2 = site.node("dd2").unwrap();
    let own: Vec<_> = { dd2.addresses.iter() }
        .map(|own| (own.network.name.as_str(), own.prefix, own.interface.as_deref()))
        .collect();
    assert_eq!(
        own,
        [
            ("subscribers", 24, Some("eno1")),
            ("subscribers", 64, Some("eno1")),
            ("backend", 24, Some("eno2")),
            ("management", 24, Some("ens224")),
        ]
    );
    let ranks: Vec<_> = site
        .floating_of(dd2)
        .map(|(floating, rank)| (floating.name.as_str(), rank))
        .collect();
    assert_eq!(ranks, [("dns", 1), ("dns6", 0), ("old", 1)]);
    assert_eq!(
        site.floating
            .iter()
            .map(|floating| floating.vrid)
            .collect::<Vec<_>>(),
        [160, 61, 170]
    );
}

#[test]
fn a_pool_is_for_zones_for_some_or_for_everybody() {
    let site = load(PRODUCTION);
    let uses: Vec<_> = site
        .pools
        .iter()
        .map(|pool| (pool.name.as_str(), &pool.used))
        .collect();
    let business = "10.10.2.0/28".parse().unwrap();
    assert_eq!(
        uses,
        [
            ("business", &PoolUse::Internet(vec![business])),
            ("rec", &PoolUse::Internet(Vec::new())),
            ("auth", &PoolUse::Zones),
        ]
    );
    assert_eq!(site.zones_of(site.node("auth2").unwrap()).count(), 2);
}

#[test]
fn validation_can_be_switched_off_or_start_elsewhere() {
    assert_eq!(load(LAB).resolver.trust_anchors.len(), 2);
    assert!(
        load(&(LAB.to_owned() + "[resolver]\ndnssec = false\n"))
            .resolver
            .trust_anchors
            .is_empty()
    );
    let digest = "0".repeat(64);
    let own = load(&format!("{LAB}[resolver]\ntrust_anchors = \"7 13 2 {digest}\"\n"))
        .resolver
        .trust_anchors;
    assert_eq!(
        own.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!("7 13 2 {digest}")]
    );
}

#[test]
fn places_point_at_values_and_fall_back_to_tables() {
    let site = load(LAB);
    let at = |path: &str| {
        let place = site.places.of(path);
        let span = place.span.map(|span| (span.start as usize, span.end as usize));
        (place.line, span.map(|(start, end)| &LAB[start..end]))
    };
    assert_eq!(at("floating.dns.vrid"), (15, Some("51")));
    assert_eq!(at("floating.dns.preempt"), (13, Some("dns")));
    assert_eq!(at("zones.zaibdns.lab.file"), (25, Some("\"zaibdns.lab\"")));
    assert_eq!(at("health.interval"), (0, None));
}

#[test]
fn every_change_of_the_file_changes_its_digest() {
    assert_ne!(load(LAB).digest, load(&(LAB.to_owned() + "\n")).digest);
}

#[test]
fn a_version_without_password_is_three_and_quick() {
    let site = load(&lab_with("password_credential = \"vrrp\"\n", ""));
    let [floating] = site.floating.as_slice() else {
        panic!("{:?}", site.floating)
    };
    assert_eq!(
        (&floating.version, floating.advert),
        (&VrrpVersion::Three, Duration::from_millis(300))
    );
}

#[test]
fn who_may_ask_whom_follows_from_networks_and_roles() {
    let site = load(PRODUCTION);
    let dd1 = site.node("dd1").unwrap();
    for (client, front, behind) in [
        ("100.64.1.1", true, false),
        ("203.0.113.9", true, false),
        ("10.30.0.9", true, true),
        ("10.10.2.161", true, false),
        ("10.20.0.161", true, true),
        ("10.20.0.162", false, true),
        ("10.20.0.163", false, false),
        ("198.51.100.7", false, false),
    ] {
        let address = client.parse().unwrap();
        let asked = (
            render::answers(&site, dd1, address),
            render::servers_answer(&site, address),
        );
        assert_eq!(asked, (front, behind), "{client}");
    }
}
