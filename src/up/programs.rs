//! The programs that a role can be: how each is checked, started, told of changes, and what it may do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use weir_config::site::render::Format;
use weir_config::site::{AuthServer, FrontServer, Node, ResolveServer, RoleName, VipServer};
use weir_linux::privileges::Capability;

use Capability::{
    Chown, DacOverride, IpcLock, Kill, NetAdmin, NetBindService, NetRaw, SetUser, SysNice, SysResource,
};

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    WeirFront,
    Dnsdist,
    WeirVip,
    Keepalived,
    Named,
    Unbound,
}

/// How a program lets know that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It says so on `NOTIFY_SOCKET`.
    Notifies,
    /// It answers a question.
    Answers,
    /// It has been started; there is nobody to ask.
    Runs,
}

/// When a program is told that its configuration is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rereads {
    /// Always (`SIGHUP`): files that the configuration names may have changed too.
    Always,
    /// When its configuration has changed (`SIGHUP`): to read it again costs something.
    WhenChanged,
    /// Never: it ends and starts again when its configuration has changed.
    Never,
}

/// Who a role's program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// What the system calls it.
    pub(super) name: String,
    /// Its numbers.
    pub(super) account: weir_linux::privileges::Account,
}

/// What the command line of a program needs to know.
pub(super) struct Circumstances<'a> {
    /// This program's own file.
    pub(super) own: &'a Path,
    /// The configuration.
    pub(super) file: &'a Path,
    /// Where status sockets are.
    pub(super) run: &'a Path,
    /// The user to become.
    pub(super) user: Option<&'a User>,
    /// The node's front end, for the program that watches it.
    pub(super) front: Option<SocketAddr>,
}

impl Program {
    /// The program that has the role on a node.
    pub(super) fn of(node: &Node, role: RoleName) -> Option<Self> {
        match role {
            RoleName::Front => node.roles.front.map(|server| match server {
                FrontServer::Weir => Self::WeirFront,
                FrontServer::Dnsdist => Self::Dnsdist,
            }),
            RoleName::Vip => node.roles.vip.map(|server| match server {
                VipServer::Weir => Self::WeirVip,
                VipServer::Keepalived => Self::Keepalived,
            }),
            RoleName::Auth => node.roles.auth.map(|server| match server {
                AuthServer::Named => Self::Named,
            }),
            RoleName::Resolve => node.roles.resolve.map(|server| match server {
                ResolveServer::Unbound => Self::Unbound,
                ResolveServer::Named => Self::Named,
            }),
        }
    }

    /// What operators call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::WeirFront => "weir front",
            Self::Dnsdist => "dnsdist",
            Self::WeirVip => "weir vip",
            Self::Keepalived => "keepalived",
            Self::Named => "named",
            Self::Unbound => "unbound",
        }
    }

    /// The format of its configuration.
    pub(super) const fn format(self) -> Format {
        match self {
            Self::WeirFront | Self::Dnsdist => Format::Dnsdist,
            Self::WeirVip | Self::Keepalived => Format::Keepalived,
            Self::Named => Format::Named,
            Self::Unbound => Format::Unbound,
        }
    }

    /// The name of its configuration.
    pub(super) fn file(self) -> String {
        format!("{}.conf", self.format())
    }

    pub(super) const fn readiness(self) -> Readiness {
        match self {
            Self::WeirFront | Self::WeirVip => Readiness::Notifies,
            Self::Named | Self::Unbound => Readiness::Answers,
            // With `NOTIFY_SOCKET`, dnsdist takes it that a service manager has changed its user, and refuses to.
            Self::Dnsdist | Self::Keepalived => Readiness::Runs,
        }
    }

    pub(super) const fn rereads(self) -> Rereads {
        match self {
            Self::WeirFront | Self::Named => Rereads::Always,
            // keepalived and weir vip would announce what has not changed, unbound forgets what it has cached.
            Self::WeirVip | Self::Keepalived | Self::Unbound => Rereads::WhenChanged,
            Self::Dnsdist => Rereads::Never,
        }
    }

    /// The users that it becomes, the first that exists; none for a program that stays root.
    pub(super) const fn users(self) -> &'static [&'static str] {
        match self {
            Self::WeirFront => &["weir", "nobody"],
            Self::Dnsdist => &["_dnsdist", "dnsdist"],
            Self::Named => &["bind", "named"],
            Self::Unbound => &["unbound"],
            Self::WeirVip | Self::Keepalived => &[],
        }
    }

    /// What it may do as root; those that become another user give up most of it themselves.
    pub(super) const fn capabilities(self) -> &'static [Capability] {
        match self {
            // Its files belong to the user that it becomes, also while it reads them as root.
            Self::WeirFront | Self::Dnsdist => &[NetBindService, NetRaw, SetUser, DacOverride],
            Self::WeirVip => &[NetAdmin, NetRaw, SysNice, IpcLock],
            // It starts its scripts as any user, and writes where its package says.
            Self::Keepalived => &[
                NetAdmin,
                NetRaw,
                NetBindService,
                SysNice,
                IpcLock,
                SetUser,
                Kill,
                DacOverride,
            ],
            // Both own what they write, and raise the number of files that they may open.
            Self::Named | Self::Unbound => &[NetBindService, SetUser, Chown, DacOverride, SysResource],
        }
    }

    /// The command that checks a configuration.
    pub(super) fn checker(self, own: &Path, file: &Path) -> Command {
        let (program, words): (&Path, &[&str]) = match self {
            Self::WeirFront => (own, &["front", "--check-config", "-C"]),
            Self::Dnsdist => (Path::new("dnsdist"), &["--check-config", "-C"]),
            Self::WeirVip => (own, &["vip", "-t", "-f"]),
            Self::Keepalived => (Path::new("keepalived"), &["-t", "-f"]),
            Self::Named => (Path::new("named-checkconf"), &[]),
            Self::Unbound => (Path::new("unbound-checkconf"), &[]),
        };
        let mut command = Command::new(program);
        command.args(words).arg(file);
        command
    }

    /// The words that start it: in the foreground, with its journal on standard output or error.
    pub(super) fn words(self, given: &Circumstances<'_>) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let (own, file) = (path(given.own), path(given.file));
        let user = given.user.map(|user| user.name.as_str());
        let mut words: Vec<String> = match self {
            Self::WeirFront => vec![own, "front".into(), "--supervised".into(), "-C".into(), file],
            Self::Dnsdist => ["dnsdist", "--supervised", "--disable-syslog", "-C", &file]
                .map(str::to_owned)
                .into(),
            Self::WeirVip => {
                let run = path(given.run);
                vec![own, "vip".into(), "-f".into(), file, "--run".into(), run]
            }
            Self::Keepalived => {
                let pid = |name: &str| path(&given.file.with_file_name(name));
                let (parent, child) = (pid("keepalived.pid"), pid("vrrp.pid"));
                [
                    "keepalived",
                    "-n",
                    "-l",
                    "-P",
                    "-f",
                    &file,
                    "-p",
                    &parent,
                    "-r",
                    &child,
                ]
                .map(str::to_owned)
                .into()
            }
            Self::Named => ["named", "-g", "-c", &file].map(str::to_owned).into(),
            Self::Unbound => ["unbound", "-d", "-p", "-c", &file].map(str::to_owned).into(),
        };
        match (self, user, given.user) {
            (Self::WeirFront | Self::Dnsdist, Some(name), Some(user)) => {
                let group = user.account.group.0.to_string();
                words.extend(["-u", name, "-g", &group].map(str::to_owned));
            }
            (Self::Named, Some(name), _) => words.extend(["-u", name].map(str::to_owned)),
            (Self::WeirVip, ..) => {
                let front = given.front.iter().map(ToString::to_string);
                words.extend(front.flat_map(|front| ["--front".to_owned(), front]));
            }
            // unbound reads its user from its file.
            _ => {}
        }
        words
    }
}
