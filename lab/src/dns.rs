//! A small DNS client: builds a query, asks over UDP or TCP, keeps everything a test wants to look at.
//!
//! It retries nothing and accepts a UDP reply from any address: whether the reply came from where it should is for
//! the caller to say ([`Reply::from`]).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::str::FromStr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use socket2::{Domain, Socket, Type};

use crate::Namespace;

/// How long a client waits when it was not told otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// UDP or TCP, for checks that are made over both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A connection of its own for the query.
    Tcp,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// A query to be sent. RD is set, as every stub resolver does.
#[derive(Clone, Debug)]
pub struct Ask {
    message: Message,
}

impl Ask {
    /// Asks for `name` and the type with this mnemonic, class IN.
    pub fn new(name: &str, qtype: &str) -> io::Result<Self> {
        static NEXT_ID: AtomicU16 = AtomicU16::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        let name = Name::from_ascii(name).map_err(invalid)?;
        let name = Name::from_labels(name.iter()).map_err(invalid)?;
        message.add_query(Query::query(name, RecordType::from_str(qtype).map_err(invalid)?));
        Ok(Self { message })
    }

    /// With this message id.
    pub fn id(mut self, id: u16) -> Self {
        self.message.metadata.id = id;
        self
    }

    /// With EDNS, announcing this UDP payload size.
    pub fn edns(mut self, payload_size: u16) -> Self {
        let mut edns = Edns::new();
        edns.set_max_payload(payload_size);
        self.message.set_edns(edns);
        self
    }

    /// With RD clear.
    pub fn without_recursion(mut self) -> Self {
        self.message.metadata.recursion_desired = false;
        self
    }

    /// With AD set: whoever answers is to say whether the answer was validated (RFC 6840 §5.7).
    pub fn validated(mut self) -> Self {
        self.message.metadata.authentic_data = true;
        self
    }

    /// In class CHAOS.
    pub fn chaos(mut self) -> Self {
        for query in &mut self.message.queries {
            query.set_query_class(DNSClass::CH);
        }
        self
    }

    /// With another opcode.
    pub fn opcode(mut self, opcode: OpCode) -> Self {
        self.message.metadata.op_code = opcode;
        self
    }

    /// The query as it goes over the wire (without TCP's length).
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        self.message.to_vec().map_err(invalid)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The message, parsed.
    pub message: Message,
    /// The message as it came.
    pub bytes: Vec<u8>,
    /// The address it came from.
    pub from: SocketAddr,
    /// Since the query was sent.
    pub elapsed: Duration,
}

impl Reply {
    /// Authoritative answer.
    pub fn is_authoritative(&self) -> bool {
        self.message.metadata.authoritative
    }

    /// Recursion available.
    pub fn offers_recursion(&self) -> bool {
        self.message.metadata.recursion_available
    }

    /// TC.
    pub fn is_truncated(&self) -> bool {
        self.message.metadata.truncation
    }

    /// The message id.
    pub fn id(&self) -> u16 {
        self.message.metadata.id
    }

    /// The response code.
    pub fn rcode(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    /// The addresses in the answer section.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.message
            .answers
            .iter()
            .filter_map(|record| record.data.ip_addr())
            .collect()
    }

    /// The TTLs in the answer section.
    pub fn ttls(&self) -> Vec<u32> {
        self.message.answers.iter().map(|record| record.ttl).collect()
    }

    fn parse(bytes: Vec<u8>, from: SocketAddr, elapsed: Duration) -> io::Result<Self> {
        let message = Message::from_vec(&bytes).map_err(invalid)?;
        Ok(Self {
            message,
            bytes,
            from,
            elapsed,
        })
    }
}

/// Asks one server, from one host.
#[derive(Clone, Copy, Debug)]
pub struct Client<'n> {
    server: SocketAddr,
    source: Option<IpAddr>,
    namespace: Option<&'n Namespace>,
    patience: Duration,
}

impl<'n> Client<'n> {
    /// Asks `server` from this machine.
    pub fn to(server: SocketAddr) -> Self {
        Self {
            server,
            source: None,
            namespace: None,
            patience: PATIENCE,
        }
    }

    /// Asks from `namespace` instead of this machine.
    pub fn from(self, namespace: &'n Namespace) -> Self {
        Self {
            namespace: Some(namespace),
            ..self
        }
    }

    /// Asks from this local address.
    pub fn source(self, source: IpAddr) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// Waits at most this long for a reply.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The server that is asked.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Asks over the given transport.
    pub fn ask(&self, transport: Transport, ask: &Ask) -> io::Result<Reply> {
        match transport {
            Transport::Udp => self.udp(ask),
            Transport::Tcp => self.tcp(ask),
        }
    }

    /// Asks over UDP; `TimedOut` or `WouldBlock` when nothing comes.
    pub fn udp(&self, ask: &Ask) -> io::Result<Reply> {
        self.udp_bytes(&ask.to_bytes()?)
    }

    /// Sends these bytes over UDP and waits for a reply.
    pub fn udp_bytes(&self, bytes: &[u8]) -> io::Result<Reply> {
        let socket = self.udp_socket()?;
        let began = Instant::now();
        socket.send_to(bytes, self.server)?;
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let (length, from) = socket.recv_from(&mut buffer)?;
        buffer.truncate(length);
        Reply::parse(buffer, from, began.elapsed())
    }

    /// An unconnected UDP socket on this client's host.
    pub fn udp_socket(&self) -> io::Result<UdpSocket> {
        let any = match self.server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let local = SocketAddr::new(self.source.unwrap_or(any), 0);
        let socket = match self.namespace {
            Some(namespace) => namespace.enter(|| UdpSocket::bind(local))??,
            None => UdpSocket::bind(local)?,
        };
        socket.set_read_timeout(Some(self.patience))?;
        Ok(socket)
    }

    /// Asks over a TCP connection of its own.
    pub fn tcp(&self, ask: &Ask) -> io::Result<Reply> {
        let began = Instant::now();
        let mut session = self.connect()?;
        session.send(ask)?;
        let reply = session.receive()?;
        Ok(Reply {
            elapsed: began.elapsed(),
            ..reply
        })
    }

    /// A TCP connection to the server.
    pub fn connect(&self) -> io::Result<Session> {
        let connect = || {
            let socket = Socket::new(Domain::for_address(self.server), Type::STREAM, None)?;
            if let Some(source) = self.source {
                socket.bind(&SocketAddr::new(source, 0).into())?;
            }
            socket.connect_timeout(&self.server.into(), self.patience)?;
            Ok::<_, io::Error>(TcpStream::from(socket))
        };
        let stream = match self.namespace {
            Some(namespace) => namespace.enter(connect)??,
            None => connect()?,
        };
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_nodelay(true)?;
        Ok(Session {
            stream,
            server: self.server,
        })
    }
}

/// An open TCP connection, for pipelining and for what only shows on the second query.
#[derive(Debug)]
pub struct Session {
    stream: TcpStream,
    server: SocketAddr,
}

impl Session {
    /// Sends one query without waiting.
    pub fn send(&mut self, ask: &Ask) -> io::Result<()> {
        self.send_bytes(&ask.to_bytes()?)
    }

    /// Sends one message with its length in front, in one segment.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u16::try_from(bytes.len()).map_err(invalid)?;
        self.stream.write_all(&[&length.to_be_bytes(), bytes].concat())
    }

    /// Sends bytes as they are: half a message, a wrong length.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next message; `UnexpectedEof` when the server closed the connection.
    pub fn receive(&mut self) -> io::Result<Reply> {
        let began = Instant::now();
        let mut length = [0; 2];
        self.stream.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut bytes)?;
        Reply::parse(bytes, self.server, began.elapsed())
    }
}
