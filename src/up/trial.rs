//! `weir up --try`: a front end for a newcomer, without a site file, without root, on loopback.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_config::Secret;
use weir_config::site::RoleName;

use super::Options;
use super::programs::Program;
use super::shares::{Share, Shares, Text};
use crate::clock::now;

/// Where the system's resolvers are named.
const RESOLVERS: &str = "/etc/resolv.conf";
/// How many of them are asked, as by the C library (`resolv.conf(5)`).
const MAX_RESOLVERS: usize = 3;
/// How long the check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(8);

/// The only share of a trial.
///
/// # Errors
/// What the front end says against the configuration.
pub(super) fn shares(options: &Options, address: SocketAddr) -> Result<Shares, String> {
    let text = configuration(address, &resolvers());
    let files = || vec![Text::new(Program::WeirFront.file(), Secret::new(text.clone()))];
    let mut share = Share::new(options, RoleName::Front, Program::WeirFront, None)?;
    share.take(options, &files(), files(), now() + CHECK_TIMEOUT)?;
    Ok(Shares {
        site: "trial".to_owned(),
        node: "localhost".to_owned(),
        digest: String::new(),
        shares: vec![share],
    })
}

/// What to try, and what it shows.
pub(super) fn welcome(address: SocketAddr) -> String {
    let forwards = match resolvers().as_slice() {
        [] => format!(
            "there is no resolver in {RESOLVERS}: only the zone weir.test is answered, all else is REFUSED"
        ),
        some => {
            let some: Vec<_> = some.iter().map(ToString::to_string).collect();
            format!(
                "weir.test is answered here, all else is asked of {}",
                some.join(", ")
            )
        }
    };
    let dig = format!("dig @{} -p {}", address.ip(), address.port());
    format!(
        "\nA front end answers on {address} (UDP and TCP); {forwards}.\nStatus page: http://{}/\n\n\
         \x20 {dig} www.weir.test        an answer of the front end's own\n\
         \x20 {dig} ads.blocked.test     a blocked name: NXDOMAIN, whatever is below it\n\
         \x20 {dig} weir.test ANY +notcp +tries=1 +time=1   dropped: no answer, as large ones serve attacks\n\n\
         Ctrl-C ends it.\n",
        page(address)
    )
}

/// The front end's configuration.
fn configuration(address: SocketAddr, resolvers: &[IpAddr]) -> String {
    let mut text = format!(
        "setLocal(\"{address}\")\nsetACL({{\"127.0.0.0/8\", \"::1/128\"}})\n\
         webserver(\"{}\")\nsetWebserverConfig({{acl=\"127.0.0.0/8, ::1/128\", \
         dashboardRequiresAuthentication=false, statsRequireAuthentication=false}})\n\
         addAction(QTypeRule(DNSQType.ANY), DropAction(), {{name=\"no ANY\"}})\n\
         local blocked = newSuffixMatchNode()\nblocked:add(newDNSName(\"blocked.test.\"))\n\
         addAction(SuffixMatchNodeRule(blocked), RCodeAction(DNSRCode.NXDOMAIN), {{name=\"blocked\"}})\n\
         local function answer(name, kind, action)\n  \
         addAction(AndRule({{QNameRule(name), QTypeRule(kind)}}), action, {{name=name}})\nend\n\
         answer(\"www.weir.test.\", DNSQType.A, SpoofAction(\"192.0.2.80\", {{ttl=300, aa=true}}))\n\
         answer(\"www.weir.test.\", DNSQType.AAAA, SpoofAction(\"2001:db8::80\", {{ttl=300, aa=true}}))\n\
         local zone = newSuffixMatchNode()\nzone:add(newDNSName(\"weir.test.\"))\n\
         addAction(SuffixMatchNodeRule(zone), RCodeAction(DNSRCode.NXDOMAIN), {{name=\"weir.test\"}})\n",
        page(address)
    );
    for resolver in resolvers {
        let _ = writeln!(
            text,
            "newServer({{address=\"{}\", name=\"{resolver}\", checkName=\".\", checkType=\"NS\"}})",
            SocketAddr::new(*resolver, 53)
        );
    }
    text += if resolvers.is_empty() {
        "addAction(AllRule(), RCodeAction(DNSRCode.REFUSED), {name=\"no resolver\"})\n"
    } else {
        "setServFailWhenNoServer(true)\ngetPool(\"\"):setCache(newPacketCache(10000))\n"
    };
    text
}

/// Where the status page is.
const fn page(address: SocketAddr) -> SocketAddr {
    let mut page = address;
    page.set_port(address.port().wrapping_add(1));
    page
}

/// The system's resolvers.
fn resolvers() -> Vec<IpAddr> {
    named(&fs::read_to_string(RESOLVERS).unwrap_or_default())
}

fn named(text: &str) -> Vec<IpAddr> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok());
    addresses.take(MAX_RESOLVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_the_first_three_addresses() {
        let text = "# nameserver 192.0.2.1\nsearch example\nnameserver 192.0.2.2\n nameserver\t2001:db8::1 # a note\n\
                    nameserver nonsense\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
        let expected = ["192.0.2.2", "2001:db8::1", "192.0.2.3"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(named(text), expected);
    }
}
