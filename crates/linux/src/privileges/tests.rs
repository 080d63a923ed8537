//! What cannot be undone is tried in a process of its own.

use super::*;
use crate::apart::assert_passes_apart;

/// Whether we are root; says so when not, as a test that did nothing must not look like one that did.
fn is_root(test: &str) -> bool {
    let root = process::geteuid().is_root();
    if !root {
        println!("SKIPPED {test}: needs root");
    }
    root
}

/// A line of this thread's status, as the kernel prints it.
fn status(field: &str) -> String {
    let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':')
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn names_and_numbers_are_resolved() {
    assert_eq!(resolve_user("root").unwrap(), Uid(0));
    assert_eq!(resolve_group("root").unwrap(), Gid(0));
    assert_eq!(resolve_user("12345").unwrap(), Uid(12345));
    assert_eq!(resolve_group("12345").unwrap(), Gid(12345));
}

#[test]
fn an_account_has_its_own_group_unless_another_is_asked_for() {
    let account = |user, group| Account {
        user: Uid(user),
        group: Gid(group),
    };
    assert_eq!(resolve_account("root", None).unwrap(), account(0, 0));
    assert_eq!(resolve_account("0", None).unwrap(), account(0, 0));
    assert_eq!(resolve_account("root", Some("12345")).unwrap(), account(0, 12345));
    assert_eq!(resolve_account("12345", Some("root")).unwrap(), account(12345, 0));
    let error = resolve_account("12345", None).unwrap_err();
    assert_eq!(error.to_string(), "no user named 12345");
}

#[test]
fn an_unknown_name_is_named_in_the_error() {
    let error = resolve_user("nobody-by-this-name").unwrap_err();
    assert_eq!(error.to_string(), "no user named nobody-by-this-name");
    assert_eq!(resolve_group("-1").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(resolve_user("zero\0byte").is_err());
}

#[test]
fn the_buffer_grows_until_the_entry_fits_but_not_for_ever() {
    let fits = look_up(|buffer| {
        if buffer.len() < 50_000 {
            (libc::ERANGE, None)
        } else {
            (0, Some(7))
        }
    });
    assert_eq!(fits.unwrap(), Some(7));
    let error = look_up(|_| (libc::ERANGE, None::<u32>)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ERANGE));
}

#[test]
fn root_becomes_an_ordinary_user_with_one_capability() {
    if is_root("root_becomes_an_ordinary_user_with_one_capability") {
        assert_passes_apart("privileges::tests::apart_drop_and_keep_one");
    }
}

/// A supplementary group, to be left.
static EXTRA_GROUP: libc::gid_t = 4242;

#[test]
#[ignore = "run by root_becomes_an_ordinary_user_with_one_capability"]
fn apart_drop_and_keep_one() {
    // SAFETY: the kernel reads one number from a list of one.
    assert_eq!(unsafe { libc::setgroups(1, &raw const EXTRA_GROUP) }, 0);
    assert_eq!(status("Groups"), EXTRA_GROUP.to_string());
    drop_to(Some(Uid(65534)), Some(Gid(65533)), &[Capability::NetBindService]).unwrap();
    assert_eq!(status("Uid"), "65534 65534 65534 65534");
    assert_eq!(status("Gid"), "65533 65533 65533 65533");
    assert_eq!(status("Groups"), "");
    assert_eq!(status("CapPrm"), "0000000000000400");
    assert_eq!(status("CapEff"), "0000000000000400");
    assert_eq!(status("NoNewPrivs"), "1");
    std::net::UdpSocket::bind("127.0.0.2:77").unwrap();
    assert_eq!(
        std::thread::spawn(|| status("CapEff")).join().unwrap(),
        "0000000000000400"
    );
    // What is gone is gone, and a second drop by an ordinary user is no error.
    assert!(drop_to(Some(Uid(0)), None, &[]).is_err());
    drop_to(Some(Uid(65534)), Some(Gid(65533)), &[Capability::NetRaw]).unwrap();
    assert_eq!(status("CapPrm"), "0000000000000000");
}

#[test]
fn the_error_names_the_step() {
    if is_root("the_error_names_the_step") {
        assert_passes_apart("privileges::tests::apart_refused_step");
    }
}

#[test]
#[ignore = "run by the_error_names_the_step"]
fn apart_refused_step() {
    drop_to(Some(Uid(65534)), None, &[]).unwrap();
    let error = drop_to(None, Some(Gid(0)), &[]);
    // Only the group number 0 that this process has kept may be set again.
    assert!(error.is_ok());
    let error = drop_to(None, Some(Gid(4)), &[]).unwrap_err();
    assert!(error.to_string().starts_with("changing the group: "), "{error}");
}

#[test]
fn the_parent_is_checked_after_asking() {
    assert_passes_apart("privileges::tests::apart_die_with_parent");
}

#[test]
#[ignore = "run by the_parent_is_checked_after_asking"]
fn apart_die_with_parent() {
    let parent = std::env::var("WEIR_TEST_PARENT").unwrap().parse().unwrap();
    die_with_parent(parent).unwrap();
    assert_eq!(
        process::parent_process_death_signal().unwrap(),
        Some(process::Signal::TERM)
    );
    assert_eq!(
        die_with_parent(u32::MAX).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let hard = raise_open_files().unwrap();
    let limit = process::getrlimit(Resource::Nofile);
    assert_eq!(
        (limit.current, limit.maximum.unwrap_or(u64::MAX)),
        (limit.maximum, hard)
    );
}
