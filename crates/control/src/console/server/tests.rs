use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use tokio::io::{DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use weir_config::Secret;
use weir_policy::NetmaskGroup;

use super::*;
use crate::console::client::Client;

const KEY: &str = "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb74=";
const LOOPBACK: &str = "127.0.0.0/8";

#[test]
fn commands_are_answered_in_plain_text_and_sealed() {
    for key in [None, Some(KEY)] {
        let mut client = connect(start(settings(LOOPBACK, key, 0)), key).unwrap();
        assert_eq!(client.ask("echo one").unwrap(), Ok("one".to_owned()));
        assert_eq!(client.ask("fail").unwrap(), Err("unknown: fail".to_owned()));
        let long = "x".repeat(300_000);
        assert_eq!(client.ask(&format!("echo {long}")).unwrap(), Ok(long));
    }
}

#[test]
fn lines_are_carried_out_in_order_and_failures_are_told() {
    let mut client = connect(start(settings(LOOPBACK, None, 0)), None).unwrap();
    let mut output = Vec::new();
    let input = "echo one\n\necho two\n";
    assert!(client.run_lines(input.as_bytes(), &mut output).unwrap());
    assert!(
        !client
            .run_lines(&b"nonsense\necho three"[..], &mut output)
            .unwrap()
    );
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "one\ntwo\nunknown: nonsense\nthree\n"
    );
}

#[test]
fn a_client_with_another_key_or_none_is_refused() {
    let keyed = start(settings(LOOPBACK, Some(KEY), 0));
    let other = Key::from_random([1; 32]).to_base64();
    let error = |address, key| {
        connect(address, key)
            .err()
            .map(|error| error.to_string())
            .unwrap()
    };
    assert!(error(keyed, Some(&other)).contains("closed the connection"));
    assert!(error(keyed, None).contains("there is none here"));
    let plain = start(settings(LOOPBACK, None, 0));
    assert!(error(plain, Some(KEY)).contains("the peer has none"));
}

#[test]
fn clients_outside_the_acl_are_refused() {
    let address = start(settings("192.0.2.0/24", None, 0));
    assert!(connect(address, None).is_err());
}

#[test]
fn connections_are_limited() {
    let address = start(settings(LOOPBACK, None, 1));
    let mut first = connect(address, None).unwrap();
    assert!(connect(address, None).is_err());
    assert_eq!(first.ask("echo still here").unwrap(), Ok("still here".to_owned()));
}

#[test]
fn one_bad_client_does_not_hurt_the_next() {
    let address = start(settings(LOOPBACK, Some(KEY), 0));
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"",
        b"WEIR\x01\x01saltsalt\xff\xff\xff\xff",
        b"WEIR\x01\x02saltsalt",
    ] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        io::Write::write_all(&mut stream, garbage).unwrap();
    }
    let mut client = connect(address, Some(KEY)).unwrap();
    assert_eq!(client.ask("echo fine").unwrap(), Ok("fine".to_owned()));
}

#[test]
fn a_silent_client_is_given_up() {
    let error = hostile(|stream| async move { stream });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_client_that_never_proves_its_key_is_given_up() {
    let error = hostile(|mut stream| async move {
        stream
            .write_all(&Hello::new(None, [0; 8]).to_bytes())
            .await
            .unwrap();
        stream
    });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_command_that_does_not_end_is_given_up() {
    let error = hostile(|mut stream| async move {
        greet_as_client(&mut stream).await;
        stream
            .write_all(&[0, 0, 0, 9, b'h', b'a', b'l', b'f'])
            .await
            .unwrap();
        stream
    });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_cut_command_ends_the_connection() {
    let error = hostile(|mut stream| async move {
        greet_as_client(&mut stream).await;
        stream.write_all(&[0, 0, 0, 9, b'h']).await.unwrap();
        stream.shutdown().await.unwrap();
        stream
    });
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn an_endless_command_is_refused_by_its_length() {
    let error = hostile(|mut stream| async move {
        greet_as_client(&mut stream).await;
        stream.write_all(&[0x7f, 0xff, 0xff, 0xff]).await.unwrap();
        stream
    });
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let error = hostile(|mut stream| async move {
        greet_as_client(&mut stream).await;
        let command = format!("echo {}", "x".repeat(10_000));
        let frame = plain_channel().frame(command.as_bytes()).unwrap();
        stream.write_all(&frame).await.unwrap();
        stream
    });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// Answers `echo TEXT`.
struct Echo(ConsoleSettings);

impl Console for Echo {
    fn settings(&self) -> Option<ConsoleSettings> {
        Some(self.0.clone())
    }

    fn evaluate(&self, command: &str) -> Answer {
        let text = command
            .strip_prefix("echo ")
            .ok_or_else(|| format!("unknown: {command}"))?;
        Ok(text.to_owned())
    }
}

fn settings(acl: &str, key: Option<&str>, max_connections: u32) -> ConsoleSettings {
    ConsoleSettings {
        address: (Ipv4Addr::LOCALHOST, 0).into(),
        acl: NetmaskGroup::from_masks([acl]).unwrap(),
        key: key.map(Secret::new),
        max_connections,
    }
}

/// A server on a thread of its own, until the test ends.
fn start(settings: ConsoleSettings) -> SocketAddr {
    let listener = std::net::TcpListener::bind(settings.address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let console = Rc::new(Echo(settings));
        LocalSet::new().block_on(&runtime, async {
            serve(TcpListener::from_std(listener).unwrap(), console).await;
        });
    });
    address
}

fn connect(address: SocketAddr, key: Option<&str>) -> io::Result<Client> {
    let key = key.map(|key| Key::from_base64(key).unwrap());
    Client::connect(address, key.as_ref())
}

/// How the server's side of a conversation ends with a client that does `act` and then nothing more, in paused
/// time: whoever waits for a timeout gets it at once.
fn hostile<F: Future<Output = DuplexStream> + 'static>(act: impl FnOnce(DuplexStream) -> F) -> io::Error {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (client, mut server) = duplex(1024);
    let console = Echo(settings(LOOPBACK, None, 0));
    LocalSet::new().block_on(&runtime, async move {
        // What the client returns, its end of the connection, lives as long as its task's handle.
        let _client = spawn_local(act(client));
        talk(&mut server, None, [1; 8], &console).await.unwrap_err()
    })
}

async fn greet_as_client(stream: &mut DuplexStream) {
    stream
        .write_all(&Hello::new(None, [0; 8]).to_bytes())
        .await
        .unwrap();
    stream
        .write_all(&plain_channel().frame(b"").unwrap())
        .await
        .unwrap();
    let mut greeting = [0; Hello::LEN + PREFIX_LEN + 1];
    stream.read_exact(&mut greeting).await.unwrap();
}

fn plain_channel() -> Channel {
    let hello = Hello::new(None, [0; 8]);
    Channel::new(Side::Client, None, hello, hello).unwrap()
}
