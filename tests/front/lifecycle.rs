//! Start, stop, and what the command line promises to units and scripts.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_lab::{Behaviour, Client, Front, Process, Responder, Scratch, Transport};

use crate::stage::{PATIENCE, Stage, a, free_address, program};

/// Runs the program to its end.
fn run(arguments: &[&str]) -> Output {
    let mut command = match program() {
        Front::Weir(path) => {
            let mut command = Command::new(path);
            command.arg("front");
            command
        }
        Front::Dnsdist => Command::new("dnsdist"),
    };
    command.args(arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs `--check-config` on this text; the file's path, and what came of it.
fn check(text: &str, more: &[&str]) -> (String, Output) {
    let scratch = Scratch::create().unwrap();
    let file = scratch.write("dnsdist.conf", text).unwrap().display().to_string();
    let output = run(&[&["--check-config", "-C", &file], more].concat());
    (file, output)
}

#[test]
fn ready_within_a_second() {
    let backend = Responder::start().unwrap();
    let began = Instant::now();
    let front = Stage::start(&format!("newServer({{address=\"{}\"}})\n", backend.address()));
    for transport in [Transport::Udp, Transport::Tcp] {
        front.client().ask(transport, &a("ready.example")).unwrap();
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "ready after {:?}",
        began.elapsed()
    );
}

#[test]
fn beyond_sigterm_finishes_what_is_pending_and_exits_zero() {
    let backend = Responder::start().unwrap();
    backend.behave_for("pending.example", Behaviour::Delay(Duration::from_millis(800)));
    let mut front = Stage::start(&format!("newServer({{address=\"{}\"}})\n", backend.address()));
    let client = front.client();
    let (reply, status) = std::thread::scope(|scope| {
        let asking = scope.spawn(move || client.udp(&a("pending.example")));
        let asked = || backend.count("pending.example") == 1;
        weir_lab::wait_for("the query is pending", Duration::from_secs(1), asked).unwrap();
        let (status, _) = front.front.terminate(Duration::from_secs(5)).unwrap();
        (asking.join().unwrap(), status)
    });
    assert!(reply.is_ok(), "the pending query was lost: {reply:?}");
    assert!(status.success(), "{status}\n{}", front.front.log());
}

#[test]
fn beyond_sigterm_loses_no_answer_that_is_held_back() {
    let backend = Responder::start().unwrap();
    let mut front = Stage::start(&format!(
        "newServer({{address=\"{}\"}})\naddAction('late.example', DelayAction(1000))\n\
         addAction('later.example', DelayAction(60000))\n",
        backend.address()
    ));
    let client = front.client().patience(Duration::from_secs(6));
    let ask = |name| {
        let client = &client;
        move || {
            let asked = Instant::now();
            client.udp(&a(name)).map(|_| asked.elapsed())
        }
    };
    let (late, later) = std::thread::scope(|scope| {
        let (late, later) = (
            scope.spawn(ask("late.example")),
            scope.spawn(ask("later.example")),
        );
        let asked = || backend.count("late.example") == 1 && backend.count("later.example") == 1;
        weir_lab::wait_for("the queries are out", Duration::from_secs(1), asked).unwrap();
        front.front.terminate(Duration::from_secs(5)).unwrap();
        (late.join().unwrap(), later.join().unwrap())
    });
    assert!(late.unwrap() >= Duration::from_secs(1), "sent before its time");
    assert!(later.is_ok(), "held back for ever: {later:?}");
}

#[test]
fn beyond_sigterm_with_an_unanswered_query_ends_within_five_seconds() {
    let backend = Responder::start().unwrap();
    backend.behave_for("never.example", Behaviour::Silent);
    let mut front = Stage::start(&format!("newServer({{address=\"{}\"}})\n", backend.address()));
    let _idle = front.client().connect().unwrap();
    let socket = front.client().udp_socket().unwrap();
    socket
        .send_to(&a("never.example").to_bytes().unwrap(), front.address)
        .unwrap();
    let asked = || backend.count("never.example") == 1;
    weir_lab::wait_for("the query is pending", Duration::from_secs(1), asked).unwrap();
    let (status, _) = front.front.terminate(Duration::from_secs(5)).unwrap();
    assert!(status.success(), "{status}");
}

/// The console's key.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
/// Answers everything without a backend.
const BY_ITSELF: &str = "addAction(AllRule(), SpoofAction('192.0.2.1'))\n";

/// Asks many queries at once, each from a new port, until told to stop or one is lost; how many were
/// asked, and what was lost.
fn ask_in_bursts(client: &Client<'_>, is_over: &AtomicBool) -> (u32, Vec<String>) {
    const BURST: usize = 128;
    let query = a("asked.example").to_bytes().unwrap();
    let (mut asked, mut lost) = (0, Vec::new());
    while lost.is_empty() && !is_over.load(Ordering::Relaxed) {
        let sockets: Vec<_> = (0..BURST).map(|_| client.udp_socket().unwrap()).collect();
        for socket in &sockets {
            socket.send_to(&query, client.server()).unwrap();
        }
        for socket in &sockets {
            asked += 1;
            lost.extend(socket.recv(&mut [0; 512]).err().map(|error| error.to_string()));
            if !lost.is_empty() {
                break;
            }
        }
    }
    (asked, lost)
}

/// The same over connections, each with one query.
fn ask_over_connections(client: &Client<'_>, is_over: &AtomicBool) -> (u32, Vec<String>) {
    let (mut asked, mut lost) = (0, Vec::new());
    while lost.is_empty() && !is_over.load(Ordering::Relaxed) {
        asked += 1;
        lost.extend(
            client
                .tcp(&a("asked.example"))
                .err()
                .map(|error| error.to_string()),
        );
    }
    (asked, lost)
}

#[test]
fn beyond_sigterm_answers_what_has_arrived() {
    // More than a worker reads before it looks whether it is to stop.
    const WAITING: usize = 2_000;
    let front = Stage::listen(BY_ITSELF);
    let sockets: Vec<_> = (0..WAITING / 100)
        .map(|_| front.client().udp_socket().unwrap())
        .collect();
    front.front.pause().unwrap();
    let query = a("asked.example").to_bytes().unwrap();
    for number in 0..WAITING {
        sockets[number % sockets.len()]
            .send_to(&query, front.address)
            .unwrap();
    }
    front.front.ask_to_end().unwrap();
    front.front.resume().unwrap();
    let answered =
        (0..WAITING).take_while(|number| sockets[number % sockets.len()].recv(&mut [0; 512]).is_ok());
    assert_eq!(answered.count(), WAITING);
}

#[test]
fn beyond_a_successor_takes_over_without_losing_a_query() {
    const ROUNDS: usize = 10;
    let mut front = Stage::listen(BY_ITSELF);
    let client = front.client().patience(Duration::from_secs(1));
    let is_over = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let (client, is_over) = (&client, &is_over);
        let datagrams = [(); 2].map(|()| scope.spawn(move || ask_in_bursts(client, is_over)));
        let connections = [(); 2].map(|()| scope.spawn(move || ask_over_connections(client, is_over)));
        let mut old: Option<Process> = None;
        for _ in 0..ROUNDS {
            let successor = start_beside(&front, &[]);
            let (status, _) = old
                .as_mut()
                .unwrap_or(&mut front.front)
                .terminate(PATIENCE)
                .unwrap();
            assert!(status.success(), "{status}");
            old = Some(successor);
        }
        is_over.store(true, Ordering::Relaxed);
        let asking = datagrams.into_iter().chain(connections);
        asking.map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for (asked, lost) in asked {
        assert!(
            asked > 100 && lost.is_empty(),
            "{} of {asked} lost: {lost:?}",
            lost.len()
        );
    }
}

#[test]
fn beyond_sigterm_waits_for_the_first_query_of_a_new_connection() {
    let mut front = Stage::listen(BY_ITSELF);
    let mut session = front.client().connect().unwrap();
    front.front.ask_to_end().unwrap();
    assert!(
        front.front.wait(Duration::from_millis(300)).is_err(),
        "it is gone"
    );
    session.send(&a("late.example")).unwrap();
    session.receive().unwrap();
    assert!(front.front.wait(PATIENCE).unwrap().success());
}

#[test]
fn beyond_a_successor_opens_the_console_after_its_predecessor() {
    let console = free_address();
    let mut front = Stage::listen(&format!(
        "{BY_ITSELF}setKey('{KEY}')\ncontrolSocket('{console}')\n"
    ));
    let file = front.file.display().to_string();
    let answers = || run(&["-C", &file, "-e", "showVersion()"]).status.success();
    assert!(answers());
    let mut successor = start_beside(&front, &["--successor"]);
    front.front.terminate(PATIENCE).unwrap();
    successor.wait_until(PATIENCE, answers).unwrap();
}

/// A second program with the same configuration, once it says that it serves.
fn start_beside(front: &Stage, arguments: &[&str]) -> Process {
    let scratch = Scratch::create().unwrap();
    let path = scratch.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut command = program()
        .command(&front.file, |program| Command::new(program))
        .unwrap();
    command.args(arguments).env("NOTIFY_SOCKET", path);
    let process = Process::start("successor", command, scratch.path()).unwrap();
    let mut said = [0; 7];
    supervisor.recv(&mut said).unwrap();
    assert_eq!(&said, b"READY=1");
    process
}

#[test]
fn the_command_line_adds_addresses_and_networks() {
    let backend = Responder::start().unwrap();
    let scratch = Scratch::create().unwrap();
    let (written, given) = (free_address(), free_address());
    let text = format!(
        "setLocal(\"{written}\")\nnewServer({{address=\"{}\"}})\n",
        backend.address()
    );
    let file = scratch.write("dnsdist.conf", &text).unwrap();
    let mut command = program().command(&file, |program| Command::new(program)).unwrap();
    command.args(["-l", &given.to_string(), "--acl", "127.0.0.0/8"]);
    let mut process = Process::start("front", command, scratch.path()).unwrap();
    let client = Client::to(given).patience(Duration::from_millis(200));
    process
        .wait_until(Duration::from_secs(5), || client.udp(&a("given.example")).is_ok())
        .unwrap();
}

#[test]
fn a_good_file_is_ok_in_the_words_of_dnsdist() {
    let (file, output) = check("setSecurityPollSuffix('')\nnewServer(\"127.0.0.1:5300\")\n", &[]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(
        printed(&output).contains(&format!("Configuration '{file}' OK!")),
        "{}",
        printed(&output)
    );
}

#[test]
fn beyond_a_good_file_is_ok_as_a_structured_line() {
    let (_, output) = check(
        "newServer(\"127.0.0.1:5300\")\n",
        &["--structured-logging", "true"],
    );
    assert!(output.status.success(), "{}", printed(&output));
    let line = printed(&output);
    for part in [
        "msg=\"Configuration OK\"",
        "subsystem=\"setup\"",
        "level=\"0\"",
        "prio=\"Info\"",
        "ts=\"",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

#[test]
fn beyond_a_broken_file_is_refused_with_its_place() {
    for (text, wanted) in [
        ("newServer(\"127.0.0.1:5300\")\nsetLocal(\n", "dnsdist.conf:"),
        (
            "newServer(\"127.0.0.1:5300\")\n\nnoSuchFunction()\n",
            "dnsdist.conf:3",
        ),
    ] {
        let (_, output) = check(text, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        assert!(
            printed(&output).contains(wanted),
            "no {wanted} in {}",
            printed(&output)
        );
    }
}

#[test]
fn beyond_an_unknown_name_is_answered_with_the_nearest_known_one() {
    let (_, output) = check("\nnewServr(\"127.0.0.1:5300\")\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = printed(&output);
    assert!(
        said.contains("dnsdist.conf:2") && said.contains("newServer"),
        "{said}"
    );
    let (_, output) = check(
        "newServer({address=\"127.0.0.1:5300\", chekName=\"a.example.\"})\n",
        &[],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = printed(&output);
    assert!(
        said.contains("dnsdist.conf:1") && said.contains("checkName"),
        "{said}"
    );
}

#[test]
fn beyond_a_name_that_is_not_built_yet_says_so() {
    let (_, output) = check("addDNSCryptBind()\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = printed(&output);
    assert!(
        said.contains("not supported yet") && said.contains("dnsdist.conf:1"),
        "{said}"
    );
}

#[test]
fn beyond_a_missing_file_is_an_error() {
    let output = run(&["--check-config", "-C", "/no/such/dnsdist.conf"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
}

#[test]
fn the_version_is_printed() {
    let output = run(&["-V"]);
    assert!(output.status.success());
    assert!(
        printed(&output).contains(char::is_numeric),
        "{}",
        printed(&output)
    );
}

#[test]
fn beyond_under_the_name_dnsdist_its_flags_are_taken() {
    let scratch = Scratch::create().unwrap();
    let link = scratch.path().join("dnsdist");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_weir"), &link).unwrap();
    let file = scratch
        .write("dnsdist.conf", "newServer(\"127.0.0.1:5300\")\n")
        .unwrap();
    let output = Command::new(link)
        .arg("--check-config")
        .arg("-C")
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}
