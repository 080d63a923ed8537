use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use weir_lab::{Scratch, wait_for};

use super::*;
use crate::apart::assert_passes_apart;
use crate::privileges::{Gid, Uid};
use crate::seqpacket::{Delivery, Seqpacket};
use crate::signals::Signals;

const PATIENCE: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Waits for the end and returns how it was.
fn wait(child: &mut Child) -> ExitStatus {
    poll(&mut [PollFd::new(child, PollFlags::IN)], None).unwrap();
    child.try_wait().unwrap().unwrap()
}

/// Runs a script to its end and returns what it printed.
fn output(script: &str, launch: &Launch<'_>) -> String {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = shell(script);
    command.stdout(writer);
    let mut child = spawn(command, launch).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(wait(&mut child).success(), "{script}");
    text.trim().to_owned()
}

#[test]
fn the_end_of_a_child_is_seen_and_reaped_once() {
    let mut child = spawn(shell("exit 3"), &Launch::default()).unwrap();
    assert_eq!(wait(&mut child).code(), Some(3));
    assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
    assert_eq!(
        child.end(Ending::Force).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    let proc = format!("/proc/{}", child.id());
    wait_for("it is reaped", PATIENCE, || !fs::exists(&proc).unwrap()).unwrap();
    assert!(child.refusal().is_none());
    let missing = spawn(Command::new("/no/such/program"), &Launch::default());
    assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_child_that_is_not_waited_for_runs_like_any_other() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = shell("cat; echo $$ $(cut -d' ' -f5 /proc/$$/stat); exit 3");
    command.stdin(Stdio::null()).stdout(writer);
    let mut child = start(command, &Launch::default()).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text.trim(), format!("{0} {0}", child.id()), "it leads its group");
    assert_eq!(wait(&mut child).code(), Some(3));
    assert!(child.refusal().is_none());
}

#[test]
fn a_child_that_is_not_waited_for_says_afterwards_why_it_did_not_run() {
    let mut child = start(Command::new("/no/such/program"), &Launch::default()).unwrap();
    assert_eq!(wait(&mut child).code(), Some(127));
    assert_eq!(child.refusal().unwrap().kind(), io::ErrorKind::NotFound);
    let mut command = shell("exit 127");
    let mut child = start(command, &Launch::default()).unwrap();
    assert_eq!(wait(&mut child).code(), Some(127));
    assert!(child.refusal().is_none(), "a status of the program's own");
    command = shell("true");
    command.env("A", "b");
    let refused = start(command, &Launch::default());
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_program_that_cannot_be_read_holds_up_its_child_only() {
    let scratch = Scratch::create().unwrap();
    let program = scratch.write("program", "#!/bin/sh\nexit 5\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    // As on a file system that does not answer, whoever opens the file waits.
    let lease = Lease::take(&program);
    let (near, far) = Seqpacket::pair().unwrap();
    let mut stuck = [0; 2].map(|_| start(Command::new(&program), &Launch::default()).unwrap());
    wait_for("both are where they stay", PATIENCE, || {
        stuck.iter().all(|child| waits(child.id()))
    })
    .unwrap();
    drop(far);
    let mut is_closed = || near.receive(&mut [0]).unwrap() == Delivery::Closed;
    wait_for("they have no copy of what we close", PATIENCE, &mut is_closed).unwrap();
    let [killed, released] = &mut stuck;
    killed.end(Ending::Force).unwrap();
    assert_eq!(wait(killed).signal(), Some(libc::SIGKILL));
    assert_eq!(released.try_wait().unwrap(), None);
    drop(lease);
    assert_eq!(wait(released).code(), Some(5));
}

/// A file that nobody else can open as long as this lives (fcntl(2), `F_SETLEASE`).
struct Lease(fs::File);

impl Lease {
    /// "Tell me by this signal" (fcntl(2)); no name in libc.
    const F_SETSIG: libc::c_int = 10;

    fn take(path: &Path) -> Self {
        let file = fs::File::open(path).unwrap();
        let fd = file.as_raw_fd();
        // SAFETY: takes numbers only. Whoever waits is announced by a signal that is ignored unless it is handled.
        unsafe { libc::fcntl(fd, Self::F_SETSIG, libc::SIGURG) };
        // A child that another test starts just now may have the file open, as it was written.
        // SAFETY: takes numbers only.
        let take = || unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_WRLCK) == 0 };
        wait_for("nobody else has the file open", PATIENCE, take).unwrap();
        Self(file)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Closing it is not enough: the children that wait for it have copies of the descriptor.
        // SAFETY: takes numbers only.
        unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
    }
}

/// Whether a child sleeps and is not its program yet.
fn waits(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.contains(") S ")
        && fs::read_link(format!("/proc/{pid}/exe")).unwrap() == std::env::current_exe().unwrap()
}

#[test]
fn a_child_goes_on_as_an_adopted_one() {
    let child = spawn(shell("exit 4"), &Launch::default()).unwrap();
    let pid = child.id();
    drop(child);
    let mut adopted = Child::adopt(pid).unwrap();
    assert_eq!(wait(&mut adopted).code(), Some(4));
    wait_for("it is reaped", PATIENCE, || Child::adopt(pid).is_err()).unwrap();
    let mut stranger = Child::adopt(parent_id()).unwrap();
    assert_eq!(
        stranger.try_wait().unwrap_err().raw_os_error(),
        Some(libc::ECHILD)
    );
}

#[test]
fn a_child_ends_with_everything_it_has_started() {
    let mut command = shell("trap '' TERM; sleep 1000 & echo $!; wait");
    let (mut reader, writer) = io::pipe().unwrap();
    command.stdout(writer);
    let mut child = spawn(command, &Launch::default()).unwrap();
    let mut text = [0; 16];
    let length = reader.read(&mut text).unwrap();
    let grandchild: u32 = std::str::from_utf8(&text[..length])
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let watched = Pidfd::open(grandchild).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.end(Ending::Ask).unwrap();
    assert!(!watched.has_exited().unwrap(), "both ignore it");
    child.end(Ending::Force).unwrap();
    assert_eq!(wait(&mut child).signal(), Some(libc::SIGKILL));
    wait_for("the grandchild is gone", PATIENCE, || {
        watched.has_exited().unwrap()
    })
    .unwrap();
}

#[test]
fn a_child_leads_a_group_of_its_own_in_our_session() {
    // Fields of `stat`: process, name, state, parent, group, session.
    let line = output("cat /proc/$$/stat", &Launch::default());
    let fields: Vec<_> = line.split(' ').collect();
    assert_eq!(fields[4], fields[0]);
    let ours = fs::read_to_string("/proc/self/stat").unwrap();
    let ours = ours.rsplit_once(") ").unwrap().1;
    assert_eq!(
        fields[5],
        ours.split(' ').nth(3).unwrap(),
        "a new session waits for its turn"
    );
    assert_eq!(fields[3], process::id().to_string());
}

#[test]
fn our_signal_mask_is_not_inherited() {
    assert_passes_apart("child::tests::apart_signal_mask");
}

#[test]
#[ignore = "run by our_signal_mask_is_not_inherited"]
fn apart_signal_mask() {
    let _signals = Signals::block().unwrap();
    let mask = |field: &str| {
        let text = output(&format!("grep {field} /proc/self/status"), &Launch::default());
        u64::from_str_radix(text.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    assert_eq!(mask("SigBlk"), 0);
    assert_eq!(mask("SigIgn") & 1 << (libc::SIGPIPE - 1), 0);
}

#[test]
fn only_descriptors_that_are_named_are_inherited() {
    let (near, far) = Seqpacket::pair().unwrap();
    let (_, other) = Seqpacket::pair().unwrap();
    let (kept, closed) = (far.number(), other.number());
    let script = format!("test -S /proc/$$/fd/{kept} && test ! -e /proc/$$/fd/{closed}");
    let launch = Launch {
        inherit: &[far.as_fd()],
        ..Launch::default()
    };
    assert_eq!(output(&script, &launch), "");
    drop(far);
    // A child that another test starts just now has a copy of the other end until it becomes its program.
    let mut is_closed = || near.receive(&mut [0]).unwrap() == Delivery::Closed;
    wait_for("the other end is closed", PATIENCE, &mut is_closed).unwrap();
}

#[test]
#[ignore = "needs root: another user"]
fn lab_a_child_runs_as_the_user_that_is_asked_for_and_no_group_more() {
    let account = Account {
        user: Uid(65534),
        group: Gid(65533),
    };
    let launch = Launch {
        account: Some(account),
        with_parent: Some(Ending::Ask),
        ..Launch::default()
    };
    assert_eq!(output("id -u; id -G", &launch), "65534\n65533");
}

#[test]
fn a_child_ends_with_its_parent_when_asked_to() {
    let scratch = Scratch::create().unwrap();
    let file = scratch.path().join("pid");
    // The parent is the process of the test that is run apart: it leaves its child behind.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "child::tests::apart_leave_a_child_behind"]);
    command.env("WEIR_TEST_FILE", &file);
    assert!(command.output().unwrap().status.success());
    let pid: u32 = fs::read_to_string(&file).unwrap().parse().unwrap();
    let running = || {
        crate::processes::list()
            .unwrap()
            .iter()
            .any(|running| running.pid == pid)
    };
    wait_for("the child is gone", PATIENCE, || !running()).unwrap();
}

#[test]
#[ignore = "run by a_child_ends_with_its_parent_when_asked_to"]
fn apart_leave_a_child_behind() {
    let launch = Launch {
        with_parent: Some(Ending::Force),
        ..Launch::default()
    };
    let mut command = Command::new("sleep");
    command
        .arg("1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = spawn(command, &launch).unwrap();
    fs::write(std::env::var("WEIR_TEST_FILE").unwrap(), child.id().to_string()).unwrap();
}

#[test]
fn who_parts_is_no_child_of_its_parent_any_more() {
    assert_passes_apart("child::tests::apart_part");
}

#[test]
#[ignore = "run by who_parts_is_no_child_of_its_parent_any_more"]
fn apart_part() {
    // The harness has threads; a child that it forks has one.
    let (mut reader, mut writer) = io::pipe().unwrap();
    // SAFETY: the child allocates nothing that the harness' other thread, which waits for this one, could have locked.
    match unsafe { libc::fork() } {
        0 => {
            let parted = part(c"parted").is_ok();
            let _ = writer.write_all(&[u8::from(parted)]);
            let _ = writer.write_all(&process::id().to_ne_bytes());
            std::thread::park();
        }
        child => {
            let child = Pid::from_raw(child).unwrap();
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
            let (mut parted, mut pid) = ([0], [0; 4]);
            reader.read_exact(&mut parted).unwrap();
            reader.read_exact(&mut pid).unwrap();
            let pid = u32::from_ne_bytes(pid);
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            Pidfd::open(pid).unwrap().end(Ending::Force).unwrap();
            let fields: Vec<_> = stat.split(' ').collect();
            assert_eq!((parted, fields[1]), ([1], "(parted)"));
            assert_ne!(fields[3], process::id().to_string());
        }
    }
}

#[test]
fn a_hang_up_reaches_the_child_until_it_is_reaped() {
    let mut command = shell("trap 'exit 7' HUP; echo; while :; do sleep 0.01; done");
    let (mut reader, writer) = io::pipe().unwrap();
    command.stdout(writer);
    let mut child = spawn(command, &Launch::default()).unwrap();
    reader.read_exact(&mut [0]).unwrap();
    child.hang_up().unwrap();
    assert_eq!(wait(&mut child).code(), Some(7));
    assert_eq!(child.hang_up().unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
#[ignore = "needs root: it limits what a root may do"]
fn lab_a_root_can_do_no_more_than_it_is_given() {
    let launch = Launch {
        at_most: Some(&[Capability::NetBindService, Capability::SetUser]),
        ..Launch::default()
    };
    // CAP_SETGID is 6, CAP_SETUID is 7, CAP_NET_BIND_SERVICE is 10.
    let text = output("grep -E '^Cap(Bnd|Eff):' /proc/self/status", &launch);
    let sets: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(sets, ["00000000000004c0"; 2]);
}
