//! Every node's share in every format, as it was read and found good.

use std::path::Path;

use super::{LAB, PRODUCTION, expect, lab_with, load};
use crate::settings::Secret;
use crate::site::render::{Format, password_file, password_text, render};
use crate::site::{RoleName, Site};

fn share(site: &Site, node: &str, format: Format, role: Option<RoleName>) -> Result<String, String> {
    let node = site.node(node).unwrap();
    render(format, site, node, role, Path::new("/run/weir")).map_err(|no_share| no_share.to_string())
}

#[test]
fn every_share_is_as_expected() {
    for (name, text) in [("lab", LAB), ("production", PRODUCTION)] {
        let site = load(text);
        for node in &site.nodes {
            for (format_name, format) in Format::all() {
                if let Ok(text) = share(&site, &node.name, format, None) {
                    // Every change of a site file changes its digest.
                    let text = text.replace(&site.digest.to_string(), "DIGEST");
                    expect(&format!("{name}/{}.{format_name}", node.name), &text);
                }
            }
        }
    }
}

#[test]
fn front_ends_differ_in_nothing_but_their_addresses() {
    let site = load(LAB);
    for format in [Format::Dnsdist, Format::Nftables, Format::Sysctl] {
        let [one, other] = ["dd1", "dd2"].map(|node| share(&site, node, format, None).unwrap());
        let swapped = one
            .replace("dd1", "dd2")
            .replace("10.10.2.161", "x")
            .replace("10.10.2.162", "10.10.2.161");
        assert_eq!(
            swapped.replace('x', "10.10.2.162"),
            other.replace('x', "10.10.2.162"),
            "{format}"
        );
    }
}

#[test]
fn who_has_no_share_is_told_why() {
    let site = load(LAB);
    for (node, format, role, why) in [
        (
            "auth1",
            Format::Dnsdist,
            None,
            "auth1 does not have the role front",
        ),
        (
            "rec1",
            Format::Keepalived,
            None,
            "rec1 does not have the role vip",
        ),
        (
            "rec1",
            Format::Unbound,
            None,
            "rec1 does not have unbound in the role resolve",
        ),
        (
            "rec2",
            Format::Named,
            None,
            "rec2 does not have named in any role",
        ),
        (
            "rec1",
            Format::Named,
            Some(RoleName::Auth),
            "rec1 does not have named in the role auth",
        ),
    ] {
        assert_eq!(share(&site, node, format, role), Err(why.to_owned()));
    }
}

#[test]
fn named_in_both_roles_listens_on_two_ports() {
    let text = lab_with(
        "roles = \"auth\"",
        "roles = [\"auth\", \"resolve\"], resolve = \"named\"",
    );
    let site = load(&text);
    assert!(
        share(&site, "auth1", Format::Named, None)
            .unwrap_err()
            .contains("say which one")
    );
    let auth = share(&site, "auth1", Format::Named, Some(RoleName::Auth)).unwrap();
    let resolve = share(&site, "auth1", Format::Named, Some(RoleName::Resolve)).unwrap();
    assert!(auth.contains("port 53 ") && auth.contains("recursion no;") && auth.contains("zaibdns.lab"));
    assert!(
        resolve.contains("port 5312 ")
            && resolve.contains("recursion yes;")
            && !resolve.contains("zaibdns.lab")
    );
    let front = share(&site, "dd1", Format::Dnsdist, None).unwrap();
    assert!(front.contains("address=\"10.10.2.163:53\"") && front.contains("address=\"10.10.2.163:5312\""));
}

#[test]
fn a_password_is_in_no_share_but_in_its_own_file() {
    let site = load(LAB);
    let floating = site.floating.first().unwrap();
    let file = password_file(floating, Path::new("/run/weir"));
    assert_eq!(file, Path::new("/run/weir/vrrp-dns.auth"));
    let share = share(&site, "dd1", Format::Keepalived, None).unwrap();
    assert!(share.contains("include /run/weir/vrrp-dns.auth\n") && !share.contains("auth_pass"));
    let text = password_text(&Secret::new("lab123"));
    assert!(text.reveal().contains("auth_pass \"lab123\""));
}
