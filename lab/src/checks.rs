//! What the blueprint's author checks by hand with dig after building his site, done by a program and measured.
//!
//! Every check that a query can make is made over UDP and TCP, through the floating address and LAB-DD1's own, and
//! includes that the reply came from the address that was asked.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;

use crate::{Ask, Client, Front, Reply, Site, Transport, blueprint, internet, interrupt};

/// The blueprint probes every 5 s and a probe may take 1 s: by then a dead server is out of its pool.
const EJECTION: Duration = Duration::from_secs(6);
/// Between two queries while a failure is watched; far below the blueprint's 200 queries per second and client.
const PACE: Duration = Duration::from_millis(25);
/// How long a query that must not be answered is waited for.
const SILENCE: Duration = Duration::from_millis(500);
/// How many queries in a row must be answered at the end before a failure counts as survived.
const STEADY: usize = 20;

/// One line of the table.
#[derive(Debug)]
struct Row {
    what: &'static str,
    server: SocketAddr,
    transport: &'static str,
    elapsed: Duration,
    verdict: Result<String, String>,
}

/// The checks that were made.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.verdict.is_ok())
    }

    fn add(
        &mut self,
        what: &'static str,
        server: SocketAddr,
        transport: &'static str,
        check: impl FnOnce() -> Result<String, String>,
    ) -> io::Result<()> {
        interrupt::check()?;
        let began = Instant::now();
        let verdict = check();
        self.rows.push(Row {
            what,
            server,
            transport,
            elapsed: began.elapsed(),
            verdict,
        });
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .rows
            .iter()
            .map(|row| row.what.len())
            .max()
            .unwrap_or_default();
        writeln!(
            f,
            "      {:widest$}  {:<11}  {:<3}  {:>9}  seen",
            "check", "asked", "by", "took"
        )?;
        for row in &self.rows {
            let (mark, seen) = match &row.verdict {
                Ok(seen) => ("ok", seen),
                Err(seen) => ("FAIL", seen),
            };
            let (server, by, took) = (row.server.ip(), row.transport, row.elapsed.as_secs_f64() * 1000.0);
            writeln!(
                f,
                "{mark:<4}  {:widest$}  {server:<11}  {by:<3}  {took:>6.1} ms  {seen}",
                row.what
            )?;
        }
        let failed = self.rows.iter().filter(|row| row.verdict.is_err()).count();
        write!(
            f,
            "{} checks, {} passed, {failed} failed",
            self.rows.len(),
            self.rows.len() - failed
        )
    }
}

/// Starts LAB-DD1's configuration as it stands with real servers behind it, checks it, and removes everything.
pub fn up_and_check(front: &Front) -> io::Result<(Report, Duration)> {
    let mut site = Site::start(front, blueprint::DNSDIST_DD1)?;
    let mut report = Report::default();
    for server in [Site::DD1, Site::FLOATING] {
        both_paths(&mut report, &site, server)?;
    }
    report.add("REC1 dies: the pool goes on", Site::FLOATING, "UDP", || {
        site.rec1.kill().map_err(|error| error.to_string())?;
        keeps_resolving(site.client(Site::FLOATING), "rec1-dead", EJECTION)
    })?;
    report.add("AUTH1 dies: its zone fails", Site::FLOATING, "UDP", || {
        site.auth1.kill().map_err(|error| error.to_string())?;
        fails(site.client(Site::FLOATING), "portal.zaibdns.lab")
    })?;
    report.add("AUTH1 dead: recursion untouched", Site::FLOATING, "UDP", || {
        keeps_resolving(site.client(Site::FLOATING), "auth1-dead", Duration::ZERO)
    })?;
    report.add("SIGTERM: exit 0 within 5 s", Site::DD1, "", || {
        match site.front.terminate(Duration::from_secs(5)) {
            Ok((status, _)) if status.success() => Ok("exit 0".to_owned()),
            // dnsdist 1.7 does not catch it.
            Ok((status, _)) if *front == Front::Dnsdist => Ok(status.to_string()),
            Ok((status, _)) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }
    })?;
    Ok((report, site.ready))
}

/// Authoritative, recursive and refused queries through one address.
fn both_paths(report: &mut Report, site: &Site, server: SocketAddr) -> io::Result<()> {
    let client = site.client(server);
    for (transport, by) in [(Transport::Udp, "UDP"), (Transport::Tcp, "TCP")] {
        report.add("www.zaibdns.lab A: aa, no ra", server, by, || {
            let reply = ask(client, transport, "www.zaibdns.lab", "A")?;
            expect(
                &reply,
                reply.is_authoritative() && !reply.offers_recursion() && holds(&reply, Site::AUTH1),
            )
        })?;
        report.add("google.com A: ra, no aa", server, by, || {
            let reply = ask(client, transport, "google.com", "A")?;
            let google = reply.addresses() == [internet::GOOGLE];
            expect(
                &reply,
                reply.offers_recursion() && !reply.is_authoritative() && google,
            )
        })?;
        report.add("no-such-name.zaibdns.lab A: NXDOMAIN", server, by, || {
            let reply = ask(client, transport, "no-such-name.zaibdns.lab", "A")?;
            expect(
                &reply,
                reply.rcode() == ResponseCode::NXDomain && reply.is_authoritative(),
            )
        })?;
        report.add("google.com ANY: dropped", server, by, || {
            let ask = Ask::new("google.com", "ANY").map_err(|error| error.to_string())?;
            match client.patience(SILENCE).ask(transport, &ask) {
                Ok(reply) => Err(describe(&reply)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error.to_string()),
                Err(_) => Ok("no reply".to_owned()),
            }
        })?;
    }
    Ok(())
}

/// Asks for new names, which no cache has, for as long as `watched`; the last ones must all be answered.
fn keeps_resolving(client: Client<'_>, label: &str, watched: Duration) -> Result<String, String> {
    let client = client.patience(Duration::from_millis(250));
    let began = Instant::now();
    let (mut asked, mut lost, mut steady, mut outage) = (0, 0, 0, Duration::ZERO);
    while began.elapsed() < watched || steady + lost < STEADY {
        interrupt::check().map_err(|error| error.to_string())?;
        std::thread::sleep(PACE);
        asked += 1;
        let name = format!("{label}-{asked}.google.com");
        if ask(client, Transport::Udp, &name, "A").is_ok_and(|reply| reply.addresses() == [internet::GOOGLE])
        {
            steady += 1;
        } else {
            (lost, steady, outage) = (lost + 1, 0, began.elapsed());
        }
    }
    let seen = format!(
        "{lost} of {asked} lost, the last after {:.1} s",
        outage.as_secs_f64()
    );
    if steady >= STEADY { Ok(seen) } else { Err(seen) }
}

/// No useful answer: silence or SERVFAIL, whichever the configuration says.
fn fails(client: Client<'_>, name: &str) -> Result<String, String> {
    match ask(client.patience(SILENCE), Transport::Udp, name, "A") {
        Err(_) => Ok("no reply".to_owned()),
        Ok(reply) if reply.rcode() == ResponseCode::ServFail => Ok(describe(&reply)),
        Ok(reply) => Err(describe(&reply)),
    }
}

fn ask(client: Client<'_>, transport: Transport, name: &str, qtype: &str) -> Result<Reply, String> {
    let ask = Ask::new(name, qtype).map_err(|error| error.to_string())?;
    let reply = client.ask(transport, &ask).map_err(|error| error.to_string())?;
    if reply.from != client.server() {
        return Err(format!("reply from {}", reply.from));
    }
    Ok(reply)
}

fn holds(reply: &Reply, server: SocketAddr) -> bool {
    reply.addresses() == [server.ip()]
}

fn expect(reply: &Reply, holds: bool) -> Result<String, String> {
    if holds {
        Ok(describe(reply))
    } else {
        Err(describe(reply))
    }
}

/// What dig would print: response code, flags, addresses.
fn describe(reply: &Reply) -> String {
    let mut words = vec![match reply.rcode() {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }];
    for (name, set) in [
        ("aa", reply.is_authoritative()),
        ("tc", reply.is_truncated()),
        ("ra", reply.offers_recursion()),
    ] {
        if set {
            words.push(name.to_owned());
        }
    }
    words.extend(reply.addresses().iter().map(ToString::to_string));
    words.join(" ")
}
