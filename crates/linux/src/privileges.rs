//! Giving up what a started server no longer needs, and asking for what it does.
//!
//! Privileges belong to threads, as far as the kernel is concerned. The C library spreads a change of user to
//! all threads, nothing spreads a change of capabilities. Therefore **everything here is called before the
//! first thread is started**, which then inherits it.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use rustix::process::{self, Resource, Rlimit};
use rustix::thread::{self, CapabilitySet, CapabilitySets};

/// A user's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uid(pub u32);

/// A group's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gid(pub u32);

/// What a server may keep doing, as an ordinary user or as a root who may do little else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Bind ports below 1024: a reload that adds a listener needs it.
    NetBindService,
    /// Open raw sockets, and bind sockets to interfaces.
    NetRaw,
    /// Change interfaces, addresses and routes.
    NetAdmin,
    /// Become another user, and leave groups.
    SetUser,
    /// Give files away.
    Chown,
    /// Run before other programs.
    SysNice,
    /// Keep memory from being paged out.
    IpcLock,
    /// Signal processes of others.
    Kill,
    /// Read and write files of others.
    DacOverride,
    /// Raise limits.
    SysResource,
}

/// Whether this process may become others: it is root.
pub fn is_root() -> bool {
    process::geteuid().is_root()
}

/// Finds a user by name, or by number if there is no such name.
///
/// # Errors
/// `NotFound`, or what the system's user database says.
pub fn resolve_user(name: &str) -> io::Result<Uid> {
    Ok(match look_up_user(name)? {
        Some(account) => account.user,
        None => Uid(name.parse().map_err(|_| not_found("user", name))?),
    })
}

/// Who runs something: a user and one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: Uid,
    /// The group.
    pub group: Gid,
}

/// Finds a user and a group by name or number; without a group, the user's own.
///
/// # Errors
/// `NotFound`, also for a user of which nothing but a number is known when no group is given; or what the system's
/// user database says.
pub fn resolve_account(user: &str, group: Option<&str>) -> io::Result<Account> {
    if let Some(group) = group {
        return Ok(Account {
            user: resolve_user(user)?,
            group: resolve_group(group)?,
        });
    }
    let by_number = |number: u32| look_up(|buffer| query_user(Name::Number(number), buffer));
    match look_up_user(user)? {
        Some(account) => Ok(account),
        None => user
            .parse()
            .ok()
            .map(by_number)
            .transpose()?
            .flatten()
            .ok_or_else(|| not_found("user", user)),
    }
}

fn look_up_user(name: &str) -> io::Result<Option<Account>> {
    let name = CString::new(name)?;
    look_up(|buffer| query_user(Name::Text(&name), buffer))
}

/// What a user is looked up by.
#[derive(Clone, Copy)]
enum Name<'a> {
    Text(&'a CStr),
    Number(u32),
}

/// One question to the user database: an error number, or zero and the user if there is one.
fn query_user(name: Name<'_>, buffer: &mut [libc::c_char]) -> (libc::c_int, Option<Account>) {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut result = ptr::null_mut();
    let (start, length) = (buffer.as_mut_ptr(), buffer.len());
    // SAFETY: all pointers lead to memory that lives across the call, the name ends with a zero byte, and the length
    // is the buffer's. The entry is read only when `result` says that it has been written.
    unsafe {
        let error = match name {
            Name::Text(name) => {
                libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), start, length, &raw mut result)
            }
            Name::Number(number) => {
                libc::getpwuid_r(number, entry.as_mut_ptr(), start, length, &raw mut result)
            }
        };
        let account = (!result.is_null()).then(|| Account {
            user: Uid(entry.assume_init_ref().pw_uid),
            group: Gid(entry.assume_init_ref().pw_gid),
        });
        (error, account)
    }
}

/// Finds a group by name, or by number if there is no such name.
///
/// # Errors
/// `NotFound`, or what the system's group database says.
pub fn resolve_group(name: &str) -> io::Result<Gid> {
    let c_name = CString::new(name)?;
    let found = look_up(|buffer| {
        let mut entry = MaybeUninit::<libc::group>::uninit();
        let mut result = ptr::null_mut();
        // SAFETY: as in `query_user`.
        unsafe {
            let error = libc::getgrnam_r(
                c_name.as_ptr(),
                entry.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut result,
            );
            (error, (!result.is_null()).then(|| entry.assume_init_ref().gr_gid))
        }
    })?;
    found
        .or_else(|| name.parse().ok())
        .map(Gid)
        .ok_or_else(|| not_found("group", name))
}

/// Calls `query` with a growing buffer until the entry fits.
fn look_up<T>(
    mut query: impl FnMut(&mut [libc::c_char]) -> (libc::c_int, Option<T>),
) -> io::Result<Option<T>> {
    /// A group with ten thousand members fits; a directory service that sends more is out of order.
    const LIMIT_BYTES: usize = 1 << 20;
    let mut buffer = vec![0; 1 << 12];
    loop {
        match query(&mut buffer) {
            (0, found) => return Ok(found),
            (libc::ERANGE, _) if buffer.len() < LIMIT_BYTES => buffer.resize(buffer.len() * 4, 0),
            // "Not found" to some of the databases behind this call, as its manual page warns.
            (libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM, _) => return Ok(None),
            (error, _) => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn not_found(kind: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no {kind} named {name}"))
}

/// Becomes `user` and `group`, where given, for good: no supplementary groups, no capabilities but those in
/// `keep` (of which only those held can be kept), and no way to gain new ones by executing a program.
///
/// A process that has not been started as root keeps the groups that its supervisor chose.
///
/// # Errors
/// The step that failed and the kernel's reason. The process is then in between and must exit.
pub fn drop_to(user: Option<Uid>, group: Option<Gid>, keep: &[Capability]) -> io::Result<()> {
    let held = step(
        "reading capabilities",
        thread::capabilities(None).map_err(io::Error::from),
    )?;
    step(
        "keeping capabilities",
        thread::set_keep_capabilities(true).map_err(io::Error::from),
    )?;
    if (user.is_some() || group.is_some()) && held.effective.contains(CapabilitySet::SETGID) {
        // SAFETY: an empty list is read nowhere.
        step(
            "leaving supplementary groups",
            check(unsafe { libc::setgroups(0, ptr::null()) }),
        )?;
    }
    if let Some(Gid(gid)) = group {
        // SAFETY: takes numbers only.
        step(
            "changing the group",
            check(unsafe { libc::setresgid(gid, gid, gid) }),
        )?;
    }
    if let Some(Uid(uid)) = user {
        // SAFETY: takes numbers only.
        step(
            "changing the user",
            check(unsafe { libc::setresuid(uid, uid, uid) }),
        )?;
    }
    let kept = set_of(keep) & held.permitted;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    step(
        "dropping capabilities",
        thread::set_capabilities(None, sets).map_err(io::Error::from),
    )?;
    step(
        "forbidding new privileges",
        thread::set_no_new_privs(true).map_err(io::Error::from),
    )
}

impl Capability {
    const fn set(self) -> CapabilitySet {
        match self {
            Self::NetBindService => CapabilitySet::NET_BIND_SERVICE,
            Self::NetRaw => CapabilitySet::NET_RAW,
            Self::NetAdmin => CapabilitySet::NET_ADMIN,
            Self::SetUser => CapabilitySet::SETUID.union(CapabilitySet::SETGID),
            Self::Chown => CapabilitySet::CHOWN,
            Self::SysNice => CapabilitySet::SYS_NICE,
            Self::IpcLock => CapabilitySet::IPC_LOCK,
            Self::Kill => CapabilitySet::KILL,
            Self::DacOverride => CapabilitySet::DAC_OVERRIDE,
            Self::SysResource => CapabilitySet::SYS_RESOURCE,
        }
    }
}

/// Capabilities as the kernel has them.
pub(crate) fn set_of(capabilities: &[Capability]) -> CapabilitySet {
    capabilities.iter().map(|capability| capability.set()).collect()
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn step<T>(what: &str, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}

/// Asks the kernel to send us `SIGTERM` when the thread that started us ends, and checks that `parent`, which
/// the caller learned from it, still is our parent: it may have ended before we asked.
///
/// # Errors
/// `NotFound` when the parent is gone already.
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    process::set_parent_process_death_signal(Some(process::Signal::TERM))?;
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Raises the number of files and sockets that may be open to the hard limit, and returns it.
///
/// # Errors
/// None on a sound kernel.
pub fn raise_open_files() -> io::Result<u64> {
    let limit = process::getrlimit(Resource::Nofile);
    process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
