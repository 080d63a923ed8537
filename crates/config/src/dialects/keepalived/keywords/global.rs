//! `global_defs`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_vrrp::{Family, Version};

use crate::diagnostics::Placed;
use crate::dialects::keepalived::rows::{Keyword, Statement};
use crate::dialects::keepalived::spec::{GarpSpec, GlobalSpec};
use crate::dialects::keepalived::values::{address, boolean, number, program, seconds, user};

const NO_MAIL: &str = "no mail is sent; use notify scripts, or watch the metrics";
const DAEMON: &str = "it tunes keepalived's own processes";
const LVS: &str = "it belongs to the balancing of connections";
const SNMP: &str = "there is no SNMP; the metrics and the status say the same";
const FIREWALL: &str = "no packets are filtered";
const VMAC: &str = "no virtual MAC addresses are used";
const FAST: &str = "the program runs with real-time priority and locked memory where it may";

/// The rows of `global_defs`.
pub(super) const TABLE: &[Keyword<GlobalSpec>] = &[
    Keyword::word("router_id", "NAME", "what the node calls itself", |global, s| {
        global.router_id = Some(s.first()?.text.clone());
        Ok(())
    }),
    Keyword::takes(
        "script_user",
        "USER [GROUP]",
        "who runs scripts that name nobody",
        (1, 2),
        |global, s| {
            global.script_user = user(s.words);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_version",
        "2|3",
        "the version of instances that name none; default 2",
        |global, s| {
            global.version = Some(version(s)?);
            Ok(())
        },
    ),
    Keyword::flag(
        "vrrp_strict",
        "warned about: it would close the address to clients",
        |global, s| {
            global.strict = boolean(s)?.then(|| s.keyword.place.clone());
            Ok(())
        },
    ),
    Keyword::flag(
        "vrrp_check_unicast_src",
        "adverts of others than the peers are not accepted",
        |global, s| {
            global.check_unicast_source = boolean(s)?;
            Ok(())
        },
    ),
    Keyword::flag(
        "vrrp_lower_prio_no_advert",
        "a master does not answer adverts of lower priority",
        |global, s| {
            global.lower_prio_no_advert = boolean(s)?;
            Ok(())
        },
    ),
    Keyword::flag(
        "vrrp_higher_prio_send_advert",
        "a master that yields says so with one more advert; default true",
        |global, s| {
            global.higher_prio_send_advert = Some(boolean(s)?);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_down_timer_adverts",
        "1-100",
        "adverts missing until a master is gone; default 3",
        |global, s| {
            global.down_adverts = Some(number(s.first()?, 1, 100)?);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_garp_master_delay",
        "SECONDS",
        "announcements again after this; default 5",
        |global, s| garp_delay(&mut global.garp, s),
    ),
    Keyword::word(
        "vrrp_garp_master_repeat",
        "1-255",
        "announcements at once; default 5",
        |global, s| garp_repeat(&mut global.garp, s),
    ),
    Keyword::word(
        "vrrp_garp_lower_prio_delay",
        "SECONDS",
        "the same after an advert of lower priority",
        |global, s| garp_lower_delay(&mut global.garp, s),
    ),
    Keyword::word(
        "vrrp_garp_lower_prio_repeat",
        "0-255",
        "the same after an advert of lower priority",
        |global, s| garp_lower_repeat(&mut global.garp, s),
    ),
    Keyword::word(
        "vrrp_garp_master_refresh",
        "SECONDS",
        "announcements for as long as a router is master; 0 and default: often after changes, then every 30 s",
        |global, s| garp_refresh(&mut global.garp, s),
    ),
    Keyword::word(
        "vrrp_garp_master_refresh_repeat",
        "1-255",
        "so many per refresh; default 1",
        |global, s| garp_refresh_repeat(&mut global.garp, s),
    ),
    Keyword::flag("vrrp_min_garp", "one announcement, and not again", |global, s| {
        if boolean(s)? {
            global.garp.repeat = Some(1);
            global.garp.delay = Some(Duration::ZERO);
        }
        Ok(())
    }),
    Keyword::word(
        "vrrp_garp_interval",
        "SECONDS",
        "time between announcements over IPv4",
        |global, s| {
            global.arp_interval = pacing(s)?;
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_gna_interval",
        "SECONDS",
        "time between announcements over IPv6",
        |global, s| {
            global.na_interval = pacing(s)?;
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_mcast_group4",
        "ADDRESS",
        "where adverts go; default 224.0.0.18",
        |global, s| {
            global.group_v4 = Some(multicast_of(s, Family::V4)?);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_mcast_group6",
        "ADDRESS",
        "where adverts go; default ff02::12",
        |global, s| {
            global.group_v6 = Some(multicast_of(s, Family::V6)?);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_rt_priority",
        "1-99",
        "real-time priority; 0 is none",
        |global, s| {
            global.realtime_priority = Some(number(s.first()?, 0, 99)?);
            Ok(())
        },
    ),
    Keyword::word(
        "vrrp_startup_delay",
        "SECONDS",
        "no router does anything before this",
        |global, s| {
            global.startup_delay = seconds(s.first()?, 0.0, 86_400.0)?;
            Ok(())
        },
    ),
    Keyword::takes(
        "notify_fifo",
        "PATH [USER [GROUP]]",
        "gets every change as a line",
        (1, 3),
        fifo,
    ),
    Keyword::takes(
        "vrrp_notify_fifo",
        "PATH [USER [GROUP]]",
        "gets every change as a line",
        (1, 3),
        fifo,
    ),
    Keyword::takes(
        "notify_fifo_script",
        "COMMAND [USER [GROUP]]",
        "reads the fifo",
        (1, 3),
        fifo_script,
    ),
    Keyword::takes(
        "vrrp_notify_fifo_script",
        "COMMAND [USER [GROUP]]",
        "reads the fifo",
        (1, 3),
        fifo_script,
    ),
    Keyword::moot(
        "enable_script_security",
        "what a script may do is decided by its user",
    ),
    Keyword::moot(
        "vrrp_skip_check_adv_addr",
        "other addresses in an advert are counted, not refused",
    ),
    Keyword::moot("dynamic_interfaces", "an interface may come and go"),
    Keyword::moot("max_auto_priority", FAST),
    Keyword::moot("min_auto_priority_delay", FAST),
    Keyword::moot("vrrp_priority", FAST),
    Keyword::moot("vrrp_no_swap", FAST),
    Keyword::moot("vrrp_rlimit_rttime", FAST),
    Keyword::ignored("vrrp_cpu_affinity", "set CPUAffinity= in the unit instead"),
    Keyword::ignored("notification_email", NO_MAIL),
    Keyword::moot("notification_email_from", NO_MAIL),
    Keyword::moot("smtp_server", NO_MAIL),
    Keyword::moot("smtp_helo_name", NO_MAIL),
    Keyword::moot("smtp_connect_timeout", NO_MAIL),
    Keyword::ignored("smtp_alert", NO_MAIL),
    Keyword::ignored("smtp_alert_vrrp", NO_MAIL),
    Keyword::moot("smtp_alert_checker", NO_MAIL),
    Keyword::moot("no_email_faults", NO_MAIL),
    Keyword::moot("no_checker_emails", NO_MAIL),
    Keyword::refused("startup_script", "let the unit run it (ExecStartPre=)"),
    Keyword::moot("startup_script_timeout", "there is no startup_script"),
    Keyword::refused("shutdown_script", "let the unit run it (ExecStopPost=)"),
    Keyword::moot("shutdown_script_timeout", "there is no shutdown_script"),
    Keyword::ignored(
        "vrrp_garp_extra_if",
        "addresses are announced where they are, and nowhere else",
    ),
    Keyword::ignored(
        "vrrp_notify_priority_changes",
        "a change of priority alone is not notified",
    ),
    Keyword::moot(
        "fifo_write_vrrp_states_on_reload",
        "the fifo gets the states whenever they change",
    ),
    Keyword::ignored("default_interface", "an instance names its interface"),
    Keyword::ignored(
        "include_check",
        "a file that is not there is an error; a pattern, with includew or includea",
    ),
    Keyword::moot("log_unknown_vrids", "adverts of other routers are counted"),
    Keyword::ignored("random_seed", "there is no ${_RANDOM}"),
    Keyword::moot("process_monitor_rcv_bufs", DAEMON),
    Keyword::moot("process_monitor_rcv_bufs_force", DAEMON),
    Keyword::moot("process_names", DAEMON),
    Keyword::moot("process_name", DAEMON),
    Keyword::moot("vrrp_process_name", DAEMON),
    Keyword::moot("checker_process_name", DAEMON),
    Keyword::moot("bfd_process_name", DAEMON),
    Keyword::moot("tmp_config_directory", DAEMON),
    Keyword::moot("config_save_dir", DAEMON),
    Keyword::moot("umask", DAEMON),
    Keyword::moot("vrrp_rx_bufs_policy", DAEMON),
    Keyword::moot("vrrp_rx_bufs_multiplier", DAEMON),
    Keyword::moot("vrrp_netlink_cmd_rcv_bufs", DAEMON),
    Keyword::moot("vrrp_netlink_cmd_rcv_bufs_force", DAEMON),
    Keyword::moot("vrrp_netlink_monitor_rcv_bufs", DAEMON),
    Keyword::moot("vrrp_netlink_monitor_rcv_bufs_force", DAEMON),
    Keyword::moot("data_use_instance", DAEMON),
    Keyword::moot("state_dump_file", DAEMON),
    Keyword::moot("stats_dump_file", DAEMON),
    Keyword::moot("json_dump_file", DAEMON),
    Keyword::moot("json_version", DAEMON),
    Keyword::moot("reload_check_config", "a reload that fails changes nothing"),
    Keyword::ignored("reload_time_file", "reload by SIGHUP"),
    Keyword::moot("reload_repeat", "there is no reload_time_file"),
    Keyword::ignored("reload_file", "reload by SIGHUP, when the files are complete"),
    Keyword::ignored("lvs_sync_daemon", LVS),
    Keyword::ignored("lvs_timeouts", LVS),
    Keyword::ignored("lvs_flush", LVS),
    Keyword::ignored("lvs_flush_on_stop", LVS),
    Keyword::ignored("lvs_notify_fifo", LVS),
    Keyword::ignored("lvs_notify_fifo_script", LVS),
    Keyword::moot("lvs_netlink_cmd_rcv_bufs", LVS),
    Keyword::moot("lvs_netlink_cmd_rcv_bufs_force", LVS),
    Keyword::moot("lvs_netlink_monitor_rcv_bufs", LVS),
    Keyword::moot("lvs_netlink_monitor_rcv_bufs_force", LVS),
    Keyword::moot("rs_init_notifies", LVS),
    Keyword::moot("checker_log_all_failures", LVS),
    Keyword::moot("checker_priority", LVS),
    Keyword::moot("checker_no_swap", LVS),
    Keyword::moot("checker_cpu_affinity", LVS),
    Keyword::moot("checker_rt_priority", LVS),
    Keyword::moot("checker_rlimit_rttime", LVS),
    Keyword::moot("bfd_priority", DAEMON),
    Keyword::moot("bfd_no_swap", DAEMON),
    Keyword::moot("bfd_cpu_affinity", DAEMON),
    Keyword::moot("bfd_rt_priority", DAEMON),
    Keyword::moot("bfd_rlimit_rttime", DAEMON),
    Keyword::moot("nftables", FIREWALL),
    Keyword::moot("nftables_priority", FIREWALL),
    Keyword::moot("nftables_counters", FIREWALL),
    Keyword::moot("nftables_ifindex", FIREWALL),
    Keyword::moot("nftables_ipvs", FIREWALL),
    Keyword::moot("nftables_ipvs_priority", FIREWALL),
    Keyword::moot("nftables_ipvs_start_fwmark", FIREWALL),
    Keyword::moot("vrrp_iptables", FIREWALL),
    Keyword::moot("vrrp_ipsets", FIREWALL),
    Keyword::moot("disable_local_igmp", VMAC),
    Keyword::moot("vmac_prefix", VMAC),
    Keyword::moot("vmac_addr_prefix", VMAC),
    Keyword::ignored("snmp_socket", SNMP),
    Keyword::ignored("enable_snmp_vrrp", SNMP),
    Keyword::moot("enable_snmp_checker", SNMP),
    Keyword::ignored("enable_snmp_rfc", SNMP),
    Keyword::ignored("enable_snmp_rfcv2", SNMP),
    Keyword::ignored("enable_snmp_rfcv3", SNMP),
    Keyword::ignored("enable_traps", SNMP),
    Keyword::ignored("enable_dbus", "there is no D-Bus; ask the status socket"),
    Keyword::moot("dbus_service_name", "there is no D-Bus"),
];

pub(super) fn version(s: &Statement<'_>) -> Result<Version, String> {
    match number(s.first()?, 2, 3)? {
        2 => Ok(Version::V2),
        _ => Ok(Version::V3),
    }
}

fn pacing(s: &Statement<'_>) -> Result<Duration, String> {
    seconds(s.first()?, 0.0, 10.0)
}

fn multicast_of(s: &Statement<'_>, family: Family) -> Result<IpAddr, String> {
    let group = multicast(s)?;
    (group.is_ipv4() == (family == Family::V4))
        .then_some(group)
        .ok_or_else(|| format!("'{group}' is of the other address family"))
}

/// A group that adverts can go to; over IPv6, one of the link.
pub(super) fn multicast(s: &Statement<'_>) -> Result<IpAddr, String> {
    let group = address(s.first()?)?;
    let is_group = match group {
        IpAddr::V4(group) => group.is_multicast(),
        IpAddr::V6(group) => group.segments()[0] & 0xff0f == 0xff02,
    };
    is_group
        .then_some(group)
        .ok_or_else(|| format!("'{group}' is not a multicast group of the link"))
}

fn fifo(global: &mut GlobalSpec, s: &mut Statement<'_>) -> Result<(), String> {
    let path = PathBuf::from(&s.first()?.text);
    if global.notify_fifo.as_ref().is_some_and(|fifo| fifo.value != path) {
        return Err("there is one fifo only; name the same one, or leave one out".to_owned());
    }
    if s.words.len() > 1 {
        s.warn("the fifo belongs to the program; its user and group are ignored");
    }
    global.notify_fifo = Some(Placed {
        value: path,
        place: s.keyword.place.clone(),
    });
    Ok(())
}

fn fifo_script(global: &mut GlobalSpec, s: &mut Statement<'_>) -> Result<(), String> {
    let value = program(s)?;
    if global
        .notify_fifo_script
        .as_ref()
        .is_some_and(|script| script.value != value)
    {
        return Err("there is one fifo only, with one script; leave one out".to_owned());
    }
    global.notify_fifo_script = Some(Placed {
        value,
        place: s.keyword.place.clone(),
    });
    Ok(())
}

/// A day: longer, and nobody would wait for it.
const MAX_GARP: f64 = 86_400.0;

pub(super) fn garp_delay(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    garp.delay = Some(seconds(s.first()?, 0.0, MAX_GARP)?);
    Ok(())
}

pub(super) fn garp_repeat(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    let repeat: u8 = number(s.first()?, 0, u8::MAX)?;
    if repeat == 0 {
        s.warn("a master announces its address at least once; 1 is taken");
    }
    garp.repeat = Some(repeat.max(1));
    Ok(())
}

pub(super) fn garp_lower_delay(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    garp.lower_delay = Some(seconds(s.first()?, 0.0, MAX_GARP)?);
    Ok(())
}

pub(super) fn garp_lower_repeat(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    garp.lower_repeat = Some(number(s.first()?, 0, u8::MAX)?);
    Ok(())
}

pub(super) fn garp_refresh(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    garp.refresh = Some(seconds(s.first()?, 0.0, MAX_GARP)?);
    Ok(())
}

pub(super) fn garp_refresh_repeat(garp: &mut GarpSpec, s: &mut Statement<'_>) -> Result<(), String> {
    garp.refresh_repeat = Some(number(s.first()?, 1, u8::MAX)?);
    Ok(())
}
