//! The texts of the operator's blueprint: what an ISP runs today, and what must run unchanged.
//!
//! The files in `lab/blueprint/` are the blueprint's own lines. In the zone file the white space before `IN NS` is
//! restored, without which no server loads it. The servers' files are completed here with what one machine that
//! plays five needs (own directories, no common pid file) and with what a laboratory without the Internet needs
//! (root hints of its own, nothing to validate).

/// `dnsdist.conf` of LAB-DD1, the full one.
pub const DNSDIST_DD1: &str = include_str!("../blueprint/dnsdist-dd1.conf");
/// `dnsdist.conf` of LAB-DD2.
pub const DNSDIST_DD2: &str = include_str!("../blueprint/dnsdist-dd2.conf");
/// The "clean production block".
pub const DNSDIST_PRODUCTION: &str = include_str!("../blueprint/dnsdist-production.conf");
/// The lines of the section "ISP GRADE TUNING", one after the other.
pub const DNSDIST_TUNING: &str = include_str!("../blueprint/dnsdist-tuning.conf");
/// The zone that the authoritative server serves.
pub const ZONE: &str = include_str!("../blueprint/db.zaibdns.lab");

const AUTH_OPTIONS: &str = include_str!("../blueprint/named-auth1.conf.options");
const AUTH_LOCAL: &str = include_str!("../blueprint/named-auth1.conf.local");
const REC_OPTIONS: &str = include_str!("../blueprint/named-rec1.conf.options");

/// `named.conf` of LAB-AUTH1; `directory` holds the zone file `db.zaibdns.lab`.
pub fn named_auth(directory: &str) -> String {
    let local = AUTH_LOCAL.replace("/etc/bind", directory);
    on_one_machine(AUTH_OPTIONS, directory) + &local
}

/// `named.conf` of a recursive server at `address`; `directory` holds the root hints `root.hints`.
pub fn named_rec(directory: &str, address: &str) -> String {
    let options = REC_OPTIONS
        .replace("10.10.2.164", address)
        .replace("dnssec-validation auto;", "dnssec-validation no;");
    on_one_machine(&options, directory) + "zone \".\" { type hint; file \"root.hints\"; };\n"
}

/// `unbound.conf` of a recursive server at `address`, with the same effect as [`named_rec`].
pub fn unbound_rec(directory: &str, address: &str) -> String {
    format!(
        "server:\n interface: {address}\n access-control: 10.10.2.0/24 allow\n do-daemonize: no\n username: \"\"\n \
         chroot: \"\"\n directory: \"{directory}\"\n pidfile: \"\"\n use-syslog: no\n module-config: \"iterator\"\n \
         root-hints: \"root.hints\"\n do-ip6: no\n"
    )
}

/// `dnsdist.conf` as Debian's dnsdist can read it: its Lua does not know the `#` of LAB-DD1's last line.
pub fn for_dnsdist(configuration: &str) -> String {
    configuration
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn on_one_machine(options: &str, directory: &str) -> String {
    let own = "options {\npid-file none;\nsession-keyfile none;\n";
    let options = options
        .replace("options {\n", own)
        .replace("/var/cache/bind", directory);
    options + "controls { };\n"
}
