//! Knot DNS, which serves and signs the zones.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hickory_proto::rr::{RData, RecordType};

use crate::{Ask, Client, Namespace, Process, Scratch, wait_for};

/// How long a server may take until it answers.
const READY: Duration = Duration::from_secs(20);

/// A zone to be served.
pub(super) struct Zone {
    /// Its name, without the final dot.
    pub(super) name: String,
    /// What it says.
    pub(super) file: PathBuf,
    /// Whether the server signs it, with keys of its own making.
    pub(super) is_signed: bool,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Knot {
    process: Process,
    address: SocketAddr,
}

impl Knot {
    /// Starts a server at this address, port 53; it does not answer yet.
    pub(super) fn launch(
        host: &Namespace,
        name: &str,
        address: IpAddr,
        zones: &[Zone],
        scratch: &Scratch,
    ) -> io::Result<Self> {
        host.ip(&["address", "add", &format!("{address}/32"), "dev", "lo"])?;
        let directory = scratch.path().join(name).display().to_string();
        let mut configuration = format!(
            "server:\n  rundir: {directory}\n  listen: {address}@53\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 2\ndatabase:\n  storage: {directory}\nlog:\n  - target: stderr\n    any: warning\n\
             policy:\n  - id: lab\n    single-type-signing: on\n    cds-cdnskey-publish: always\n\
             template:\n  - id: default\n    zonefile-sync: -1\n    journal-content: none\n    dnssec-policy: lab\nzone:\n"
        );
        for zone in zones {
            let (name, file) = (&zone.name, zone.file.display());
            let signing = if zone.is_signed { "on" } else { "off" };
            let _ = writeln!(
                configuration,
                "  - domain: {name}.\n    file: {file}\n    dnssec-signing: {signing}"
            );
        }
        let file = scratch.write(&format!("{name}/knot.conf"), &configuration)?;
        let mut command = host.command("knotd");
        command.arg("-c").arg(file);
        Ok(Self {
            process: Process::start(name, command, scratch.path())?,
            address: SocketAddr::new(address, 53),
        })
    }

    /// Waits until it serves the zone.
    pub(super) fn wait_until_ready(&mut self, host: &Namespace, zone: &str) -> io::Result<()> {
        let client = client(self.address, host);
        let ask = Ask::new(zone, "SOA")?;
        let ready = || client.udp(&ask).is_ok_and(|reply| reply.is_authoritative());
        self.process.wait_until(READY, ready).map(drop)
    }

    /// What the parent of a signed zone has to say of it; waits until the zone is signed.
    pub(super) fn ds(&self, host: &Namespace, zone: &str) -> io::Result<Vec<String>> {
        let client = client(self.address, host);
        // The zone says it itself, for parents that ask (RFC 7344).
        let ask = Ask::new(zone, "CDS")?;
        let mut seen = Vec::new();
        wait_for(&format!("{zone} is signed"), READY, || {
            let answers = client.udp(&ask).map(|reply| reply.message.answers);
            let records = answers.unwrap_or_default().into_iter();
            let digests = records.filter(|record| record.record_type() == RecordType::CDS);
            seen = digests.filter_map(|record| presented(&record.data)).collect();
            !seen.is_empty()
        })?;
        Ok(seen)
    }
}

fn client(server: SocketAddr, host: &Namespace) -> Client<'_> {
    Client::to(server).from(host).patience(Duration::from_millis(200))
}

/// A DS record's data as a zone file has it: key tag, algorithm, digest type, digest.
fn presented(data: &RData) -> Option<String> {
    let RData::Unknown { rdata, .. } = data else {
        return None;
    };
    let [high, low, algorithm, kind, digest @ ..] = rdata.anything.as_slice() else {
        return None;
    };
    let tag = u16::from_be_bytes([*high, *low]);
    let digest: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    Some(format!("{tag} {algorithm} {kind} {digest}"))
}
