//! Are adverts sent, heard, or dropped on the way? Listens on this node's interfaces for a little longer than it takes a
//! backup to believe that its master is gone.
//!
//! Two ears per address: a socket as `weir vip` has it, behind this machine's firewall, and a tap in front of it. What the
//! tap hears and the socket does not is dropped here; what neither hears never came.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU8;
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use weir_config::site::{Floating, Node, Site, VrrpVersion};
use weir_linux::Link;
use weir_linux::vrrp::{BUFFER_BYTES, Datagram, Direction, Reception, VrrpSocket, VrrpTap};
use weir_vrrp::{
    Advert, Announcing, Authentication, ChecksumForm, Destination, Family, Interval, Preemption, Priority,
    Received, Reject, RouterSettings, StartState, Version, Vrid,
};

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::{Surroundings, family};
use crate::doctor::watch::watch;
use crate::site_file;

/// Nobody at three in the morning waits longer than this.
const MAX_TIME: Duration = Duration::from_secs(8);
/// What a packet takes from the tap to the socket, and more.
const SETTLE: Duration = Duration::from_millis(50);
/// Adverts that are looked at per wake-up, and senders that are told apart.
const MAX_ADVERTS: usize = 256;
const MAX_SENDERS: usize = 32;
/// Where adverts go (RFC 9568 §5.1.1.2, §5.1.2.2).
const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const GROUP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

/// What is known of the adverts for a floating address.
#[derive(Debug)]
struct Facts {
    name: String,
    vrid: u8,
    device: String,
    group: IpAddr,
    /// Whether the address is here.
    holds: bool,
    /// The other nodes that may hold it, the preferred one first.
    others: Vec<String>,
    heard: Heard,
    time: Duration,
    /// Whether that was long enough to miss a master.
    is_enough: bool,
    /// The command that shows what this node should send.
    render: String,
    /// The command that shows what `weir vip` makes of it.
    status: String,
}

/// What was heard.
#[derive(Debug, Default)]
struct Heard {
    /// Whether an advert for the address has left this machine.
    sent: bool,
    /// By source and virtual router.
    senders: BTreeMap<(IpAddr, u8), Sender>,
}

/// Somebody who sends adverts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sender {
    /// The node that has this address.
    node: Option<String>,
    priority: u8,
    /// Whether the adverts have passed the firewall of this machine.
    passed: bool,
    /// Why a router of this node does not believe them.
    fault: Option<String>,
}

/// Listens for every floating address that this node may hold, at the same time.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let (Some((site, _)), Some(node)) = (&surroundings.site, &surroundings.node) else {
        return Vec::new();
    };
    if !surroundings.is_root && site.floating_of(node).next().is_some() {
        let what = "adverts were not listened for: that takes root";
        return vec![Finding::new(Level::Note, what, "sudo weir doctor")];
    }
    thread::scope(|scope| {
        let threads: Vec<_> = site
            .floating_of(node)
            .map(|(floating, _)| scope.spawn(|| ask_one(surroundings, site, node, floating)))
            .collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.flatten().collect()
    })
}

/// How long this is going to take; nothing where there is nothing to hear.
pub(in crate::doctor) fn time(surroundings: &Surroundings) -> Option<Duration> {
    let ((site, _), node) = surroundings.site.as_ref().zip(surroundings.node.as_ref())?;
    let times = site.floating_of(node).map(|(floating, _)| time_of(floating).0);
    times.max().filter(|_| surroundings.is_root)
}

/// Three intervals and what a low priority adds (RFC 9568 §6.1), a little more, and whether that fits.
fn time_of(floating: &Floating) -> (Duration, bool) {
    let wanted = floating.advert * 4 + Duration::from_millis(200);
    (wanted.min(MAX_TIME), wanted <= MAX_TIME)
}

fn ask_one(surroundings: &Surroundings, site: &Site, node: &Node, floating: &Floating) -> Vec<Finding> {
    let not_heard = |why: &str| {
        let what = format!("{}: adverts were not listened for: {why}", floating.name);
        vec![Finding::new(Level::Note, what, "ip -brief link")]
    };
    let Some(own) = node.address_in(&floating.network, floating.address) else {
        return Vec::new();
    };
    // The name may be wrong, which is another question's; the node's address shows which interface is meant.
    let named = own
        .interface
        .as_deref()
        .and_then(|name| surroundings.network.link(name));
    let Some(link) = named.or_else(|| surroundings.network.holder(own.address)) else {
        return not_heard("there is no such interface");
    };
    let (time, is_enough) = time_of(floating);
    let heard = match listen(link, floating, site, time) {
        Ok(heard) => heard,
        Err(error) => return not_heard(&error.to_string()),
    };
    let others = floating.nodes.iter().map(|other| other.name.clone());
    judge(&Facts {
        name: floating.name.clone(),
        vrid: floating.vrid,
        device: link.name.clone(),
        group: group(floating.address),
        holds: surroundings.network.holder(floating.address).is_some(),
        others: others.filter(|other| !surroundings.is(other)).collect(),
        heard,
        time,
        is_enough,
        render: surroundings.render(&node.name, "keepalived"),
        status: surroundings.vip_status(),
    })
}

fn listen(link: &Link, floating: &Floating, site: &Site, time: Duration) -> io::Result<Heard> {
    let family = family(floating.address);
    let socket = VrrpSocket::open(link, family)?;
    socket.join(group(floating.address))?;
    let tap = VrrpTap::open(link, family)?;
    let ear = Ear {
        floating,
        password: password(floating),
        site,
    };
    let mut heard = Heard::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    watch(&[socket.as_fd(), tap.as_fd()], time, || {
        ear.before_firewall(&tap, &mut buffer, &mut heard)?;
        ear.behind_firewall(&socket, &mut buffer, &mut heard)
    })?;
    // What the tap has seen last is given the time to pass.
    watch(&[socket.as_fd()], SETTLE, || {
        ear.behind_firewall(&socket, &mut buffer, &mut heard)
    })?;
    Ok(heard)
}

/// What adverts are compared with.
struct Ear<'s> {
    floating: &'s Floating,
    /// The password of version 2, where it can be read.
    password: Option<[u8; 8]>,
    site: &'s Site,
}

impl Ear<'_> {
    fn before_firewall(&self, tap: &VrrpTap, buffer: &mut [u8], heard: &mut Heard) -> io::Result<()> {
        for _ in 0..MAX_ADVERTS {
            match tap.receive(buffer)? {
                None => break,
                Some((Direction::Out, Ok(datagram))) => {
                    heard.sent |= datagram.message.get(1) == Some(&self.floating.vrid);
                }
                Some((Direction::In, Ok(datagram))) => {
                    self.note(&datagram, heard);
                }
                Some((_, Err(_))) => {}
            }
        }
        Ok(())
    }

    fn behind_firewall(&self, socket: &VrrpSocket, buffer: &mut [u8], heard: &mut Heard) -> io::Result<()> {
        for _ in 0..MAX_ADVERTS {
            match socket.receive(buffer)? {
                Reception::Empty => break,
                Reception::Malformed(_) => {}
                Reception::Advert(datagram) => {
                    if let Some(sender) = self.note(&datagram, heard) {
                        sender.passed = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes note of an advert that has come in, and returns its sender.
    fn note<'h>(&self, datagram: &Datagram<'_>, heard: &'h mut Heard) -> Option<&'h mut Sender> {
        let [_, vrid, priority, ..] = *datagram.message else {
            return None;
        };
        let key = (datagram.source, vrid);
        if heard.senders.len() >= MAX_SENDERS && !heard.senders.contains_key(&key) {
            return None;
        }
        let sender = heard.senders.entry(key).or_default();
        sender.priority = priority;
        sender.node = { self.site.nodes.iter() }
            .find(|node| node.addresses.iter().any(|own| own.address == datagram.source))
            .map(|node| node.name.clone());
        if vrid == self.floating.vrid {
            sender.fault = fault(datagram, self.floating, self.password);
        }
        Some(sender)
    }
}

/// Why a router of this node does not believe an advert. A password that cannot be read is taken to be right.
fn fault(datagram: &Datagram<'_>, floating: &Floating, password: Option<[u8; 8]>) -> Option<String> {
    let said = || datagram.message.last_chunk::<8>().copied();
    let authentication = match &floating.version {
        VrrpVersion::Two(Some(_)) => Authentication::Password(password.or_else(said)?),
        VrrpVersion::Two(None) | VrrpVersion::Three => Authentication::None,
    };
    let settings = settings(floating, authentication)?;
    let received = Received {
        source: datagram.source,
        destination: datagram.destination,
        hops: datagram.hops,
        message: datagram.message,
    };
    match Advert::parse(&received, &settings) {
        Ok(advert) if !advert.lists(&settings.addresses) => {
            let listed: Vec<_> = advert.addresses().map(|address| address.to_string()).collect();
            Some(format!("it is for {}", listed.join(", ")))
        }
        Ok(_) | Err(Reject::OtherRouter(_)) => None,
        Err(reject) => Some(reject.to_string()),
    }
}

/// What this node's router checks adverts against.
fn settings(floating: &Floating, authentication: Authentication) -> Option<RouterSettings> {
    let version = match floating.version {
        VrrpVersion::Two(_) => Version::V2,
        VrrpVersion::Three => Version::V3,
    };
    Some(RouterSettings {
        name: floating.name.clone(),
        version,
        family: match floating.address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        },
        vrid: Vrid(NonZeroU8::new(floating.vrid)?),
        priority: Priority::OWNER,
        interval: Interval::new(version, floating.advert)?,
        authentication,
        start: StartState::Backup,
        preemption: Preemption::Immediate,
        addresses: vec![floating.address],
        destination: Destination::Multicast(group(floating.address)),
        checksum: ChecksumForm::PseudoHeader,
        down_adverts: NonZeroU8::MIN,
        answer_lower: true,
        answer_higher: true,
        announcing: Announcing::default(),
    })
}

/// The password as adverts have it, padded with zeros.
fn password(floating: &Floating) -> Option<[u8; 8]> {
    let VrrpVersion::Two(Some(source)) = &floating.version else {
        return None;
    };
    let secret = site_file::secret(source).ok()?;
    let mut field = [0; 8];
    for (to, from) in field.iter_mut().zip(secret.reveal().bytes()) {
        *to = from;
    }
    Some(field)
}

const fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => GROUP_V4,
        IpAddr::V6(_) => GROUP_V6,
    }
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let senders = facts.heard.senders.iter();
    let rivals = senders.filter(|((_, vrid), _)| *vrid == facts.vrid);
    let mut findings: Vec<_> = rivals
        .map(|((source, _), sender)| judge_sender(facts, *source, sender))
        .collect();
    if findings.is_empty() {
        findings.push(judge_silence(facts));
    }
    if facts.holds && !facts.heard.sent && facts.is_enough {
        let what = format!(
            "{}: this machine has the address and sends no adverts on {}: the others take it, or it cannot send \
             (firewall)",
            facts.name, facts.device
        );
        findings.push(Finding::new(Level::Fail, what, facts.status.clone()));
    }
    findings
}

/// Somebody sends adverts for this address.
fn judge_sender(facts: &Facts, source: IpAddr, sender: &Sender) -> Finding {
    let Facts { name, device, .. } = facts;
    let who = who(source, sender);
    if !sender.passed {
        let what = format!(
            "{name}: adverts of {who} arrive on {device}, and the firewall of this machine drops them (protocol 112)"
        );
        return Finding::new(Level::Fail, what, "nft list ruleset");
    }
    if let Some(fault) = &sender.fault {
        let what = format!("{name}: adverts of {who} are not believed: {fault}");
        return Finding::new(Level::Fail, what, facts.render.clone());
    }
    if facts.holds {
        let what = format!(
            "{name}: {who} sends adverts (priority {}) while this machine has the address: two masters, that one does \
             not hear this one",
            sender.priority
        );
        let next =
            { sender.node.as_ref() }.map_or_else(|| capture(facts), |node| format!("ssh {node} weir doctor"));
        return Finding::new(Level::Fail, what, next);
    }
    Finding::ok(format!(
        "{name}: {who} sends adverts, virtual router {}, priority {}",
        facts.vrid, sender.priority
    ))
}

/// Nobody else sends adverts for this address.
fn judge_silence(facts: &Facts) -> Finding {
    let Facts { name, vrid, .. } = facts;
    let partner = { facts.heard.senders.iter() }.find_map(|((_, other), sender)| {
        let node = sender.node.as_ref().filter(|node| facts.others.contains(node))?;
        Some((node, other))
    });
    if let Some((node, other)) = partner {
        let what = format!(
            "{name}: {node} sends adverts for virtual router {other} only, by the site file it is {vrid}"
        );
        return Finding::new(Level::Fail, what, format!("ssh {node} weir doctor"));
    }
    let time = crate::table::span(facts.time.as_secs_f64());
    if facts.holds {
        return Finding::ok(format!("{name}: nobody else sent adverts in {time}"));
    }
    if !facts.is_enough {
        let what = format!("{name}: no advert in {time}, which is too short to miss a master");
        return Finding::new(Level::Note, what, capture(facts));
    }
    let what = format!(
        "{name}: no advert in {time}: nobody is master, or VRRP is filtered on the way: protocol 112 to {}, multicast; \
         a port group of VMware has to allow promiscuous mode, MAC changes and forged transmits",
        facts.group
    );
    let next = { facts.others.first() }
        .map_or_else(|| facts.status.clone(), |node| format!("ssh {node} weir doctor"));
    Finding::new(Level::Fail, what, next)
}

fn who(source: IpAddr, sender: &Sender) -> String {
    { sender.node.as_ref() }.map_or_else(|| source.to_string(), |node| format!("{node} ({source})"))
}

fn capture(facts: &Facts) -> String {
    let protocol = if facts.group.is_ipv4() { "ip" } else { "ip6" };
    format!("tcpdump -vni {} {protocol} proto 112", facts.device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: Sender = Sender {
        node: None,
        priority: 254,
        passed: true,
        fault: None,
    };

    fn facts(senders: &[(&str, u8, Sender)]) -> Facts {
        let known = |source: &str| (source == "10.0.0.2").then(|| "dd1".to_owned());
        let senders = senders.iter().map(|(source, vrid, sender)| {
            let node = known(source);
            let sender = sender.clone();
            ((source.parse().unwrap(), *vrid), Sender { node, ..sender })
        });
        Facts {
            name: "dns".to_owned(),
            vrid: 51,
            device: "eth0".to_owned(),
            group: GROUP_V4,
            holds: false,
            others: vec!["dd1".to_owned()],
            heard: Heard {
                sent: false,
                senders: senders.collect(),
            },
            time: Duration::from_millis(1400),
            is_enough: true,
            render: "weir render dd2 keepalived".to_owned(),
            status: "weir vip status".to_owned(),
        }
    }

    fn holding(senders: &[(&str, u8, Sender)]) -> Facts {
        let mut facts = facts(senders);
        facts.holds = true;
        facts.heard.sent = true;
        facts
    }

    #[track_caller]
    fn check(facts: &Facts, level: Level, what: &str, next: Option<&str>) {
        let findings = judge(facts);
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(
            (finding.level, finding.what.as_str(), finding.next.as_deref()),
            (level, what, next)
        );
    }

    #[test]
    fn a_backup_hears_its_master_and_a_master_hears_nobody() {
        check(
            &facts(&[("10.0.0.2", 51, MASTER)]),
            Level::Ok,
            "dns: dd1 (10.0.0.2) sends adverts, virtual router 51, priority 254",
            None,
        );
        check(
            &holding(&[("10.0.0.2", 7, MASTER)][..0]),
            Level::Ok,
            "dns: nobody else sent adverts in 1.4 s",
            None,
        );
    }

    #[test]
    fn silence_to_a_backup_is_a_failure_once_it_has_lasted() {
        let mut silent = facts(&[]);
        check(
            &silent,
            Level::Fail,
            "dns: no advert in 1.4 s: nobody is master, or VRRP is filtered on the way: protocol 112 to 224.0.0.18, \
             multicast; a port group of VMware has to allow promiscuous mode, MAC changes and forged transmits",
            Some("ssh dd1 weir doctor"),
        );
        silent.is_enough = false;
        assert_eq!(judge(&silent)[0].level, Level::Note);
    }

    #[test]
    fn what_the_firewall_drops_arrives_and_does_not_pass() {
        let dropped = Sender {
            passed: false,
            ..MASTER
        };
        for facts in [
            facts(&[("10.0.0.2", 51, dropped.clone())]),
            holding(&[("10.0.0.2", 51, dropped)]),
        ] {
            check(
                &facts,
                Level::Fail,
                "dns: adverts of dd1 (10.0.0.2) arrive on eth0, and the firewall of this machine drops them (protocol 112)",
                Some("nft list ruleset"),
            );
        }
    }

    #[test]
    fn two_masters_another_number_and_a_fault_are_failures() {
        check(
            &holding(&[("10.0.0.2", 51, MASTER)]),
            Level::Fail,
            "dns: dd1 (10.0.0.2) sends adverts (priority 254) while this machine has the address: two masters, that one \
             does not hear this one",
            Some("ssh dd1 weir doctor"),
        );
        check(
            &facts(&[("10.0.0.2", 52, MASTER)]),
            Level::Fail,
            "dns: dd1 sends adverts for virtual router 52 only, by the site file it is 51",
            Some("ssh dd1 weir doctor"),
        );
        let fault = Sender {
            fault: Some("wrong password".to_owned()),
            ..MASTER
        };
        check(
            &facts(&[("10.0.0.9", 51, fault)]),
            Level::Fail,
            "dns: adverts of 10.0.0.9 are not believed: wrong password",
            Some("weir render dd2 keepalived"),
        );
    }

    /// Adverts as another node sends them, against a router of version 2 with a password.
    #[test]
    fn an_advert_is_believed_as_weir_vip_would() {
        let site = "[site]\nname = \"x\"\n[subscribers]\nnetworks = \"10.0.0.0/24\"\n[networks.lan]\n\
                    prefix = \"10.0.0.0/24\"\ninterface = \"eth0\"\n[floating.dns]\naddress = \"10.0.0.100/24\"\n\
                    vrid = 51\npassword_file = \"/nonexistent\"\n[nodes]\n\
                    dd1 = { address = \"10.0.0.2\", roles = [\"front\", \"vip\", \"auth\", \"resolve\"] }\n";
        let (site, _) = Site::load(site, "weir.toml").unwrap();
        let floating = &site.floating[0];
        assert_eq!(password(floating), None);
        let secret = *b"right\0\0\0";
        let theirs = |change: fn(&mut RouterSettings)| {
            let mut theirs = settings(floating, Authentication::Password(secret)).unwrap();
            change(&mut theirs);
            Advert::emit(&theirs, 254, [10, 0, 0, 2].into(), GROUP_V4)
        };
        let judged = |message: &[u8], password| {
            let datagram = Datagram {
                source: [10, 0, 0, 2].into(),
                destination: GROUP_V4,
                hops: 255,
                message,
            };
            fault(&datagram, floating, password)
        };
        let sound = theirs(|_| {});
        assert_eq!(judged(&sound, Some(secret)), None);
        assert_eq!(judged(&sound, None), None, "a password that cannot be read");
        let wrong = judged(&sound, Some(*b"wrong\0\0\0"));
        assert_eq!(wrong.as_deref(), Some("wrong password"));
        let slow = theirs(|theirs| {
            theirs.interval = Interval::new(Version::V2, Duration::from_secs(2)).unwrap();
        });
        let slow = judged(&slow, Some(secret)).unwrap();
        assert!(slow.starts_with("its interval is 2s, ours 1s"), "{slow}");
        let newer = theirs(|theirs| theirs.version = Version::V3);
        let newer = judged(&newer, Some(secret));
        assert_eq!(newer.as_deref(), Some("of VRRP version 3"));
        let other = theirs(|theirs| theirs.addresses = vec![[10, 0, 0, 7].into()]);
        let other = judged(&other, Some(secret));
        assert_eq!(other.as_deref(), Some("it is for 10.0.0.7"));
        for cut in 0..sound.len() {
            assert!(judged(&sound[..cut], Some(secret)).is_some(), "{cut}");
        }
    }

    #[test]
    fn a_holder_that_does_not_send_is_told() {
        let mut mute = holding(&[]);
        mute.heard.sent = false;
        let findings = judge(&mute);
        assert_eq!(
            findings.iter().map(|f| f.level).collect::<Vec<_>>(),
            [Level::Ok, Level::Fail]
        );
    }
}
