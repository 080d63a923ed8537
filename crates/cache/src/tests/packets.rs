//! Packets and a cache to put them into, for the other tests.

use weir_wire::hash::Seed;
use weir_wire::{Flags, NameBuf, QType, Query, Rcode, Timestamp};

use crate::{Accept, Cache, Hit, Inserted, Key, Lookup, Settings};

/// What a client asks; everything that may make an entry of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) qtype: QType,
    /// RD, AD, CD.
    pub(super) flags: u16,
    /// The OPT record, if any.
    pub(super) edns: Option<Opt>,
}

/// An OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Opt {
    /// The payload size.
    pub(super) size: u16,
    /// Extended response code and version.
    pub(super) code_and_version: u16,
    pub(super) flags: u16,
    pub(super) options: Vec<(u16, Vec<u8>)>,
}

impl Opt {
    pub(super) fn record(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for (code, value) in &self.options {
            data.extend_from_slice(&code.to_be_bytes());
            data.extend_from_slice(&(value.len() as u16).to_be_bytes());
            data.extend_from_slice(value);
        }
        let fixed = [self.size, self.code_and_version, self.flags, data.len() as u16];
        [&[0, 0, 41], &fixed.map(u16::to_be_bytes).concat()[..], &data[..]].concat()
    }
}

impl Question {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            qtype: QType::A,
            flags: Flags::RD,
            edns: None,
        }
    }

    pub(super) fn packet(&self, id: u16) -> Vec<u8> {
        let name: NameBuf = self.name.parse().expect("a name");
        let mut packet = header(id, self.flags, [1, 0, 0, u16::from(self.edns.is_some())]);
        packet.extend_from_slice(name.as_name().wire());
        packet.extend_from_slice(&self.qtype.0.to_be_bytes());
        packet.extend_from_slice(&[0, 1]);
        if let Some(edns) = &self.edns {
            packet.extend_from_slice(&edns.record());
        }
        packet
    }
}

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let [questions, answers, authorities, additionals] = counts;
    [id, flags, questions, answers, authorities, additionals]
        .map(u16::to_be_bytes)
        .concat()
}

/// A reply in the making: records are appended as given, behind the question of the query.
#[derive(Clone, Debug)]
pub(super) struct ReplyTo {
    query: Vec<u8>,
    question_end: usize,
    flags: u16,
    counts: [u16; 3],
    records: Vec<u8>,
}

impl ReplyTo {
    pub(super) fn new(query: &[u8]) -> Self {
        let question_end = Query::parse(query).expect("a query").question_end();
        let flags = u16::from_be_bytes([query[2], query[3]]) | Flags::QR | Flags::RA;
        Self {
            query: query.to_vec(),
            question_end,
            flags,
            counts: [0; 3],
            records: Vec::new(),
        }
    }

    pub(super) fn rcode(mut self, rcode: Rcode) -> Self {
        self.flags |= rcode.0;
        self
    }

    pub(super) fn truncated(mut self) -> Self {
        self.flags |= Flags::TC;
        self
    }

    /// A record in section 0 (answer), 1 (authority) or 2 (additional), owned by the name in the question.
    pub(super) fn record(mut self, section: usize, qtype: QType, ttl: u32, data: &[u8]) -> Self {
        self.counts[section] += 1;
        self.records.extend_from_slice(&[0xc0, 12]);
        self.records.extend_from_slice(&qtype.0.to_be_bytes());
        self.records.extend_from_slice(&[0, 1]);
        self.records.extend_from_slice(&ttl.to_be_bytes());
        self.records.extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.records.extend_from_slice(data);
        self
    }

    /// `count` addresses with a TTL.
    pub(super) fn repeated(self, count: usize, ttl: u32) -> Self {
        (0..count).fold(self, |reply, _| reply.address(ttl))
    }

    /// The same addresses with another TTL.
    pub(super) fn with_ttl(mut self, ttl: u32) -> Self {
        let count = usize::from(self.counts[0]);
        (self.counts, self.records) = ([0; 3], Vec::new());
        self.repeated(count, ttl)
    }

    pub(super) fn address(self, ttl: u32) -> Self {
        self.record(0, QType::A, ttl, &[192, 0, 2, 1])
    }

    /// An SOA record in the authority section: root names, five numbers.
    pub(super) fn soa(self, ttl: u32, minimum: u32) -> Self {
        let numbers = [1, 7200, 900, 1_209_600, minimum].map(u32::to_be_bytes).concat();
        self.record(1, QType::SOA, ttl, &[&[0, 0], &numbers[..]].concat())
    }

    pub(super) fn opt(mut self, opt: &Opt) -> Self {
        self.counts[2] += 1;
        self.records.extend_from_slice(&opt.record());
        self
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let [answers, authorities, additionals] = self.counts;
        let mut packet = header(0xbeef, self.flags, [1, answers, authorities, additionals]);
        packet.extend_from_slice(&self.query[12..self.question_end]);
        packet.extend_from_slice(&self.records);
        packet
    }
}

/// A cache with its clock and a buffer, for one caller.
pub(super) struct Bench {
    pub(super) cache: Cache,
    pub(super) now: Timestamp,
    out: Vec<u8>,
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            cache: Cache::new(settings.check().expect("good settings"), Seed::new([7, 11])),
            now: Timestamp::from_secs(1000),
            out: vec![0; 65_535],
        }
    }

    pub(super) fn at(&mut self, second: u32) -> &mut Self {
        self.now = Timestamp::from_secs(1000 + second);
        self
    }

    pub(super) fn key(&self, query: &[u8]) -> Key {
        let query = Query::parse(query).expect("a query");
        self.cache.key(&query).expect("a query that may be cached")
    }

    pub(super) fn insert(&self, query: &[u8], reply: &[u8]) -> Inserted {
        let parsed = Query::parse(query).expect("a query");
        self.cache
            .insert(&parsed, &self.key(query), reply, self.now, None)
    }

    pub(super) fn lookup(&mut self, query: &[u8]) -> Lookup {
        self.lookup_for(query, Accept::Truncated)
    }

    pub(super) fn lookup_for(&mut self, query: &[u8], accept: Accept) -> Lookup {
        let (parsed, key) = (Query::parse(query).expect("a query"), self.key(query));
        self.cache.lookup(&parsed, &key, self.now, accept, &mut self.out)
    }

    pub(super) fn lookup_stale(&mut self, query: &[u8]) -> Lookup {
        let (parsed, key) = (Query::parse(query).expect("a query"), self.key(query));
        self.cache.lookup_stale(&parsed, &key, self.now, &mut self.out)
    }

    pub(super) fn refresh_failed(&self, query: &[u8]) {
        let parsed = Query::parse(query).expect("a query");
        self.cache.refresh_failed(&parsed, &self.key(query), self.now);
    }

    /// The reply that a valid entry gives.
    pub(super) fn hit(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        match self.lookup(query) {
            Lookup::Hit(Hit { len, .. }) => Some(self.out[..len].to_vec()),
            Lookup::Stale(_) | Lookup::Miss { .. } => None,
        }
    }

    /// What the last lookup wrote.
    pub(super) fn written(&self, len: usize) -> &[u8] {
        &self.out[..len]
    }
}

/// Random numbers that are the same in every run (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number in 0.0..1.0.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
