//! What each role of a node is run with: rendered from the site file, written, checked, put in place.
//!
//! A role's files are its user's alone (mode 0600 in a folder of mode 0700), for they hold passwords. They are first
//! written to a folder of their own and checked there by the program that they are for; only when everything is right
//! does [`Shares::install`] put them where the programs read them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_config::Secret;
use weir_config::site::render::{self, password_file, password_text};
use weir_config::site::{Node, RoleName, SecretSource, Site, StatusPage, VrrpVersion};
use weir_linux::child::{Ending, Launch, spawn};
use weir_linux::poll::{Events, Interest, Poller};
use weir_linux::privileges::resolve_account;
use weir_wire::Timestamp;

use super::programs::{Circumstances, Program, Readiness, Rereads, User};
use super::supervision::Change;
use super::{Options, Source, trial};
use crate::clock::now;
use crate::site_file;

/// Every role, in no order that matters.
pub(super) const ROLES: [RoleName; 4] = [RoleName::Front, RoleName::Vip, RoleName::Auth, RoleName::Resolve];
/// How long all checks of a site file may take together.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(8);
/// How much of what a check says is passed on.
const MAX_SAID_BYTES: u64 = 4096;
/// The name under which a front end finds the password of its status page.
const PAGE_PASSWORD: &str = "status-page";
/// Where files are checked.
pub(super) const DRAFTS: &str = "check";

/// Everything that runs on a node.
#[derive(Debug)]
pub(super) struct Shares {
    /// What the site is called.
    pub(super) site: String,
    /// The node.
    pub(super) node: String,
    /// Of the site file; empty without one.
    pub(super) digest: String,
    /// At most one per role.
    pub(super) shares: Vec<Share>,
}

/// What one role is run with.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) role: RoleName,
    pub(super) program: Program,
    /// Where it is asked whether it answers.
    pub(super) address: Option<SocketAddr>,
    pub(super) user: Option<User>,
    /// The command that starts it.
    pub(super) words: Vec<String>,
    files: Vec<Text>,
}

/// A file to be.
#[derive(Debug)]
pub(super) struct Text {
    name: String,
    text: Secret,
}

impl Text {
    pub(super) fn new(name: impl Into<String>, text: Secret) -> Self {
        Self {
            name: name.into(),
            text,
        }
    }
}

impl Shares {
    /// Reads the site file and checks everything that follows from it. Nothing that runs notices.
    ///
    /// # Errors
    /// What to tell the operator.
    pub(super) fn prepare(options: &Options) -> Result<Self, String> {
        let prepared = match &options.source {
            Source::Site { file, node } => of_site(options, &site_file::load(file)?, node.as_deref()),
            Source::Trial(address) => trial::shares(options, *address),
        };
        // Drafts hold secrets too.
        let _ = fs::remove_dir_all(options.run.join(DRAFTS));
        prepared
    }

    /// Puts the files where the programs read them, all of them or none.
    ///
    /// # Errors
    /// No room, or no right to write there.
    pub(super) fn install(&self, options: &Options) -> io::Result<()> {
        let mut written = Vec::new();
        for share in &self.shares {
            let folder = options.folder(share.role);
            make_private(&folder, share.user.as_ref())?;
            for file in &share.files {
                let new = folder.join(format!(".{}.new", file.name));
                write_private(&new, &file.text, share.user.as_ref())?;
                written.push((new, folder.join(&file.name)));
            }
        }
        for (new, place) in written {
            fs::rename(new, place)?;
        }
        Ok(())
    }

    /// What these mean for the roles that run with `old`.
    pub(super) fn changes(&self, old: &Self) -> Vec<(RoleName, Change)> {
        let change = |share: &Share| {
            let Some(before) = old.share(share.role) else {
                return Change::Keep;
            };
            if (share.program, share.flags(), &share.user) != (before.program, before.flags(), &before.user) {
                return Change::Restart;
            }
            let is_same = share.says(&self.digest) == before.says(&old.digest);
            match (share.program.rereads(), is_same) {
                (Rereads::Always, _) | (Rereads::WhenChanged, false) => Change::Reload,
                (Rereads::Never, false) => Change::Restart,
                (Rereads::WhenChanged | Rereads::Never, true) => Change::Keep,
            }
        };
        let shares = self.shares.iter();
        shares.map(|share| (share.role, change(share))).collect()
    }

    /// Puts one role's share in the place of the one that there is.
    pub(super) fn replace(&mut self, new: Share) {
        if let Some(place) = self.shares.iter_mut().find(|share| share.role == new.role) {
            *place = new;
        }
    }

    /// Takes one role's share away.
    pub(super) fn take(&mut self, role: RoleName) -> Option<Share> {
        let at = self.shares.iter().position(|share| share.role == role)?;
        Some(self.shares.swap_remove(at))
    }

    /// Where files differ from what is in place, that is what the roles run with: they were written by another program.
    pub(super) fn read_installed(&mut self, options: &Options) {
        for share in &mut self.shares {
            let folder = options.folder(share.role);
            for file in &mut share.files {
                if let Ok(text) = fs::read_to_string(folder.join(&file.name)) {
                    file.text = Secret::new(text);
                }
            }
        }
    }

    /// A role's share.
    pub(super) fn share(&self, role: RoleName) -> Option<&Share> {
        self.shares.iter().find(|share| share.role == role)
    }
}

impl Share {
    /// A share without files yet; `front` is the node's front end, for the program that watches it.
    ///
    /// # Errors
    /// There is no user that the program can become.
    pub(super) fn new(
        options: &Options,
        role: RoleName,
        program: Program,
        front: Option<SocketAddr>,
    ) -> Result<Self, String> {
        let user = user(options, program)?;
        let words = program.words(&Circumstances {
            own: &options.own,
            file: &options.folder(role).join(program.file()),
            run: &options.run,
            user: user.as_ref(),
            front,
        });
        Ok(Self {
            role,
            program,
            address: None,
            user,
            words,
            files: Vec::new(),
        })
    }

    /// Checks `draft`, the files as they are in `folder`, and makes `files` its own.
    ///
    /// # Errors
    /// What the program says against them.
    pub(super) fn take(
        &mut self,
        options: &Options,
        draft: &[Text],
        files: Vec<Text>,
        deadline: Timestamp,
    ) -> Result<(), String> {
        let folder = options.draft(self.role);
        let failed = |what: &dyn std::fmt::Display| format!("{}: {what}", self.program.name());
        make_private(&folder, None).map_err(|error| failed(&error))?;
        for file in draft {
            write_private(&folder.join(&file.name), &file.text, None).map_err(|error| failed(&error))?;
        }
        let mut command = self
            .program
            .checker(&options.own, &folder.join(self.program.file()));
        command.env("CREDENTIALS_DIRECTORY", &folder);
        let outcome = run(command, &folder.join("said"), deadline);
        outcome.map_err(|said| failed(&format_args!("its configuration is refused:\n{said}")))?;
        self.files = files;
        Ok(())
    }

    /// What the program is told. Which file it is from is not compared: a process goes on as it is though an upgrade came
    /// to nothing.
    fn flags(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The lines of its files, without those that name the site file.
    fn says<'s>(&'s self, digest: &str) -> Vec<(&'s str, Vec<&'s str>)> {
        let mut all = Vec::new();
        for file in &self.files {
            let lines = file.text.reveal().lines();
            let own = lines.filter(|line| digest.is_empty() || !line.contains(digest));
            all.push((file.name.as_str(), own.collect()));
        }
        all
    }
}

/// What a node's files are rendered from.
struct Origin<'a> {
    site: Site,
    node: &'a Node,
    /// The status page's password; in `site`, it is in the front end's folder.
    page_password: Option<SecretSource>,
}

/// The shares of a site's node, checked.
fn of_site(options: &Options, site: &Site, wanted: Option<&str>) -> Result<Shares, String> {
    let node = node(site, wanted)?;
    let mut origin = Origin {
        site: site.clone(),
        node,
        page_password: None,
    };
    if let StatusPage::Remote { password, .. } = &mut origin.site.monitoring.page {
        let own = SecretSource::Credential(PAGE_PASSWORD.to_owned());
        origin.page_password = Some(std::mem::replace(password, own));
    }
    warn_of_floating(site, node);
    let deadline = now() + CHECK_TIMEOUT;
    let front = node
        .subscriber_addresses()
        .next()
        .filter(|_| node.has(RoleName::Front));
    let front = front.map(|own| SocketAddr::new(own.address, node.port(RoleName::Front)));
    let mut shares = Vec::new();
    for role in ROLES {
        let Some(program) = Program::of(node, role) else {
            continue;
        };
        let mut share = Share::new(options, role, program, front)?;
        if matches!(program, Program::Named | Program::Unbound) {
            let state = options.state(role);
            make_private(&state, share.user.as_ref())
                .map_err(|error| format!("{}: {error}", state.display()))?;
        }
        if program.readiness() == Readiness::Answers {
            let own = node.backend_addresses().next();
            share.address = own.map(|own| SocketAddr::new(own.address, node.port(role)));
        }
        let draft = origin.files(options, &share, &options.draft(role))?;
        let files = origin.files(options, &share, &options.folder(role))?;
        share.take(options, &draft, files, deadline)?;
        shares.push(share);
    }
    Ok(Shares {
        site: site.name.clone(),
        node: node.name.clone(),
        digest: site.digest.to_string(),
        shares,
    })
}

impl Origin<'_> {
    /// The files of a share as they are to be in `folder`.
    fn files(&self, options: &Options, share: &Share, folder: &Path) -> Result<Vec<Text>, String> {
        let state = options.state(share.role);
        let directory = match share.program {
            Program::Named | Program::Unbound => &state,
            Program::WeirFront | Program::Dnsdist | Program::WeirVip | Program::Keepalived => folder,
        };
        let text = render::render(
            share.program.format(),
            &self.site,
            self.node,
            Some(share.role),
            directory,
        );
        let mut text = text.map_err(|no_share| no_share.to_string())?;
        if let (Program::Unbound, Some(user)) = (share.program, &share.user) {
            text += &format!("\nserver:\n    username: \"{}\"\n", user.name);
        }
        let mut files = vec![Text::new(share.program.file(), Secret::new(text))];
        match share.role {
            RoleName::Front => {
                if let Some(source) = &self.page_password {
                    files.push(Text::new(PAGE_PASSWORD, site_file::secret(source)?));
                }
            }
            RoleName::Vip => {
                for (floating, _) in self.site.floating_of(self.node) {
                    if let VrrpVersion::Two(Some(source)) = &floating.version
                        && let Some(name) = password_file(floating, folder).file_name()
                    {
                        files.push(Text::new(
                            name.to_string_lossy(),
                            password_text(&site_file::secret(source)?),
                        ));
                    }
                }
            }
            RoleName::Auth | RoleName::Resolve => {}
        }
        Ok(files)
    }
}

/// Says so when the kernel does not let a front end listen where the address may come to.
fn warn_of_floating(site: &Site, node: &Node) {
    let setting = "/proc/sys/net/ipv4/ip_nonlocal_bind";
    let waits = site
        .floating_of(node)
        .any(|(floating, _)| floating.address.is_ipv4());
    if waits && fs::read_to_string(setting).is_ok_and(|value| value.trim() == "0") {
        tracing::warn!(
            "net.ipv4.ip_nonlocal_bind is 0, so that no front end can listen on a floating address that is not here: \
             weir render {} sysctl > /etc/sysctl.d/60-weir.conf && sysctl --system",
            node.name
        );
    }
}

/// The node of this name, or of the machine's.
fn node<'s>(site: &'s Site, wanted: Option<&str>) -> Result<&'s Node, String> {
    if let Some(name) = wanted {
        return site_file::node(site, name);
    }
    let host = site_file::host_name();
    let own = site_file::own_node(site, &host).map(AsRef::as_ref);
    own.ok_or_else(|| {
        let known: Vec<_> = site.nodes.iter().map(|node| node.name.as_str()).collect();
        format!(
            "this machine is called '{host}', as no node is; say which one it is with --node: {}",
            known.join(", ")
        )
    })
}

/// Who a program is to become. Whoever is not root stays who they are.
fn user(options: &Options, program: Program) -> Result<Option<User>, String> {
    let names = match (&options.user, program) {
        (Some(name), Program::WeirFront) => &[name.as_str()],
        _ => program.users(),
    };
    if names.is_empty() || !options.is_root {
        return Ok(None);
    }
    let found = names.iter().find_map(|name| {
        let account = resolve_account(name, None).ok()?;
        let name = (*name).to_owned();
        Some(User { name, account })
    });
    found.map(Some).ok_or_else(|| {
        format!(
            "{} is not to run as root, but there is no user {}",
            program.name(),
            names.join(" or ")
        )
    })
}

/// Runs a check to its end. What it says goes to `said`, and comes back: as an error when the check fails.
pub(super) fn run(mut command: Command, said: &Path, deadline: Timestamp) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let outcome = || -> io::Result<bool> {
        let output = File::create(said)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut child = spawn(command, &Launch::default())?;
        let poller = Poller::new()?;
        poller.add(&child, 0, Interest::Read)?;
        poller.wait(&mut Events::new(1), Some(deadline.since(now())))?;
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        child.end(Ending::Force)?;
        poller.wait(&mut Events::new(1), Some(CHECK_TIMEOUT))?;
        child.try_wait()?;
        Err(io::Error::other("takes too long"))
    };
    let is_success = outcome().map_err(|error| format!("{program}: {error}"))?;
    let mut text = Vec::new();
    let read = File::open(said).and_then(|file| file.take(MAX_SAID_BYTES).read_to_end(&mut text));
    read.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    if is_success { Ok(text) } else { Err(text) }
}

/// Makes a folder that is ours alone, where there is nothing yet.
pub(super) fn make_own(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// Makes a folder that is its user's alone.
pub(super) fn make_private(folder: &Path, user: Option<&User>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    give(folder, user)
}

/// Writes a file that is its user's alone, in the place of any that is there.
fn write_private(path: &Path, text: &Secret, user: Option<&User>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.reveal().as_bytes())?;
    // Not by its name: the folder's owner may have put another file there meanwhile.
    user.map_or(Ok(()), |user| {
        fchown(&file, Some(user.account.user.0), Some(user.account.group.0))
    })
}

/// Gives a user what is in a folder that only we may change.
pub(super) fn give(path: &Path, user: Option<&User>) -> io::Result<()> {
    user.map_or(Ok(()), |user| {
        chown(path, Some(user.account.user.0), Some(user.account.group.0))
    })
}
