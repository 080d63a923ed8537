//! Lines of the console: what they print, change and ask for.

use weir_balance::{Mode, Status};
use weir_policy::Transport;

use super::*;
use crate::dialects::dnsdist::{Command, FrontendNumbers};

const FILE_TEXT: &str = "setLocal('127.0.0.1:5391')
pc = newPacketCache(500000, {maxTTL=300})
getPool('rec'):setCache(pc)
getPool('big'):setCache(pc)
addAction(QTypeRule(DNSQType.ANY), DropAction())
addAction(MaxQPSIPRule(200), DropAction(), {name='limit per ip'})
newServer({address='127.0.0.1:5301', pool='auth', name='auth1'})
newServer({address='127.0.0.1:5302', pool='rec', weight=3, order=2, qps=100})
newServer({address='127.0.0.1:5303', pool={'rec','big'}})
newServer('127.0.0.1:5304')
addAction(AllRule(), PoolAction('rec'))
addResponseAction(AllRule(), DelayResponseAction(3))";

struct Console {
    session: Session,
    snapshot: Arc<Snapshot>,
}

impl Console {
    fn new() -> Self {
        let session = loaded(FILE_TEXT).session;
        let snapshot = Arc::new(build(&session.spec(), None).expect("a snapshot").snapshot);
        Self { session, snapshot }
    }

    /// Runs a line as the program does: a changed spec is built and published.
    fn run(&mut self, line: &str) -> String {
        match self.session.eval(line, live(&self.snapshot)) {
            Ok(evaluated) => {
                if let Some(spec) = evaluated.changed {
                    match build(&spec, Some(&self.snapshot)) {
                        Ok(built) => self.snapshot = Arc::new(built.snapshot),
                        Err(errors) => {
                            self.session.undo();
                            return format!("Error: {}\n", lines(&errors));
                        }
                    }
                }
                evaluated.output
            }
            Err(error) => format!("Error: {error}\n"),
        }
    }
}

#[test]
fn pages_are_aligned_as_those_of_dnsdist() {
    let mut console = Console::new();
    // dnsdist 1.7.3 printed these lines for the same configuration.
    assert_eq!(
        console.run("showServers()"),
        "\
#   Name                 Address                       State     Qps    Qlim Ord Wt    Queries   Drops Drate   Lat Outstanding Pools
0   auth1                127.0.0.1:5301                 down     0.0       0   1  1          0       0   0.0   0.0           0 auth
1   127.0.0.1:5303       127.0.0.1:5303                 down     0.0       0   1  1          0       0   0.0   0.0           0 big rec
2   127.0.0.1:5304       127.0.0.1:5304                 down     0.0       0   1  1          0       0   0.0   0.0           0 \n\
3   127.0.0.1:5302       127.0.0.1:5302                 down     0.0     100   2  3          0       0   0.0   0.0           0 rec
All                                                              0.0                         0       0                         \n"
    );
    assert_eq!(
        console.run("showPools()"),
        "\
Name                                    Cache         ServerPolicy Servers
                                                  leastOutstanding 127.0.0.1:5304 127.0.0.1:5304
auth                                              leastOutstanding auth1 127.0.0.1:5301
big                                  0/500000     leastOutstanding 127.0.0.1:5303 127.0.0.1:5303
rec                                  0/500000     leastOutstanding 127.0.0.1:5303 127.0.0.1:5303, 127.0.0.1:5302 127.0.0.1:5302\n"
    );
    assert_eq!(
        console.run("showRules()"),
        "\
#   Name                             Matches Rule                                                     Action
0                                          0 qtype==ANY                                               drop
1   limit per ip                           0 IP (/32, /64) match for QPS over 200 burst 200           drop
2                                          0 All                                                      to pool rec\n"
    );
    assert_eq!(
        console.run("showResponseRules()"),
        "\
#   Name                             Matches Rule                                                     Action
0                                          0 All                                                      delay by 3 msec\n"
    );
    let uuids = console.run("showRules({showUUIDs=true})");
    assert!(uuids.starts_with(
        "#   Name                           UUID                                   Cr. Order   Matches Rule  "
    ));
    assert!(console.run("showServers({showUUIDs=true})").contains("-8"));
    assert!(
        console
            .run("showACL()")
            .starts_with("10.0.0.0/8\n100.64.0.0/10\n127.0.0.0/8\n")
    );
    assert_eq!(console.run("topRules(1)").lines().count(), 2);
}

#[test]
fn the_cache_s_numbers_are_printed() {
    let mut console = Console::new();
    let stats = console.run("getPool('rec'):getCache():printStats()");
    assert!(
        stats.starts_with("Entries: 0/500000\nHits: 0\nMisses: 0\nDeferred inserts: 0\n"),
        "{stats}"
    );
    assert_eq!(console.run("getPool('rec'):getCache():toString()"), "0/500000\n");
    assert_eq!(console.run("getPool('rec'):getCache():isFull()"), "false\n");
    assert_eq!(
        console.run("getPool('rec'):getCache():expungeByName('a.', DNSQType.A, true)"),
        "0\n"
    );
    assert_eq!(console.run("getPool('auth'):getCache()"), "");
    let file = std::env::temp_dir().join(format!("weir-config-dump-{}", std::process::id()));
    let line = format!("getPool('rec'):getCache():dump('{}')", file.display());
    assert_eq!(console.run(&line), "");
    assert!(
        console.run(&line).contains("File exists"),
        "it is not overwritten"
    );
    std::fs::remove_file(&file).expect("the file");
    let hits = console.run("showCacheHitResponseCounts()");
    assert!(
        hits.starts_with("Pool                      Entries         Hits       Misses  Hits %\n"),
        "{hits}"
    );
    assert_eq!(hits.lines().count(), 8, "{hits}");
}

#[test]
fn binds_and_statistics_are_the_program_s() {
    let console = Console::new();
    let mut session = console.session;
    let frontend = FrontendNumbers {
        address: ([127, 0, 0, 1], 5391).into(),
        transport: Transport::Udp,
        queries: 17,
        connections: 0,
        most_connections: 0,
        died_reading: 0,
        died_sending: 0,
        gave_up: 0,
        client_timeouts: 0,
        downstream_timeouts: 0,
        queries_per_connection: 0.0,
        connection_ms: 0.0,
    };
    let mut with_numbers = live(&console.snapshot);
    with_numbers.frontends = vec![
        frontend,
        FrontendNumbers {
            transport: Transport::Tcp,
            ..frontend
        },
    ];
    with_numbers.statistics = vec![
        ("queries".to_owned(), 17.0),
        ("acl-drops".to_owned(), 0.0),
        ("latency-avg100".to_owned(), 0.0),
    ];
    let output = session
        .eval("showBinds() dumpStats() showTCPStats()", with_numbers)
        .expect("pages")
        .output;
    let expected = "\
#   Address                        Protocol              Queries
0   127.0.0.1:5391                 UDP                   17
1   127.0.0.1:5391                 TCP                   17
acl-drops                          \t          0    queries                            \t         17
latency-avg100                     \t          0.0
Workers      Max Workers  Queued       Max Queued  \n";
    assert!(output.starts_with(expected), "{output}");
}

#[test]
fn expressions_print_their_value() {
    let mut console = Console::new();
    for (line, expected) in [
        ("1+1", "2\n"),
        ("'a'", "a\n"),
        ("nil", ""),
        ("x = 5", ""),
        ("x", "5\n"),
        ("getServer(0)", "auth1\n"),
        ("getServer(1):getName()", "127.0.0.1:5303\n"),
        ("getServer(0):getNameWithAddr()", "auth1 (127.0.0.1:5301)\n"),
        ("AllRule():toString()", "All\n"),
        ("newDNSName('a.b')", "a.b.\n"),
        ("print('a', 2)", "a\t2\n"),
        ("showServerPolicy()", "leastOutstanding\n"),
        ("{b=1, a='x'}", "{\"a\": x, \"b\": 1}\n"),
        (
            "newServr()",
            "Error: 'newServr' is not a dnsdist function; did you mean 'newServer'?\n",
        ),
        ("x=", "Error: unexpected symbol near '<eof>'\n"),
        ("getServer(77)", "Error: getServer: there is no server 77\n"),
    ] {
        assert_eq!(console.run(line), expected, "{line}");
    }
    assert!(
        console
            .run("help('showServ')")
            .contains("showServers([options]): prints the servers")
    );
}

#[test]
fn changes_make_a_new_spec_and_failures_none() {
    let mut console = Console::new();
    assert_eq!(console.run("newServer('127.0.0.1:5309')"), "127.0.0.1:5309\n");
    assert_eq!(
        (console.snapshot.generation, console.snapshot.backends.len()),
        (1, 5)
    );
    assert_eq!(console.run("rmServer(0)"), "");
    assert_eq!(console.snapshot.backends.len(), 4);
    assert_eq!(console.run("addAction('bad.example.', DropAction())"), "");
    assert_eq!(console.snapshot.query_rules.rules().len(), 4);
    assert_eq!(console.run("showRules()").lines().count(), 5);
    let generation = console.snapshot.generation;
    // Half of a line is none of it.
    assert!(
        console
            .run("addACL('192.0.2.0/24') newServr()")
            .starts_with("Error: ")
    );
    assert!(!console.run("showACL()").contains("192.0.2.0/24"));
    // A spec that cannot be built is taken back.
    assert!(
        console
            .run("controlSocket('0.0.0.0:5199')")
            .starts_with("Error: console: controlSocket(")
    );
    assert!(console.session.spec().console.listen.is_none());
    assert_eq!(console.snapshot.generation, generation);
    assert!(
        console
            .run("addLocal('127.0.0.2')")
            .contains("addresses cannot change while the program runs")
    );
    assert_eq!(console.run("delta()").lines().count(), 3);
    assert_eq!(console.snapshot.generation, generation, "looking changes nothing");
}

#[test]
fn modes_act_on_the_running_server_and_stay() {
    let mut console = Console::new();
    assert_eq!(console.run("getServer(0):setUp()"), "");
    assert_eq!(console.snapshot.generation, 0, "no new snapshot is needed");
    assert_eq!(console.snapshot.backends[0].status(), Status::ForcedUp);
    assert_eq!(console.run("getServer(0):isUp()"), "true\n");
    console.run("addACL('192.0.2.0/24')");
    assert_eq!(
        console.snapshot.backends[0].status(),
        Status::ForcedUp,
        "after another change"
    );
    console.run("getServer(0):setDrain()");
    assert!(console.run("showServers()").contains(" DRAIN "));
    console.run("getServer(0):setAuto(true)");
    assert_eq!(
        (
            console.snapshot.backends[0].mode(),
            console.snapshot.backends[0].status()
        ),
        (Mode::Auto, Status::Up)
    );
}

#[test]
fn the_program_is_asked_not_told() {
    let Console {
        mut session,
        snapshot,
    } = Console::new();
    let commands =
        |session: &mut Session, line: &str| session.eval(line, live(&snapshot)).expect(line).commands;
    assert_eq!(commands(&mut session, "reload()"), [Command::Reload]);
    assert_eq!(commands(&mut session, "shutdown()"), [Command::Shutdown]);
    assert_eq!(
        errors("shutdown()"),
        "dnsdist.conf:1: shutdown: only at the console"
    );
}
