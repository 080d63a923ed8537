//! What the rules' tests share: files without a finding, and what a rule finds in files.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::{File, Finding, Given, RULES, check};
use crate::dialects::keepalived::Files;
use crate::site::Site;
use crate::site::render::{Format, render};

/// A front end without fault.
pub(super) const FRONT: &str = r#"setLocal("0.0.0.0:53")
setACL({"10.10.2.0/24"})
pc = newPacketCache(500000, {maxTTL=300})
getPool("rec"):setCache(pc)
addAction(MaxQPSIPRule(200), DropAction())
newServer({address="10.20.0.163:53", pool="auth", checkName="zaibdns.lab."})
newServer({address="10.20.0.173:53", pool="auth", checkName="zaibdns.lab."})
newServer({address="10.20.0.164:53", pool="rec", checkName="google.com."})
newServer({address="10.20.0.165:53", pool="rec", checkName="icann.org."})
addAction(QTypeRule(DNSQType.ANY), DropAction())
addAction(QClassRule(DNSClass.CHAOS), DropAction())
local ours = newSuffixMatchNode()
ours:add(newDNSName("zaibdns.lab."))
addAction(SuffixMatchNodeRule(ours), PoolAction("auth"))
addAction(AllRule(), PoolAction("rec"))
"#;

/// The first of two virtual routers without fault.
pub(super) const DD1_VIP: &str = r#"# dd1
global_defs {
router_id LAB_DD1
}
vrrp_script chk_dnsdist {
script "systemctl is-active --quiet dnsdist"
interval 2
fall 1
rise 1
}
vrrp_instance VI_DNS {
state MASTER
interface ens160
virtual_router_id 51
priority 150
advert_int 1
authentication {
auth_type PASS
auth_pass lab123
}
virtual_ipaddress {
10.10.2.160
}
track_script {
chk_dnsdist
}
}
"#;

/// The second one.
pub(super) const DD2_VIP: &str = r#"# dd2
global_defs {
router_id LAB_DD2
}
vrrp_script chk_dnsdist {
script "systemctl is-active --quiet dnsdist"
interval 2
fall 1
rise 1
}
vrrp_instance VI_DNS {
state BACKUP
interface ens160
virtual_router_id 51
priority 100
advert_int 1
authentication {
auth_type PASS
auth_pass lab123
}
virtual_ipaddress {
10.10.2.160
}
track_script {
chk_dnsdist
}
}
"#;

/// An authoritative server without fault.
pub(super) const AUTH: &str = r#"options {
listen-on { 10.20.0.163; };
allow-query { any; };
recursion no;
};
zone "zaibdns.lab" {
type master;
file "/etc/bind/db.zaibdns.lab";
};
"#;

/// A resolver without fault.
pub(super) const REC: &str = r#"options {
listen-on { 10.20.0.164; };
recursion yes;
allow-recursion { 10.20.0.161; 10.20.0.162; };
dnssec-validation auto;
};
"#;

/// A zone without fault.
pub(super) const ZONE: &str = r#"$TTL 86400
@ IN SOA ns1.zaibdns.lab. admin.zaibdns.lab. (
2026021401
3600
1800
604800
86400 )
   IN NS ns1
   IN NS ns2
ns1 IN A 10.20.0.163
ns2 IN A 10.20.0.173
"#;

/// A site without fault.
pub(super) const SITE: &str = r#"[site]
name = "small"

[subscribers]
networks = "10.10.2.0/24"

[networks.lan]
prefix = "10.10.2.0/24"
interface = "ens160"
purposes = "subscribers"

[networks.backend]
prefix = "10.20.0.0/24"

[zones."zaibdns.lab"]
file = "/etc/weir/db.zaibdns.lab"

[nodes]
dd1 = { address = ["10.10.2.161", "10.20.0.161"], roles = ["front", "vip"] }
dd2 = { address = ["10.10.2.162", "10.20.0.162"], roles = ["front", "vip"] }
auth1 = { address = "10.20.0.163", roles = "auth" }
auth2 = { address = "10.20.0.173", roles = "auth" }
rec1 = { address = "10.20.0.164", roles = "resolve" }
rec2 = { address = "10.20.0.165", roles = "resolve" }

[floating.dns]
address = "10.10.2.160"
"#;

/// No other file.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn names(&self, _directory: &Path) -> io::Result<Vec<OsString>> {
        Ok(Vec::new())
    }

    fn is_program(&self, _name: &str) -> bool {
        false
    }
}

/// What all rules find in files of these names and texts.
pub(super) fn all(files: &[(&str, &str)], given: &Given) -> Vec<Finding> {
    let files: Vec<_> = { files.iter() }
        .map(|(name, text)| File::new(name, (*text).to_owned(), None).expect(name))
        .collect();
    check(&files, given, &Nothing).expect("files that can be read")
}

/// What the rule `id` finds, as `place: level: what`.
pub(super) fn found_by(id: &str, files: &[(&str, &str)], given: &Given) -> Vec<String> {
    assert!(RULES.iter().any(|rule| rule.id == id), "there is no rule {id}");
    let findings = all(files, given)
        .into_iter()
        .filter(|finding| finding.rule.id == id);
    findings
        .map(|finding| format!("{}: {}: {}", finding.place, finding.level, finding.what))
        .collect()
}

/// The same when the operator says nothing.
pub(super) fn found(id: &str, files: &[(&str, &str)]) -> Vec<String> {
    found_by(id, files, &Given::default())
}

/// What the operator says about subscribers.
pub(super) fn given(subscribers: &[&str], cgnat: &[&str], count: Option<u64>) -> Given {
    let masks = |masks: &[&str]| {
        masks
            .iter()
            .map(|mask| mask.parse().expect("a network"))
            .collect()
    };
    Given {
        subscribers: masks(subscribers),
        cgnat: masks(cgnat),
        count,
        local: None,
    }
}

#[test]
fn what_is_without_fault_has_no_finding_but_the_note_about_shared_addresses() {
    let files = [
        ("dd1/dnsdist.conf", FRONT),
        ("dd2/dnsdist.conf", FRONT),
        ("dd1/keepalived.conf", DD1_VIP),
        ("dd2/keepalived.conf", DD2_VIP),
        ("auth1/named.conf", AUTH),
        ("auth2/named.conf", AUTH),
        ("rec1/named.conf", REC),
        ("rec2/named.conf", REC),
        ("auth1/db.zaibdns.lab", ZONE),
    ];
    let ids: Vec<_> = all(&files, &Given::default())
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(ids, ["rate-limit-against-cgnat"; 2]);
    assert!(all(&[("weir.toml", SITE)], &Given::default()).is_empty());
}

#[test]
fn what_is_rendered_from_a_site_has_no_finding_either() {
    let text = format!(
        "{SITE}\n[servers]\nresolve = \"named\"\nvip = \"keepalived\"\n\n[zones.\"public.lab\"]\nfile = \"/etc/weir/db.public.lab\"\npublic = true\n"
    );
    let (site, _) = Site::load(&text, "weir.toml").expect("a site");
    let mut files = Vec::new();
    for node in &site.nodes {
        for format in [Format::Dnsdist, Format::Keepalived, Format::Named] {
            if let Ok(text) = render(format, &site, node, None, Path::new("/var/lib/weir")) {
                files.push((format!("{}/{format}.conf", node.name), text));
            }
        }
    }
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(files.len() >= 8);
    let findings = all(&files, &Given::default());
    let found: Vec<_> = findings.iter().map(|finding| format!("{finding}")).collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule.id == "rate-limit-against-cgnat"),
        "{found:#?}"
    );
}

#[test]
fn a_site_file_beside_the_files_that_it_replaces_is_no_drift() {
    let files = [
        ("weir.toml", SITE),
        ("dd1/dnsdist.conf", FRONT),
        ("dd2/keepalived.conf", DD2_VIP),
        ("rec1/named.conf", REC),
    ];
    let ids: Vec<_> = all(&files, &Given::default())
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(ids, ["rate-limit-against-cgnat"]);
}

#[test]
fn a_file_that_cannot_be_read_is_no_finding() {
    let files = [
        ("dd1/dnsdist.conf", "setLocal(\n"),
        ("rec1/named.conf", "options {"),
        ("dd1/keepalived.conf", "vrrp_instance"),
    ];
    let files = files.map(|(name, text)| File::new(name, text.to_owned(), None).expect(name));
    let errors = check(&files, &Given::default(), &Nothing).expect_err("three bad files");
    let named: std::collections::BTreeSet<_> =
        errors.iter().map(|error| error.place.file.to_string()).collect();
    assert_eq!(named.len(), 3, "{errors:?}");
    let unknown = File::new("notes", "hello".to_owned(), None).expect_err("nothing that is known");
    assert_eq!(
        unknown.to_string(),
        "notes: neither its name nor its content tells what it is; say so with --as \
         site|keepalived|dnsdist|named|zone"
    );
}
