//! What the tests of this crate share: queries, moments and reproducible random numbers.

use std::net::SocketAddr;

use weir_wire::{NameBuf, QType, Query, Timestamp};

use crate::{
    Action, Decision, Ends, LogFormat, LogId, LogTarget, LogTargets, Moment, Notes, PoolId, PoolStatus,
    Selector, Step, Subject, Transport,
};

/// Pools of which only the default one is available.
pub(crate) struct OnlyDefault;

impl PoolStatus for OnlyDefault {
    fn is_available(&self, pool: PoolId) -> bool {
        pool == PoolId::DEFAULT
    }
}

/// A moment at `nanos` with fixed random bits.
pub(crate) fn moment(nanos: u64) -> Moment<'static> {
    Moment {
        now: Timestamp::from_nanos(nanos),
        random: 0,
        worker: 0,
        pools: &OnlyDefault,
    }
}

/// A client at 192.0.2.1 that asks 192.0.2.53 over UDP.
pub(crate) fn ends() -> Ends {
    Ends {
        client: SocketAddr::from(([192, 0, 2, 1], 4000)),
        local: SocketAddr::from(([192, 0, 2, 53], 53)),
        transport: Transport::Udp,
    }
}

/// A query packet with RD set: `qname`, `qtype`, class IN.
pub(crate) fn packet(qname: &str, qtype: QType) -> Vec<u8> {
    packet_with(0x0100, qname, qtype, 1)
}

/// A query packet with the given header flags and class.
pub(crate) fn packet_with(flags: u16, qname: &str, qtype: QType, class: u16) -> Vec<u8> {
    let name: NameBuf = qname.parse().expect(qname);
    let mut packet = vec![0x12, 0x34];
    packet.extend(flags.to_be_bytes());
    packet.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    packet.extend(name.as_name().wire());
    packet.extend(qtype.0.to_be_bytes());
    packet.extend(class.to_be_bytes());
    packet
}

/// Adds an OPT record: payload size, then what stands in place of a TTL, then options.
pub(crate) fn with_opt(mut packet: Vec<u8>, size: u16, ttl: u32, options: &[u8]) -> Vec<u8> {
    packet[11] += 1;
    packet.extend([0, 0, 41]);
    packet.extend(size.to_be_bytes());
    packet.extend(ttl.to_be_bytes());
    packet.extend((options.len() as u16).to_be_bytes());
    packet.extend(options);
    packet
}

/// Whether `selector` matches the query in `packet`, asked at time 0 without notes.
pub(crate) fn matches(selector: &dyn Selector, packet: &[u8]) -> bool {
    matches_from(selector, packet, ends())
}

/// Like [`matches`], for other ends of the conversation.
pub(crate) fn matches_from(selector: &dyn Selector, packet: &[u8], ends: Ends) -> bool {
    let query = Query::parse(packet).expect("a query");
    selector.matches(&Subject::of_query(&query, ends), &moment(0), &Notes::default())
}

/// What `action` says to the query in `packet` at time 0, and the notes it left.
pub(crate) fn apply<'p>(action: &'p dyn Action, packet: &[u8]) -> (Step<Decision<'p>>, Notes) {
    let query = Query::parse(packet).expect("a query");
    let mut notes = Notes::default();
    let step = action.apply(&Subject::of_query(&query, ends()), &moment(0), &mut notes);
    (step, notes)
}

/// The reply that `action` gives to the query in `packet`, without its header.
pub(crate) fn records(action: &dyn Action, packet: &[u8]) -> Vec<u8> {
    let query = Query::parse(packet).expect("a query");
    let (Step::Done(Decision::Answer(answer)), _) = apply(action, packet) else {
        panic!("{action} does not answer");
    };
    let mut buffer = [0; 4096];
    let len = answer.write(&query, Some(1232), &mut buffer).expect("it fits");
    buffer[query.question_end()..len].to_vec()
}

/// A log target's number.
pub(crate) fn log_id() -> LogId {
    LogTargets::default()
        .intern(&log_target(""))
        .expect("there is room")
}

/// Text, appended to `path`.
pub(crate) fn log_target(path: &str) -> LogTarget {
    LogTarget {
        path: path.to_owned(),
        format: LogFormat::Text,
        append: true,
        buffered: false,
        verbose_only: false,
        timestamp: false,
    }
}

/// Reproducible random numbers (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1 << 63)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}
