//! What a rule looks at: one message, and the two ends of the conversation that it belongs to.

use std::net::SocketAddr;

use weir_wire::{Class, Edns, Flags, Name, QType, Query, Reply};

/// What carries the conversation with the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Plain DNS over UDP.
    Udp,
    /// Plain DNS over TCP.
    Tcp,
}

/// The two ends of a conversation and what carries it.
///
/// IPv4 addresses that arrived on an IPv6 socket (`::ffff:…`) are expected in their IPv4 form
/// (`IpAddr::to_canonical`): masks, limits and rules know each client by one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who asked.
    pub client: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
    /// What carried the query and will carry the reply.
    pub transport: Transport,
}

/// The message that rules decide on: a query, or the reply to one.
///
/// On a reply the question and the ends are those of the query; flags, response code, size and EDNS are the
/// reply's own, as in dnsdist.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The name asked for.
    pub qname: Name<'a>,
    /// The type asked for.
    pub qtype: QType,
    /// The class asked for.
    pub class: Class,
    /// Client, queried address and transport.
    pub ends: Ends,
    message: Message<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Message<'a> {
    Query(&'a Query<'a>),
    Reply(&'a Reply<'a>),
}

impl<'a> Subject<'a> {
    /// The subject of a chain that runs before the query is forwarded or answered.
    pub fn of_query(query: &'a Query<'a>, ends: Ends) -> Self {
        Self {
            qname: query.qname,
            qtype: query.qtype,
            class: query.class,
            ends,
            message: Message::Query(query),
        }
    }

    /// The subject of a chain that runs on the reply. `question` is the query's (name, type and class as on the
    /// wire), because some replies have none; `None` when it is not a question.
    pub fn of_reply(reply: &'a Reply<'a>, question: &'a [u8], ends: Ends) -> Option<Self> {
        let qname = Name::parse(question, 0).ok()?;
        let fixed = question.get(qname.wire().len()..)?.first_chunk::<4>()?;
        Some(Self {
            qname,
            qtype: QType(u16::from_be_bytes([fixed[0], fixed[1]])),
            class: Class(u16::from_be_bytes([fixed[2], fixed[3]])),
            ends,
            message: Message::Reply(reply),
        })
    }

    /// The whole message.
    pub fn packet(&self) -> &'a [u8] {
        match self.message {
            Message::Query(query) => query.packet(),
            Message::Reply(reply) => reply.packet(),
        }
    }

    /// The message's header flags.
    pub fn flags(&self) -> Flags {
        match self.message {
            Message::Query(query) => query.header.flags,
            Message::Reply(reply) => reply.header.flags,
        }
    }

    /// The message's OPT record. A reply's records are walked for it, so ask only when a rule needs it.
    pub fn edns(&self) -> Option<Edns> {
        match self.message {
            Message::Query(query) => query.edns,
            Message::Reply(reply) => reply
                .records()
                .map_while(Result::ok)
                .find_map(|record| record.as_edns(reply.packet())),
        }
    }
}
