//! Each keyword that does something does it; each one that does not says so or is silent.

use std::time::Duration;

use weir_vrrp::{
    Announcing, ChecksumForm, Condition, Destination, Preemption, Refresh, RouterSettings, StartState,
    Version, Weight,
};

use super::*;
use crate::dialects::keepalived::{Fate, reference};
use crate::vip::Tracker;

/// The router of a configuration that says `extra` in its instance.
fn router(extra: &str) -> RouterSettings {
    clean(&with("", extra)).node.routers.remove(0).0
}

/// The router of a configuration that says `global` of its node and `extra` in its instance.
fn router_of(global: &str, extra: &str) -> RouterSettings {
    let text = with(&format!("global_defs {{ {global} }}"), extra);
    clean(&text).node.routers.remove(0).0
}

#[test]
fn what_is_not_said_is_keepalived_s_default() {
    let router = router("");
    assert_eq!((router.version, router.start), (Version::V2, StartState::Backup));
    assert_eq!(router.priority.0.get(), 100);
    assert_eq!(router.interval.duration(), Duration::from_secs(1));
    assert_eq!(router.preemption, Preemption::Immediate);
    assert_eq!(router.checksum, ChecksumForm::PseudoHeader);
    assert_eq!(router.down_adverts.get(), 3);
    assert!(router.answer_lower && router.answer_higher);
    assert_eq!(router.announcing, Announcing::default());
    let settings = clean(&with("", ""));
    assert_eq!((settings.router_id, settings.realtime_priority), (None, None));
    assert_eq!(settings.routers[0].addresses[0].prefix, 32);
}

#[test]
fn an_instance_says_what_it_is() {
    let settings = clean(&with(
        "",
        "state MASTER\npriority 200\nversion 3\nadvert_int 0.5\nmcast_src_ip 10.0.0.9\ntrack_src_ip\n\
         dont_track_primary\nmcast_dst_ip 224.0.0.99\nv3_checksum_as_v2\ndown_timer_adverts 5\n\
         lower_prio_no_advert\nhigher_prio_send_advert false",
    ));
    let router = &settings.node.routers[0].0;
    assert_eq!((router.version, router.start), (Version::V3, StartState::Master));
    assert_eq!((router.priority.0.get(), router.vrid.0.get()), (200, 5));
    assert_eq!(router.interval.centiseconds(), 50);
    assert_eq!(
        router.destination,
        Destination::Multicast("224.0.0.99".parse().expect("a group"))
    );
    assert_eq!(router.checksum, ChecksumForm::MessageOnly);
    assert_eq!(router.down_adverts.get(), 5);
    assert!(!router.answer_lower && !router.answer_higher);
    let attachment = &settings.routers[0];
    assert_eq!(attachment.interface, "eth0");
    assert_eq!(attachment.source, "10.0.0.9".parse().ok());
    assert!(attachment.track_source && attachment.ignore_interface);
}

#[test]
fn a_node_says_what_its_instances_do_not() {
    let global = "vrrp_version 3 vrrp_mcast_group4 224.0.0.77 vrrp_down_timer_adverts 4 \
                  vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert no vrrp_check_unicast_src";
    let of_node = router_of(global, "");
    assert_eq!((of_node.version, of_node.down_adverts.get()), (Version::V3, 4));
    assert!(!of_node.answer_lower && !of_node.answer_higher);
    assert_eq!(
        of_node.destination,
        Destination::Multicast("224.0.0.77".parse().expect("a group"))
    );
    let own = router_of(
        global,
        "version 2\ndown_timer_adverts 2\nlower_prio_no_advert off\nhigher_prio_send_advert\nunicast_peer { 10.0.0.2 }",
    );
    assert_eq!((own.version, own.down_adverts.get()), (Version::V2, 2));
    assert!(own.answer_lower && own.answer_higher);
    let Destination::Unicast { known_only, .. } = own.destination else {
        panic!("{:?}", own.destination);
    };
    assert!(known_only);
}

#[test]
fn version_2_rounds_to_seconds_and_version_3_to_centiseconds() {
    for (extra, centiseconds, warning) in [
        (
            "advert_int 0.5",
            100,
            "6: warning: advert_int 0.5 is taken as 1: version 2 knows steps of 1 up to 255",
        ),
        (
            "advert_int 0.4",
            100,
            "6: warning: advert_int 0.4 is taken as 1: version 2 knows steps of 1 up to 255",
        ),
        (
            "advert_int 1.6",
            200,
            "6: warning: advert_int 1.6 is taken as 2: version 2 knows steps of 1 up to 255",
        ),
        ("advert_int 255", 25_500, ""),
        (
            "advert_int 0.015\nversion 3",
            2,
            "6: warning: advert_int 0.015 is taken as 0.02: version 3 knows steps of 0.01 up to 40.95",
        ),
        (
            "advert_int 100\nversion 3",
            4095,
            "6: warning: advert_int 100 is taken as 40.95: version 3 knows steps of 0.01 up to 40.95",
        ),
        ("advert_int 0.07\nversion 3", 7, ""),
    ] {
        let (settings, warnings) = accepted(&with("", extra));
        assert_eq!(
            settings.node.routers[0].0.interval.centiseconds(),
            centiseconds,
            "{extra}"
        );
        assert_eq!(warnings, warning);
    }
    for value in ["0", "256", "-1", "nan", "inf", "1s"] {
        let found = refused(&with("", &format!("advert_int {value}")));
        assert_eq!(
            found,
            format!("6: advert_int: '{value}' is not a number of seconds from 0.01 to 255")
        );
    }
}

#[test]
fn ipv6_is_version_3() {
    let text = "vrrp_instance A {\nversion 2\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\nfe80::1\n}\n}";
    let (settings, warnings) = accepted(text);
    assert_eq!(
        warnings,
        "2: warning: there is no IPv6 in version 2; version 3 is taken"
    );
    assert_eq!(settings.node.routers[0].0.version, Version::V3);
    assert_eq!(settings.routers[0].addresses[0].prefix, 128);
}

#[test]
fn preemption_needs_a_backup() {
    let nopreempt = "6: warning: nopreempt is ignored with state MASTER or priority 255; write state BACKUP on both nodes";
    for (extra, expected, warning) in [
        ("nopreempt", Preemption::Never, ""),
        ("nopreempt\npreempt", Preemption::Immediate, ""),
        (
            "preempt_delay 2.5",
            Preemption::Delayed(Duration::from_millis(2500)),
            "",
        ),
        ("preempt_delay 0", Preemption::Immediate, ""),
        ("nopreempt\nstate MASTER", Preemption::Immediate, nopreempt),
        ("nopreempt\npriority 255", Preemption::Immediate, nopreempt),
        (
            "preempt_delay 5\nstate MASTER",
            Preemption::Immediate,
            "6: warning: preempt_delay is ignored with state MASTER; write state BACKUP",
        ),
    ] {
        let (settings, warnings) = accepted(&with("", extra));
        assert_eq!(settings.node.routers[0].0.preemption, expected, "{extra}");
        assert_eq!(warnings, warning, "{extra}");
    }
    assert!(refused(&with("", "preempt_delay 1001")).contains("from 0 to 1000"));
    let (settings, warnings) = accepted(&with("", "state master"));
    assert_eq!(settings.node.routers[0].0.start, StartState::Backup);
    assert_eq!(
        warnings,
        "6: warning: state: 'master' is neither MASTER nor BACKUP; BACKUP is taken, as keepalived does"
    );
}

#[test]
fn announcements_are_inherited_as_keepalived_inherits_them() {
    let seconds = Duration::from_secs;
    let own = router(
        "garp_master_delay 3\ngarp_master_repeat 2\ngarp_lower_prio_delay 4\ngarp_lower_prio_repeat 0\n\
         garp_master_refresh 60\ngarp_master_refresh_repeat 6",
    );
    assert_eq!(
        own.announcing,
        Announcing {
            repeat: 2,
            delay: seconds(3),
            lower_repeat: 0,
            lower_delay: seconds(4),
            refresh: Refresh::Every(seconds(60)),
            refresh_repeat: 6,
        }
    );
    let lower = router("garp_master_repeat 2\ngarp_master_delay 1").announcing;
    assert_eq!((lower.lower_repeat, lower.lower_delay), (5, seconds(5)));
    // What an instance says about becoming master is not what its node says about lower priorities.
    let mixed = router_of(
        "vrrp_garp_master_repeat 7 vrrp_garp_lower_prio_delay 9",
        "garp_master_delay 3",
    );
    assert_eq!(
        mixed.announcing,
        Announcing {
            repeat: 7,
            delay: seconds(3),
            lower_repeat: 7,
            lower_delay: seconds(9),
            ..Announcing::default()
        }
    );
    let of_node = router_of(
        "vrrp_garp_master_delay 1 vrrp_garp_lower_prio_repeat 2 vrrp_garp_master_refresh 30 \
         vrrp_garp_master_refresh_repeat 3",
        "garp_master_refresh 0",
    );
    assert_eq!(
        of_node.announcing,
        Announcing {
            repeat: 5,
            delay: seconds(1),
            lower_repeat: 2,
            lower_delay: seconds(1),
            refresh: Refresh::Adaptive,
            refresh_repeat: 3,
        }
    );
    let fewest = router_of("vrrp_min_garp", "").announcing;
    assert_eq!(
        (fewest.repeat, fewest.delay, fewest.lower_repeat),
        (1, Duration::ZERO, 1)
    );
    let (settings, warnings) = accepted(&with("", "garp_master_repeat 0"));
    assert_eq!(settings.node.routers[0].0.announcing.repeat, 1);
    assert_eq!(
        warnings,
        "6: warning: garp_master_repeat: a master announces its address at least once; 1 is taken"
    );
}

#[test]
fn peers_replace_the_group() {
    let unicast = router(
        "unicast_src_ip 10.0.0.8\nunicast_ttl 64\nunicast_peer {\n10.0.0.2\n10.0.0.3 min_ttl 60 max_ttl 64\n}",
    );
    let Destination::Unicast {
        peers,
        hops,
        known_only,
    } = unicast.destination
    else {
        panic!("{:?}", unicast.destination);
    };
    let peers: Vec<_> = peers
        .iter()
        .map(|peer| (peer.address.to_string(), peer.hops))
        .collect();
    assert_eq!(
        peers,
        [
            ("10.0.0.2".to_owned(), (0, 255)),
            ("10.0.0.3".to_owned(), (60, 64))
        ]
    );
    // A limit for one is a check of all.
    assert_eq!((hops, known_only), (64, true));
    let (_, warnings) = accepted(&with("", "unicast_src_ip 10.0.0.8"));
    assert_eq!(
        warnings,
        "6: warning: without unicast_peer, adverts go to the multicast group; name the peers, or write mcast_src_ip"
    );
    for (extra, found) in [
        (
            "unicast_peer { }",
            "2: unicast_peer of vrrp_instance A names nobody",
        ),
        (
            "unicast_peer { fe80::1 }",
            "6: the peer fe80::1 is not of the family of the instance's addresses",
        ),
        (
            "unicast_src_ip fe80::1",
            "6: fe80::1 is not of the family of the instance's addresses\n6: warning: without unicast_peer, adverts go to the multicast group; name the peers, or write mcast_src_ip",
        ),
        (
            "unicast_peer { peer.example }",
            "6: unicast_peer: 'peer.example' is not an address\n2: unicast_peer of",
        ),
        (
            "unicast_peer { 10.0.0.2 min_ttl 9 max_ttl 8 }",
            "6: 10.0.0.2: min_ttl is greater than max_ttl",
        ),
        (
            "mcast_dst_ip 10.0.0.2",
            "6: mcast_dst_ip: '10.0.0.2' is not a multicast group of the link",
        ),
    ] {
        let said = refused(&with("", extra));
        assert!(found.lines().all(|line| said.contains(line)), "{said}");
    }
}

#[test]
fn addresses_have_their_options() {
    let text = "virtual_ipaddress_excluded {\n10.0.1.1/24 dev eth1 label eth1:dns brd + scope site no_track\n\
                10.0.1.2/24 brd -\n10.0.1.3/24 brd 10.0.1.254\n10.0.1.4 scope 5\nfd00::1/64 dev eth2\n}";
    let settings = clean(&with("", text));
    let shown: Vec<String> = settings.routers[0]
        .addresses
        .iter()
        .skip(1)
        .map(|held| {
            format!(
                "{}/{} {:?} {:?} {:?} {:?} {}",
                held.address,
                held.prefix,
                held.interface,
                held.label,
                held.scope,
                held.broadcast,
                held.no_track
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "10.0.1.1/24 Some(\"eth1\") Some(\"eth1:dns\") Some(200) Some(10.0.1.255) true",
            "10.0.1.2/24 None None None Some(10.0.1.0) false",
            "10.0.1.3/24 None None None Some(10.0.1.254) false",
            "10.0.1.4/32 None None Some(5) None false",
            "fd00::1/64 Some(\"eth2\") None None None false",
        ]
    );
}

#[test]
fn options_of_addresses_that_do_nothing_are_named() {
    for (option, reason) in [
        (
            "-nodad",
            "floating addresses never wait for duplicate address detection",
        ),
        ("home", "it makes no difference to who holds the address"),
        (
            "preferred_lft 0",
            "lifetimes are set by the program that holds the address",
        ),
        ("label x", "there is none in IPv6"),
        ("brd +", "there is none in IPv6"),
        (
            "scope moon",
            "it is not global, site, link, host, nowhere or a number up to 255",
        ),
    ] {
        let (_, warnings) = accepted(&with(
            "",
            &format!("virtual_ipaddress_excluded {{ fd00::1 {option} }}"),
        ));
        let name = option.split(' ').next().expect("a name");
        assert_eq!(
            warnings,
            format!("6: warning: fd00::1: '{name}' is ignored: {reason}")
        );
    }
    for (option, why) in [
        (
            "label 0123456789abcdef",
            "the label '0123456789abcdef' is longer than 15 bytes",
        ),
        ("dev a/b", "'a/b' is not the name of an interface"),
        ("dev", "10.0.0.3: 'dev' needs a value behind it"),
        (
            "peer 10.0.0.4",
            "'peer' is not supported: it makes the address another one's end of a link",
        ),
        (
            "use_vmac",
            "'use_vmac' is not supported: the address keeps the interface's own MAC",
        ),
    ] {
        let found = refused(&with(
            "",
            &format!("virtual_ipaddress_excluded {{ 10.0.0.3 {option} }}"),
        ));
        assert_eq!(found, format!("6: {why}"));
    }
}

#[test]
fn trackers_have_their_defaults_and_their_users_their_own() {
    let before = "global_defs { script_user dns } \
                  vrrp_script a { script /bin/a } \
                  vrrp_script b { script \"/bin/b x\" interval 0.5 timeout 3 rise 2 fall 3 weight -9 reverse user u g init_fail } \
                  vrrp_track_process p { process /bin/p \"x y\" quorum 2 quorum_max 4 fork_delay 1 terminate_delay 1 weight 7 } \
                  vrrp_track_process none { process bad quorum_max 0 full_command } \
                  track_file f { file /run/f } vrrp_track_file g { file /run/g weight 0 }";
    let tracks = "track_script {\na\nb\n}\ntrack_interface {\neth1 weight -5\neth2 reverse\n}\n\
                  track_process {\np weight 3 reverse\nnone\n}\ntrack_file {\nf\ng\n}";
    let settings = clean(&with(before, tracks));
    let shown: Vec<_> = settings.node.routers[0]
        .1
        .iter()
        .map(|tracking| {
            (
                &*settings.node.trackers[tracking.tracker].name,
                tracking.weight,
                tracking.reverse,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", Weight::Fault, false),
            ("b", Weight::Points(-9), true),
            ("eth1", Weight::Points(-5), false),
            ("eth2", Weight::Fault, true),
            ("p", Weight::Points(3), true),
            ("none", Weight::Fault, false),
            ("f", Weight::Points(1), false),
            ("g", Weight::Fault, false),
        ]
    );
    let (Tracker::Script(a), Tracker::Script(b)) = (&settings.trackers[0], &settings.trackers[1]) else {
        panic!("{:?}", settings.trackers);
    };
    assert_eq!(
        (a.interval, a.timeout, a.rise, a.fall),
        (Duration::from_secs(1), Duration::from_secs(1), 1, 1)
    );
    assert_eq!(a.program.user, Some(("dns".to_owned(), None)));
    assert_eq!(
        (b.interval, b.timeout, b.rise, b.fall),
        (Duration::from_millis(500), Duration::from_secs(3), 2, 3)
    );
    assert_eq!(b.program.words, ["/bin/b", "x"]);
    assert_eq!(b.program.user, Some(("u".to_owned(), Some("g".to_owned()))));
    assert_eq!(settings.node.trackers[1].initially, Condition::Fails);
    let (Tracker::Process(p), Tracker::Process(none)) = (&settings.trackers[4], &settings.trackers[5]) else {
        panic!("{:?}", settings.trackers);
    };
    assert_eq!(
        (p.words.as_slice(), p.full_command),
        (&["/bin/p".to_owned(), "x y".to_owned()][..], true)
    );
    assert_eq!(
        (p.quorum, p.quorum_max, p.delay),
        (2, Some(4), Duration::from_secs(1))
    );
    assert_eq!(
        (none.quorum, none.quorum_max, none.full_command),
        (0, Some(0), true)
    );
    assert_eq!(settings.trackers[6], Tracker::File(PathBuf::from("/run/f")));
}

#[test]
fn trackers_without_their_parts_are_errors() {
    for (before, extra, found) in [
        (
            "vrrp_script c { interval 1 }",
            "track_script { c }",
            "1: vrrp_script c has no script, so nothing would be checked",
        ),
        (
            "vrrp_track_process c { }",
            "track_process { c }",
            "1: vrrp_track_process c has no process, so nothing would be checked",
        ),
        (
            "vrrp_track_process c { process x quorum_max 0 quorum 2 }",
            "track_process { c }",
            "1: vrrp_track_process c: quorum_max is less than quorum, so it always fails",
        ),
        (
            "track_file c { }",
            "track_file { c }",
            "1: track_file c has no file, so nothing would be checked",
        ),
        (
            "vrrp_script c { script \"\" }",
            "track_script { c }",
            "1: script: the command is empty\n1: vrrp_script c has no script, so nothing would be checked",
        ),
        (
            "vrrp_script c { script \"sh -c 'x\" }",
            "track_script { c }",
            "1: script: the quotation that begins with ' inside of it does not end\n1: vrrp_script c has no script, so nothing would be checked",
        ),
        (
            "vrrp_script c { script /bin/c rise 0 }",
            "track_script { c }",
            "1: rise: '0' is not a whole number from 1 to 4294967295",
        ),
        (
            "vrrp_track_process p { process x param_match initial }",
            "track_process { p }",
            "1: param_match is not supported: only whole command lines are compared; use full_command",
        ),
    ] {
        assert_eq!(refused(&with(before, extra)), found, "{before}");
    }
}

#[test]
fn what_is_tracked_twice_or_never_is_named() {
    let (settings, warnings) = accepted(&with(
        "vrrp_script c { script /bin/c } vrrp_track_process p { process x fork_delay 1 } track_file f { file /f }",
        "track_script {\nc\nc weight 5\n}",
    ));
    assert_eq!(settings.node.trackers.len(), 1);
    assert_eq!(
        warnings,
        "1: warning: no vrrp_instance tracks p, so it is not asked\n\
         1: warning: no vrrp_instance tracks f, so it is not asked\n\
         8: warning: A tracks c already; this is ignored"
    );
}

#[test]
fn a_member_of_a_group_keeps_its_weights_only_when_the_group_says_so() {
    let before = |more: &str| {
        format!(
            "vrrp_script c {{ script /bin/c weight 5 }} vrrp_sync_group G {{ group {{ A B }} {more} }} \
             vrrp_instance B {{ interface eth0 virtual_router_id 6 virtual_ipaddress {{ 10.0.0.2 }} }}"
        )
    };
    let (settings, warnings) = accepted(&with(&before(""), "track_script {\nc\n}"));
    assert_eq!(
        warnings,
        "7: warning: c of A: a failure is a fault, as with weight 0: the members of a sync group have the same \
         weights; track it in the group, or say sync_group_tracking_weight"
    );
    assert_eq!(settings.node.routers[1].1[0].weight, Weight::Fault);
    let settings = clean(&with(
        &before("sync_group_tracking_weight"),
        "track_script {\nc\n}",
    ));
    assert_eq!(settings.node.routers[1].1[0].weight, Weight::Points(5));
    let settings = clean(&with(&before("track_script { c weight 8 }"), ""));
    assert!(
        settings
            .node
            .routers
            .iter()
            .all(|(_, tracking)| tracking[0].weight == Weight::Points(8))
    );
}

#[test]
fn everything_that_is_notified_is_kept() {
    let all = "notify \"/bin/n a\" u g\nnotify_master /bin/m\nnotify_backup /bin/b\nnotify_fault /bin/f\nnotify_stop /bin/s";
    let group = format!("vrrp_sync_group G {{ group {{ A }} {} }}", all.replace('\n', " "));
    let (settings, _) = accepted(&with(
        &group,
        &format!("{all}\nnotify_master_rx_lower_pri /bin/l"),
    ));
    let own = &settings.routers[0].notify;
    let paths = |notify: &crate::vip::Notify| {
        [
            &notify.any,
            &notify.master,
            &notify.backup,
            &notify.fault,
            &notify.stop,
            &notify.master_rx_lower_pri,
        ]
        .map(|program| {
            program
                .as_ref()
                .map_or("", |program| &program.words[0])
                .to_owned()
        })
    };
    assert_eq!(
        paths(own),
        ["/bin/n", "/bin/m", "/bin/b", "/bin/f", "/bin/s", "/bin/l"]
    );
    assert_eq!(
        paths(&settings.groups[0]),
        ["/bin/n", "/bin/m", "/bin/b", "/bin/f", "/bin/s", ""]
    );
    assert_eq!(
        own.any.as_ref().and_then(|any| any.user.clone()),
        Some(("u".to_owned(), Some("g".to_owned())))
    );
}

#[test]
fn there_is_one_fifo() {
    let (settings, warnings) = accepted(&with(
        "global_defs { notify_fifo /run/f u g vrrp_notify_fifo /run/f vrrp_notify_fifo_script \"/bin/r x\" }",
        "",
    ));
    assert_eq!(settings.notify_fifo.as_deref(), Some(Path::new("/run/f")));
    assert_eq!(
        settings.notify_fifo_script.map(|script| script.words),
        Some(vec!["/bin/r".to_owned(), "x".to_owned()])
    );
    assert_eq!(
        warnings,
        "1: warning: notify_fifo: the fifo belongs to the program; its user and group are ignored"
    );
    let found = refused(&with(
        "global_defs { notify_fifo /run/f vrrp_notify_fifo /run/g }",
        "",
    ));
    assert_eq!(
        found,
        "1: vrrp_notify_fifo: there is one fifo only; name the same one, or leave one out"
    );
}

/// Every row, by what becomes of it, in a block that is otherwise whole.
#[test]
fn every_keyword_without_effect_is_accepted_ignored_or_refused() {
    let rows = reference();
    for row in &rows {
        let block = match row.block {
            "the top level" => with(row.name, ""),
            "global_defs" => with(&format!("global_defs {{ {} }}", row.name), ""),
            "vrrp_instance" => with("", row.name),
            "vrrp_sync_group" => with(&format!("vrrp_sync_group G {{ group {{ A }} {} }}", row.name), ""),
            "track_file" => with(
                &format!("track_file f {{ file /f {} }}", row.name),
                "track_file { f }",
            ),
            "vrrp_track_process" => with(
                &format!("vrrp_track_process p {{ process x {} }}", row.name),
                "track_process { p }",
            ),
            _ => continue,
        };
        let said = match read_as(&block, "") {
            Ok((_, findings)) | Err(findings) => lines(&findings),
        };
        let about = |what: &str| said.contains(&format!("{} {what}: {}", row.name, row.doc));
        match row.fate {
            Fate::Moot => assert!(!said.contains(row.name), "{said}"),
            Fate::Ignored => assert!(about("is ignored"), "{said}"),
            Fate::Refused if row.name == "include" => assert!(said.contains("include needs"), "{said}"),
            Fate::Refused => assert!(about("is not supported"), "{said}"),
            Fate::Supported => assert!(!said.contains("is not a keyword"), "{said}"),
        }
    }
    assert!(rows.len() > 250, "only {} rows", rows.len());
    let mut names: Vec<_> = rows.iter().map(|row| (row.block, row.name)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a keyword stands twice in its block");
    assert!(
        rows.iter()
            .all(|row| !row.doc.is_empty() && !row.doc.ends_with('.'))
    );
}

#[test]
fn the_rest_of_the_node_is_kept() {
    let settings = clean(&with(
        "global_defs { router_id X vrrp_rt_priority 7 vrrp_startup_delay 1.5 vrrp_garp_interval 0.01 \
         vrrp_gna_interval 0.02 enable_script_security dynamic_interfaces allow_if_changes max_auto_priority 99 \
         vrrp_skip_check_adv_addr }",
        "skip_check_adv_addr on",
    ));
    assert_eq!(settings.router_id.as_deref(), Some("X"));
    assert_eq!(settings.realtime_priority, Some(7));
    assert_eq!(settings.node.startup_delay, Duration::from_millis(1500));
    assert_eq!(
        (settings.arp_interval, settings.na_interval),
        (Duration::from_millis(10), Duration::from_millis(20))
    );
}
