//! Words that keys take, as types.

use super::values::Word;

/// Declares an enum whose variants are words of the file.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $( $(#[$variant_doc:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $( $(#[$variant_doc])* $variant, )* }

        impl Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[ $( ($word, Self::$variant), )* ];
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// What a node does.
    RoleName {
        /// Serves clients' queries.
        Front = "front",
        /// Holds floating addresses.
        Vip = "vip",
        /// Serves our own zones.
        Auth = "auth",
        /// Resolves everything else.
        Resolve = "resolve",
    }
}

words! {
    /// Who is reached through a network.
    Purpose {
        /// Subscribers and their queries.
        Subscribers = "subscribers",
        /// Servers behind the front ends.
        Backend = "backend",
        /// People and programs that run the site.
        Management = "management",
    }
}

words! {
    /// A program with the role `front`.
    FrontServer {
        /// `weir front`.
        Weir = "weir",
        /// PowerDNS's.
        Dnsdist = "dnsdist",
    }
}

words! {
    /// A program with the role `vip`.
    VipServer {
        /// `weir vip`.
        Weir = "weir",
        /// keepalived.
        Keepalived = "keepalived",
    }
}

words! {
    /// A program with the role `auth`.
    AuthServer {
        /// BIND.
        Named = "named",
    }
}

words! {
    /// A program with the role `resolve`.
    ResolveServer {
        /// NLnet Labs'.
        Unbound = "unbound",
        /// BIND.
        Named = "named",
    }
}

words! {
    /// What becomes of a query that is unwelcome.
    Treatment {
        /// Nothing: it is answered.
        Answer = "answer",
        /// It gets no reply.
        Drop = "drop",
        /// It gets REFUSED.
        Refuse = "refuse",
    }
}

words! {
    /// What becomes of queries above a limit.
    OverLimit {
        /// They get no reply.
        Drop = "drop",
        /// They get REFUSED.
        Refuse = "refuse",
        /// Over UDP they get an empty answer that asks to come over TCP, which a forged source cannot do.
        Truncate = "truncate",
    }
}

words! {
    /// The answer to a query for a blocked name.
    BlockedAnswer {
        /// There is no such name.
        NxDomain = "nxdomain",
        /// REFUSED.
        Refuse = "refuse",
        /// None.
        Drop = "drop",
    }
}

words! {
    /// How a pool picks a server.
    PickPolicy {
        /// The one with the fewest queries in flight.
        LeastOutstanding = "leastOutstanding",
        /// The first that is usable.
        FirstAvailable = "firstAvailable",
        /// One after the other.
        RoundRobin = "roundrobin",
        /// By the query's name, so that each server remembers a part of all names.
        Chashed = "chashed",
    }
}
