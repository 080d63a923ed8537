//! `vrrp_instance`.

use weir_vrrp::{Authentication, Peer, StartState};

use super::global::{
    garp_delay, garp_lower_delay, garp_lower_repeat, garp_refresh, garp_refresh_repeat, garp_repeat,
    multicast, version,
};
use super::groups::{TRACK, notify, set_notify};
use super::trackers::{TRACK_OPTIONS, track};
use crate::diagnostics::Placed;
use crate::dialects::keepalived::findings::Findings;
use crate::dialects::keepalived::rows::{Item, ItemOption, Keyword, Named, Statement, guard};
use crate::dialects::keepalived::spec::{AuthenticationSpec, InstanceSpec, TrackKind};
use crate::dialects::keepalived::values::{
    ADDRESS_OPTIONS, address, boolean, floating_address, interface, number, option, seconds,
};
use crate::vip::FloatingAddress;

const ADDRESSES: &str = "{ ADDRESS[/LENGTH] [dev IF] [label L] [brd A] [scope S] ... }";
/// Said of a password that adverts have no room for (RFC 2338 §5.3.6).
pub(crate) const PASSWORD_CUT: &str = "only the first 8 bytes of the password count";
const VMAC: &str = "adverts and addresses keep the interface's own MAC address; leave it out on every node";
const ROUTES: &str = "routes and rules do not move with the address; let a notify script move them";
const OTHER_MASTERS: &str = "other addresses in an advert are counted, not refused";

/// The rows of `vrrp_instance`.
pub(super) const TABLE: &[Keyword<InstanceSpec>] = &[
    Keyword::word(
        "state",
        "MASTER|BACKUP",
        "its first wait, not its role; default BACKUP",
        state,
    ),
    Keyword::word(
        "interface",
        "NAME",
        "where its adverts and its addresses are",
        |instance, s| {
            instance.interface = Some(interface(s.first()?)?);
            Ok(())
        },
    ),
    Keyword::word(
        "virtual_router_id",
        "1-255",
        "its number in the network",
        |instance, s| {
            instance.vrid = Some(placed(number(s.first()?, 1, 255)?, s));
            Ok(())
        },
    ),
    Keyword::word(
        "priority",
        "1-255",
        "the highest holds the address; default 100",
        |instance, s| {
            instance.priority = Some(number(s.first()?, 1, 255)?);
            Ok(())
        },
    ),
    Keyword::word(
        "advert_int",
        "SECONDS",
        "time between adverts; default 1",
        |instance, s| {
            instance.interval = Some(placed(seconds(s.first()?, 0.01, 255.0)?, s));
            Ok(())
        },
    ),
    Keyword::word(
        "version",
        "2|3",
        "default vrrp_version; IPv6 is always 3",
        |instance, s| {
            instance.version = Some(placed(version(s)?, s));
            Ok(())
        },
    ),
    guard(Keyword::opens(
        "authentication",
        Named::No,
        "a password in version 2",
        |parser, instance, head| {
            let mut value = AuthenticationSpec::default();
            parser.block(AUTHENTICATION, &mut value, head);
            instance.authentication = Some(Placed {
                value,
                place: head.place.clone(),
            });
        },
    )),
    guard(Keyword::lists(
        "virtual_ipaddress",
        ADDRESSES,
        "what moves, and stands in adverts",
        ADDRESS_OPTIONS,
        |instance, items, findings| {
            add_addresses(&mut instance.addresses, items, findings);
        },
    )),
    guard(Keyword::lists(
        "virtual_ipaddress_excluded",
        ADDRESSES,
        "what moves with it; of either family",
        ADDRESS_OPTIONS,
        |instance, items, findings| {
            add_addresses(&mut instance.excluded, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_script",
        TRACK,
        "scripts that must hold",
        TRACK_OPTIONS,
        |instance, items, findings| {
            track(&mut instance.tracks, TrackKind::Script, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_interface",
        TRACK,
        "interfaces that must be up",
        TRACK_OPTIONS,
        |instance, items, findings| {
            track(&mut instance.tracks, TrackKind::Interface, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_process",
        TRACK,
        "processes that must run",
        TRACK_OPTIONS,
        |instance, items, findings| {
            track(&mut instance.tracks, TrackKind::Process, items, findings);
        },
    )),
    guard(Keyword::lists(
        "track_file",
        TRACK,
        "files whose number changes the priority",
        TRACK_OPTIONS,
        |instance, items, findings| {
            track(&mut instance.tracks, TrackKind::File, items, findings);
        },
    )),
    guard(Keyword::refused("track_bfd", super::BFD)),
    Keyword::takes(
        "nopreempt",
        "",
        "leaves the address with a master of lower priority",
        (0, 0),
        |instance, s| {
            instance.no_preempt = Some(s.keyword.place.clone());
            Ok(())
        },
    ),
    Keyword::takes(
        "preempt",
        "",
        "takes the address from a master of lower priority; default",
        (0, 0),
        |instance, _| {
            instance.no_preempt = None;
            Ok(())
        },
    ),
    Keyword::word(
        "preempt_delay",
        "SECONDS",
        "takes it only after this; default 0",
        |instance, s| {
            instance.preempt_delay = Some(placed(seconds(s.first()?, 0.0, 1000.0)?, s));
            Ok(())
        },
    ),
    Keyword::word(
        "mcast_src_ip",
        "ADDRESS",
        "the source of its adverts",
        |instance, s| {
            instance.source = Some(placed(address(s.first()?)?, s));
            Ok(())
        },
    ),
    guard(Keyword::word(
        "unicast_src_ip",
        "ADDRESS",
        "the source of its adverts",
        |instance, s| {
            instance.source = Some(placed(address(s.first()?)?, s));
            instance.unicast = Some(s.keyword.place.clone());
            Ok(())
        },
    )),
    guard(Keyword::takes(
        "track_src_ip",
        "",
        "without its source, it is in fault",
        (0, 0),
        |instance, _| {
            instance.track_source = true;
            Ok(())
        },
    )),
    Keyword::takes(
        "dont_track_primary",
        "",
        "its interface may be down",
        (0, 0),
        |instance, _| {
            instance.ignore_interface = true;
            Ok(())
        },
    ),
    guard(Keyword::lists(
        "unicast_peer",
        "{ ADDRESS [min_ttl N] [max_ttl N] ... }",
        "its adverts go to these, not to a group",
        PEER_OPTIONS,
        add_peers,
    )),
    Keyword::word(
        "unicast_ttl",
        "0-255",
        "the hop limit of its adverts to peers; default 255",
        |instance, s| {
            instance.unicast_hops = Some(number(s.first()?, 0, u8::MAX)?);
            Ok(())
        },
    ),
    guard(Keyword::flag(
        "check_unicast_src",
        "adverts of others than the peers are not accepted",
        |instance, s| {
            instance.check_unicast_source = boolean(s)?;
            Ok(())
        },
    )),
    Keyword::moot(
        "unicast_fault_no_peer",
        "a unicast instance without peers is an error",
    ),
    Keyword::word(
        "mcast_dst_ip",
        "ADDRESS",
        "the group that its adverts go to",
        |instance, s| {
            instance.group = Some(placed(multicast(s)?, s));
            Ok(())
        },
    ),
    Keyword::takes(
        "v3_checksum_as_v2",
        "[BOOL]",
        "version 3 over IPv4 sums the message alone, as RFC 9568 has it",
        (0, 1),
        |instance, s| {
            instance.message_only_checksum = boolean(s)?;
            Ok(())
        },
    ),
    Keyword::moot("old_unicast_checksum", "both forms are accepted"),
    Keyword::word(
        "down_timer_adverts",
        "1-100",
        "adverts missing until the master is gone; default 3",
        |instance, s| {
            instance.down_adverts = Some(number(s.first()?, 1, 100)?);
            Ok(())
        },
    ),
    Keyword::flag(
        "lower_prio_no_advert",
        "as master, it does not answer adverts of lower priority",
        |instance, s| {
            instance.lower_prio_no_advert = Some(boolean(s)?);
            Ok(())
        },
    ),
    Keyword::flag(
        "higher_prio_send_advert",
        "when it yields it says so with one more advert; default true",
        |instance, s| {
            instance.higher_prio_send_advert = Some(boolean(s)?);
            Ok(())
        },
    ),
    Keyword::word(
        "garp_master_delay",
        "SECONDS",
        "announcements again after this; default 5",
        |instance, s| garp_delay(&mut instance.garp, s),
    ),
    Keyword::word(
        "garp_master_repeat",
        "1-255",
        "announcements at once; default 5",
        |instance, s| garp_repeat(&mut instance.garp, s),
    ),
    Keyword::word(
        "garp_lower_prio_delay",
        "SECONDS",
        "the same after an advert of lower priority",
        |instance, s| garp_lower_delay(&mut instance.garp, s),
    ),
    Keyword::word(
        "garp_lower_prio_repeat",
        "0-255",
        "the same after an advert of lower priority",
        |instance, s| garp_lower_repeat(&mut instance.garp, s),
    ),
    Keyword::word(
        "garp_master_refresh",
        "SECONDS",
        "announcements for as long as it is master",
        |instance, s| garp_refresh(&mut instance.garp, s),
    ),
    Keyword::word(
        "garp_master_refresh_repeat",
        "1-255",
        "so many per refresh; default 1",
        |instance, s| garp_refresh_repeat(&mut instance.garp, s),
    ),
    Keyword::ignored(
        "garp_extra_if",
        "addresses are announced where they are, and nowhere else",
    ),
    notify("notify", "run on every change", |instance, s| {
        set_notify(&mut instance.notify, s)
    }),
    notify("notify_master", "run when it becomes master", |instance, s| {
        set_notify(&mut instance.notify, s)
    }),
    notify("notify_backup", "run when it becomes backup", |instance, s| {
        set_notify(&mut instance.notify, s)
    }),
    notify("notify_fault", "run when it cannot be either", |instance, s| {
        set_notify(&mut instance.notify, s)
    }),
    notify("notify_stop", "run when the program ends", |instance, s| {
        set_notify(&mut instance.notify, s)
    }),
    notify(
        "notify_master_rx_lower_pri",
        "run when a master hears a lower one",
        |instance, s| set_notify(&mut instance.notify, s),
    ),
    Keyword::moot(
        "notify_deleted",
        "what a reload takes away ends as if the program did",
    ),
    Keyword::ignored(
        "notify_priority_changes",
        "a change of priority alone is not notified",
    ),
    Keyword::ignored(
        "smtp_alert",
        "no mail is sent; use notify scripts, or watch the metrics",
    ),
    Keyword::flag(
        "strict_mode",
        "warned about: it would close the address to clients",
        |instance, s| {
            instance.strict = Some(placed(boolean(s)?, s));
            Ok(())
        },
    ),
    Keyword::moot("accept", "the address always answers its clients"),
    Keyword::refused("no_accept", "nobody could ask the address anything; remove it"),
    Keyword::refused(
        "no_virtual_ipaddress",
        "an instance without an address holds nothing",
    ),
    Keyword::moot("skip_check_adv_addr", OTHER_MASTERS),
    Keyword::moot("native_ipv6", "the addresses say which family it is"),
    Keyword::moot("debug", "there is nothing to set"),
    Keyword::moot("kernel_rx_buf_size", "there is nothing to set"),
    Keyword::ignored("linkbeat_use_polling", "the kernel's word on a link is taken"),
    Keyword::ignored(
        "promote_secondaries",
        "set net.ipv4.conf.INTERFACE.promote_secondaries with sysctl",
    ),
    Keyword::refused("use_vmac", VMAC),
    Keyword::refused("use_vmac_addr", VMAC),
    Keyword::refused("vmac_xmit_base", VMAC),
    Keyword::refused("use_ipvlan", VMAC),
    Keyword::refused("vrf", "name the interface instead"),
    Keyword::refused("virtual_routes", ROUTES),
    Keyword::refused("virtual_rules", ROUTES),
    Keyword::ignored(
        "lvs_sync_daemon_interface",
        "it belongs to the balancing of connections",
    ),
    guard(Keyword::refused(
        "auth_hmac",
        "use auth_type PASS, or none on a network of your own",
    )),
];

/// The rows of `authentication`.
pub(super) const AUTHENTICATION: &[Keyword<AuthenticationSpec>] = &[
    guard(Keyword::word(
        "auth_type",
        "PASS",
        "how adverts prove where they come from",
        |authentication, s| {
            match s.first()?.text.as_str() {
                "PASS" => authentication.is_password = true,
                "AH" => {
                    return Err(
                        "AH is not supported; use PASS on every node, or no authentication".to_owned(),
                    );
                }
                other => return Err(format!("'{other}' is not PASS")),
            }
            Ok(())
        },
    )),
    // More words are taken, so that none of them is quoted as a keyword that nobody knows.
    guard(Keyword::takes(
        "auth_pass",
        "PASSWORD",
        "the password; its first 8 bytes count",
        (1, usize::MAX),
        password,
    )),
];

const PEER_OPTIONS: &[ItemOption] = &[option("min_ttl", true), option("max_ttl", true)];

fn placed<T>(value: T, s: &Statement<'_>) -> Placed<T> {
    Placed {
        value,
        place: s.keyword.place.clone(),
    }
}

fn state(instance: &mut InstanceSpec, s: &mut Statement<'_>) -> Result<(), String> {
    let state = match s.first()?.text.as_str() {
        "MASTER" => StartState::Master,
        "BACKUP" => StartState::Backup,
        other => {
            let what = format!("'{other}' is neither MASTER nor BACKUP; BACKUP is taken, as keepalived does");
            s.warn(&what);
            StartState::Backup
        }
    };
    instance.state = Some(state);
    Ok(())
}

/// A password is the bytes that keepalived would send: single quotes are some of them, and it ends at a blank.
fn password(authentication: &mut AuthenticationSpec, s: &mut Statement<'_>) -> Result<(), String> {
    let word = s.first()?;
    let is_single = word.quote == Some('\'');
    if word.text.is_empty() {
        return Err("the password is empty".to_owned());
    }
    if is_single && word.text.contains(char::is_whitespace) {
        return Err("keepalived ends the password at the blank; put it in double quotes".to_owned());
    }
    let text = if is_single {
        format!("'{}'", word.text)
    } else {
        word.text.clone()
    };
    if is_single {
        s.warn("keepalived takes single quotes for a part of the password, so they are; use double quotes");
    }
    if s.words.len() > 1 {
        s.warn("only the first word is the password; put it in double quotes");
    }
    if text.len() > 8 {
        s.warn(PASSWORD_CUT);
    }
    let mut password = [0; 8];
    for (to, from) in password.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    authentication.password = Some(Authentication::Password(password));
    Ok(())
}

fn add_addresses(addresses: &mut Vec<Placed<FloatingAddress>>, items: &[Item], findings: &mut Findings) {
    for item in items {
        let place = &item.head.place;
        if item.is_behind {
            let what = format!(
                "keepalived reads one address of a line only and would leave out '{}'; put it on its own line",
                item.head.text
            );
            findings.warn(place, what);
        }
        match floating_address(item) {
            Ok((value, ignored)) => {
                ignored.into_iter().for_each(|what| findings.warn(place, what));
                addresses.push(Placed {
                    value,
                    place: place.clone(),
                });
            }
            Err(why) => findings.error(place, why),
        }
    }
}

fn add_peers(instance: &mut InstanceSpec, items: &[Item], findings: &mut Findings) {
    let peers = instance.peers.get_or_insert_default();
    for item in items {
        let place = &item.head.place;
        let address = match address(&item.head) {
            Ok(address) => address,
            Err(why) => {
                findings.error(place, format!("unicast_peer: {why}"));
                continue;
            }
        };
        let mut hops = (0, u8::MAX);
        for (name, value) in &item.options {
            let limit = value.as_ref().map(|value| number(value, 0, u8::MAX));
            match limit {
                Some(Ok(limit)) if *name == "min_ttl" => hops.0 = limit,
                Some(Ok(limit)) => hops.1 = limit,
                Some(Err(why)) => findings.error(place, format!("{name}: {why}")),
                None => {}
            }
            instance.check_unicast_source = true;
        }
        if hops.0 > hops.1 {
            findings.error(place, format!("{address}: min_ttl is greater than max_ttl"));
        }
        peers.push(Placed {
            value: Peer { address, hops },
            place: place.clone(),
        });
    }
}
