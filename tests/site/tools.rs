//! Each format is checked by the program that it is for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use weir_lab::{Ask, Client, Front, Site, Transport, internet};

use crate::{Folder, SITES, outcome};

/// Asserts that a command goes well and says nothing about what it read but `expected`.
fn accepts(command: &mut Command, file: &Path, expected: &str) {
    let (good, said) = outcome(&command.output().unwrap());
    let text = fs::read_to_string(file).unwrap();
    assert!(good, "{command:?}\n{said}\n{text}");
    let odd: Vec<_> = said.lines().filter(|line| !line.contains(expected)).collect();
    assert!(
        expected.is_empty() || odd.is_empty(),
        "{command:?}\n{said}\n{text}"
    );
}

#[test]
fn dnsdist_and_our_front_end_accept_what_is_for_dnsdist() {
    for site in SITES {
        let folder = Folder::new(site);
        folder.check_all("dnsdist", |file| {
            let credentials = file.parent().unwrap();
            let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
            weir.args(["front", "--check-config", "-C"])
                .arg(file)
                .env("CREDENTIALS_DIRECTORY", credentials);
            accepts(&mut weir, file, "OK!");
            let mut dnsdist = Command::new("dnsdist");
            dnsdist
                .args(["--check-config", "-C"])
                .arg(file)
                .env("CREDENTIALS_DIRECTORY", credentials);
            accepts(&mut dnsdist, file, "");
        });
    }
}

#[test]
fn a_front_end_does_not_start_without_its_password() {
    let folder = Folder::new(SITES[1]);
    let file = folder.render("dd1", "dnsdist").unwrap();
    for directory in [None, Some("/nonexistent")] {
        let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
        weir.args(["front", "--check-config", "-C"])
            .arg(&file)
            .env_remove("CREDENTIALS_DIRECTORY");
        weir.envs(directory.map(|directory| ("CREDENTIALS_DIRECTORY", directory)));
        let (good, said) = outcome(&weir.output().unwrap());
        let expected = directory.map_or("started without credentials", |_| "/nonexistent/status-page");
        assert!(!good && said.contains(expected), "{said}");
    }
}

#[test]
fn named_accepts_what_is_for_it() {
    for site in SITES {
        let folder = Folder::new(site);
        folder.check_all("named", |file| {
            accepts(Command::new("named-checkconf").arg(file), file, "nothing")
        });
    }
}

#[test]
fn unbound_accepts_what_is_for_it() {
    for site in SITES {
        let folder = Folder::new(site);
        folder.check_all("unbound", |file| {
            accepts(Command::new("unbound-checkconf").arg(file), file, "no errors")
        });
    }
}

#[test]
fn every_kernel_setting_is_one() {
    for site in SITES {
        let folder = Folder::new(site);
        folder.check_all("sysctl", |file| {
            let text = fs::read_to_string(file).unwrap();
            let settings = text.lines().filter_map(|line| line.split_once(" = "));
            for (name, _) in settings.filter(|(name, _)| !name.starts_with('#')) {
                // Not every machine that runs tests has IPv6, or shows the host's own settings in a container.
                let path = Path::new("/proc/sys").join(name.replace('.', "/"));
                let is_hidden = !path.parent().unwrap().exists() || name.starts_with("net.core.");
                assert!(is_hidden || path.exists(), "{name}");
            }
        });
    }
}

/// Runs a program in a network of its own that has the interfaces of the site files.
fn apart(program: &str) -> Command {
    let mut command = Command::new("unshare");
    let script = "for name in ens160 ens192 ens224 eno1 eno2; do ip link add $name type veth peer name p$name; done; \
                  exec \"$@\"";
    command.args(["--net", "sh", "-c", script, "sh", program]);
    command
}

#[test]
#[ignore = "needs root: a network namespace"]
fn lab_keepalived_accepts_what_is_for_it() {
    for site in SITES {
        let folder = Folder::new(site);
        for name in ["dns", "old"] {
            let text = "authentication {\n    auth_type PASS\n    auth_pass \"lab123\"\n}\n";
            folder.scratch.write(&format!("vrrp-{name}.auth"), text).unwrap();
        }
        folder.check_all("keepalived", |file| {
            accepts(apart("keepalived").arg("-t").arg("-f").arg(file), file, "nothing")
        });
    }
}

#[test]
#[ignore = "needs root: a network namespace"]
fn lab_nft_accepts_what_is_for_it() {
    for site in SITES {
        let folder = Folder::new(site);
        folder.check_all("nftables", |file| {
            accepts(apart("nft").arg("-c").arg("-f").arg(file), file, "nothing")
        });
    }
}

/// The first reply to a question, if there is one in half a second.
fn reply(client: Client<'_>, transport: Transport, ask: &Ask) -> Option<weir_lab::Reply> {
    client
        .patience(Duration::from_millis(500))
        .ask(transport, ask)
        .ok()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_rendered_front_end_does_what_the_blueprint_wants() {
    let folder = Folder::new(SITES[0]);
    let configuration = fs::read_to_string(folder.render("dd1", "dnsdist").unwrap()).unwrap();
    for front in [Front::Weir(env!("CARGO_BIN_EXE_weir").into()), Front::Dnsdist] {
        let site = Site::start(&front, &configuration).unwrap();
        for (server, transport) in [Site::FLOATING, Site::DD1]
            .into_iter()
            .flat_map(|server| [Transport::Udp, Transport::Tcp].map(|by| (server, by)))
        {
            let ask = |name: &str, kind: &str| {
                reply(site.client(server), transport, &Ask::new(name, kind).unwrap())
            };
            let ours = ask("www.zaibdns.lab", "A").unwrap();
            assert!(
                ours.is_authoritative() && !ours.offers_recursion(),
                "{front:?} {server}"
            );
            let google = ask("google.com", "A").unwrap();
            assert!(
                !google.is_authoritative() && google.addresses() == [internet::GOOGLE],
                "{front:?} {server}"
            );
            assert!(
                ask("google.com", "ANY").is_none(),
                "{front:?} {server}: ANY is answered"
            );
            let chaos = Ask::new("version.bind", "TXT").unwrap().chaos();
            assert!(
                reply(site.client(server), transport, &chaos).is_none(),
                "{front:?} {server}: CHAOS is answered"
            );
        }
        let stranger = site.internet_client(Site::DD1);
        assert!(
            reply(stranger, Transport::Udp, &Ask::new("google.com", "A").unwrap()).is_none(),
            "{front:?}"
        );
    }
}
