//! Asking a configuration of dnsdist what it would do: queries that nobody sent, through its own rules.
//!
//! A limit, a rule that comes too late or a list that lets everybody in shows in what becomes of a query, however it
//! was written.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use weir_policy::selectors::{All, And, MaxQps, MaxQpsIp, NetmaskGroup, Or, Probability, QNameSuffix};
use weir_policy::{
    Acl, Action, Chain, Decision, Ends, Moment, Netmask, Notes, PoolId, PoolStatus, QueryChain, Rule,
    Selector, Step, Subject, Transport,
};
use weir_wire::{Class, Flags, NameBuf, QType, Query, Timestamp};

use crate::diagnostics::Placed;
use crate::spec::Spec;

/// Outside of everybody's zones.
pub(super) const OUTSIDE: &str = "www.example.com.";
/// Asked in class CHAOS, it tells what runs here.
const VERSION: &str = "version.bind.";
/// Most queries that are asked to find a limit.
const MAX_ASKED: u64 = 200_000;
/// Most rules that are asked on the way: a long chain is asked fewer times.
const MAX_RULES_ASKED: u64 = 20_000_000;
/// Most rules by suffix that later ones are compared with.
const MAX_COMPARED: usize = 1000;
/// Between two questions, so that no limit is left over from the one before.
const HOUR: u64 = 3_600_000_000_000;
/// Addresses of nobody (RFC 5737).
const STRANGERS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
];

/// What became of a query.
pub(super) struct Outcome {
    /// The pool that it goes to, if it does.
    pub(super) pool: Option<PoolId>,
    /// The rule that decided, by its position.
    pub(super) rule: Option<usize>,
}

/// Every pool can take a query.
struct AllUp;

impl PoolStatus for AllUp {
    fn is_available(&self, _pool: PoolId) -> bool {
        true
    }
}

/// A configuration that is asked.
pub(super) struct Asked {
    acl: Acl,
    chain: QueryChain,
    hour: u64,
}

impl Asked {
    pub(super) fn new(spec: &Spec) -> Self {
        let rules: Vec<_> = { spec.rules.query.iter() }
            .map(|rule| rule.value.clone())
            .collect();
        Self {
            acl: Acl::new(spec.acl.clone()),
            // Reading the file has refused more rules than a chain holds.
            chain: Chain::new(rules, 1).unwrap_or_default(),
            hour: 0,
        }
    }

    /// A subscriber's query, past the access list.
    pub(super) fn query(&mut self, client: IpAddr, qtype: QType) -> Outcome {
        self.next_hour();
        self.decide(client, OUTSIDE, qtype, Class::IN)
    }

    /// A subscriber's question for the version.
    pub(super) fn chaos(&mut self, client: IpAddr) -> Outcome {
        self.next_hour();
        self.decide(client, VERSION, QType::TXT, Class::CHAOS)
    }

    /// The pool that a name outside of our zones goes to when this address asks for it, if it may.
    pub(super) fn pool_of(&mut self, client: IpAddr) -> Option<PoolId> {
        let outcome = self.query(client, QType::A);
        outcome.pool.filter(|_| self.acl.allows(client))
    }

    /// Whether strangers get names of others resolved.
    pub(super) fn serves_strangers(&mut self) -> bool {
        STRANGERS
            .into_iter()
            .all(|stranger| self.pool_of(stranger).is_some())
    }

    /// How many queries of one address pass at once or, where a rule says so, per second, with the rule that ends it.
    pub(super) fn limit(&mut self, client: IpAddr) -> Option<(u64, usize)> {
        self.next_hour();
        let rules = self.chain.rules().len().max(1) as u64;
        for passed in 0..MAX_ASKED.min(MAX_RULES_ASKED / rules) {
            let outcome = self.decide(client, OUTSIDE, QType::A, Class::IN);
            if outcome.pool.is_none() {
                // What the very first query meets is no limit.
                let number = outcome.rule.filter(|_| passed > 0)?;
                let rule = self.chain.rules().get(number)?;
                return Some((declared_rate(&*rule.selector).unwrap_or(passed), number));
            }
        }
        None
    }

    fn next_hour(&mut self) {
        self.hour += HOUR;
    }

    fn decide(&self, client: IpAddr, name: &str, qtype: QType, class: Class) -> Outcome {
        let packet = packet(name, qtype, class);
        let mut notes = Notes::default();
        let Ok(query) = Query::parse(&packet) else {
            return Outcome {
                pool: None,
                rule: None,
            };
        };
        let subject = Subject::of_query(&query, ends(client));
        let decision = self.chain.evaluate(&subject, &self.moment(), &mut notes);
        Outcome {
            pool: (decision == Decision::Forward).then_some(notes.pool),
            rule: notes.decided_by,
        }
    }

    fn moment(&self) -> Moment<'static> {
        Moment {
            now: Timestamp::from_nanos(self.hour),
            random: 0,
            worker: 0,
            pools: &AllUp,
        }
    }
}

/// What a rule does to a query that it matches: whether the chain ends, and the pool that it chose.
pub(super) fn effect(rule: &Rule<dyn Action>) -> (bool, PoolId) {
    let packet = packet(OUTSIDE, QType::A, Class::IN);
    let mut notes = Notes::default();
    let moment = Moment {
        now: Timestamp::ZERO,
        random: 0,
        worker: 0,
        pools: &AllUp,
    };
    let Ok(query) = Query::parse(&packet) else {
        return (false, PoolId::DEFAULT);
    };
    let [client, ..] = STRANGERS;
    let step = rule
        .action
        .apply(&Subject::of_query(&query, ends(client)), &moment, &mut notes);
    (matches!(step, Step::Done(_)), notes.pool)
}

/// For each rule, the earlier one that takes every query that it could see.
pub(super) fn hidden(chain: &[Placed<Rule<dyn Action>>]) -> Vec<Option<usize>> {
    let mut everything: Option<usize> = None;
    let mut texts: HashMap<String, usize> = HashMap::new();
    let mut suffixes: Vec<(usize, &QNameSuffix)> = Vec::new();
    let mut hidden = Vec::new();
    for (number, rule) in chain.iter().enumerate() {
        let selector = &*rule.value.selector;
        let any: &dyn Any = selector;
        let suffix = any.downcast_ref::<QNameSuffix>();
        let text = is_plain(selector).then(|| selector.to_string());
        let same = text.as_ref().and_then(|text| texts.get(text).copied());
        let above = || {
            let names = suffix?.suffixes();
            let mut earlier = suffixes.iter();
            let covers = |earlier: &QNameSuffix| names.names().all(|name| earlier.suffixes().contains(name));
            earlier
                .find(|(_, earlier)| covers(earlier))
                .map(|(number, _)| *number)
        };
        hidden.push(everything.or(same).or_else(above));
        if !effect(&rule.value).0 {
            continue;
        }
        if takes_all(selector) {
            everything.get_or_insert(number);
        }
        if let Some(text) = text {
            texts.entry(text).or_insert(number);
        }
        suffixes.extend(
            suffix
                .filter(|_| suffixes.len() < MAX_COMPARED)
                .map(|suffix| (number, suffix)),
        );
    }
    hidden
}

fn takes_all(selector: &dyn Selector) -> bool {
    let any: &dyn Any = selector;
    let mut parts = selector.parts().iter();
    any.is::<All>()
        || (any.is::<And>() && parts.clone().all(|part| takes_all(&**part)))
        || (any.is::<Or>() && parts.any(|part| takes_all(&**part)))
}

/// Whether its text says all of it, and it says the same of the same query every time.
fn is_plain(selector: &dyn Selector) -> bool {
    let any: &dyn Any = selector;
    let text = selector.to_string();
    let is_draw = any.is::<Probability>() || any.is::<MaxQps>() || any.is::<MaxQpsIp>();
    // What dnsdist calls quiet does not list its names or masks.
    let is_quiet = ["in-set", "in-group"].iter().any(|word| text.contains(word));
    !is_draw && !is_quiet && selector.parts().iter().all(|part| is_plain(&**part))
}

/// What a limit per address allows per second, where the selector has one.
pub(super) fn declared_rate(selector: &dyn Selector) -> Option<u64> {
    let any: &dyn Any = selector;
    match any.downcast_ref::<MaxQpsIp>() {
        Some(limit) => Some(u64::from(limit.limiter().limit().rate.qps)),
        None => selector.parts().iter().find_map(|part| declared_rate(&**part)),
    }
}

/// The networks that a selector looks for among clients.
pub(super) fn sources(selector: &dyn Selector) -> Vec<Netmask> {
    let any: &dyn Any = selector;
    let own = any
        .downcast_ref::<NetmaskGroup>()
        .map(ToString::to_string)
        .unwrap_or_default();
    // Only the text still has the masks.
    let masks = own.strip_prefix("Src: ").unwrap_or_default().split(", ");
    let own = masks.filter_map(|mask| mask.parse().ok());
    let parts = selector.parts().iter().flat_map(|part| sources(&**part));
    own.chain(parts).collect()
}

fn ends(client: IpAddr) -> Ends {
    Ends {
        client: SocketAddr::new(client, 40_000),
        local: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53),
        transport: Transport::Udp,
    }
}

fn packet(name: &str, qtype: QType, class: Class) -> Vec<u8> {
    let mut packet = Vec::new();
    for word in [0, Flags::RD, 1, 0, 0, 0] {
        packet.extend(u16::to_be_bytes(word));
    }
    if let Ok(name) = name.parse::<NameBuf>() {
        packet.extend(name.as_name().wire());
    }
    packet.extend(qtype.0.to_be_bytes());
    packet.extend(class.0.to_be_bytes());
    packet
}
