//! Why an advert is not believed.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Why an advert is not believed, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It is for the router of this number; nothing is wrong with it.
    OtherRouter(u8),
    /// It is of this version, the router of the other.
    Version(u8),
    /// It is shorter than it says, or longer than padding explains.
    Length {
        /// Bytes that came.
        has: usize,
        /// Bytes that its header announces.
        needs: usize,
    },
    /// It came with this TTL or hop limit: somebody routed it, or it is outside of the peer's range.
    Hops(u8),
    /// It is authenticated in this way (RFC 2338 §5.3.6), the router in another.
    AuthenticationType(u8),
    /// Its password is wrong.
    Password,
    /// Version 2: it comes at another interval than ours. Both routers will be master until that is mended.
    Interval {
        /// What we are configured with.
        ours: Duration,
        /// What it says.
        theirs: Duration,
    },
    /// It is a message of this type, not an advert.
    Type(u8),
    /// Its checksum is wrong in every form that is in use.
    Checksum,
    /// It went to this address: multicast where unicast is configured, or the other way round.
    Destination(IpAddr),
    /// Unicast from an address that is no peer's.
    Source(IpAddr),
    /// It came from our own address: an echo, or a second machine with that address.
    Echo,
}

/// What is counted of a [`Reject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectKind {
    /// [`Reject::OtherRouter`].
    OtherRouter,
    /// [`Reject::Version`].
    Version,
    /// [`Reject::Length`].
    Length,
    /// [`Reject::Hops`].
    Hops,
    /// [`Reject::AuthenticationType`].
    AuthenticationType,
    /// [`Reject::Password`].
    Password,
    /// [`Reject::Interval`].
    Interval,
    /// [`Reject::Type`].
    Type,
    /// [`Reject::Checksum`].
    Checksum,
    /// [`Reject::Destination`].
    Destination,
    /// [`Reject::Source`].
    Source,
    /// [`Reject::Echo`].
    Echo,
}

impl RejectKind {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 12] = [
        Self::OtherRouter,
        Self::Version,
        Self::Length,
        Self::Hops,
        Self::AuthenticationType,
        Self::Password,
        Self::Interval,
        Self::Type,
        Self::Checksum,
        Self::Destination,
        Self::Source,
        Self::Echo,
    ];

    /// The name of its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherRouter => "other_router",
            Self::Version => "version",
            Self::Length => "length",
            Self::Hops => "hops",
            Self::AuthenticationType => "authentication_type",
            Self::Password => "password",
            Self::Interval => "interval",
            Self::Type => "type",
            Self::Checksum => "checksum",
            Self::Destination => "destination",
            Self::Source => "source",
            Self::Echo => "echo",
        }
    }
}

impl Reject {
    /// What is counted of it.
    pub const fn kind(&self) -> RejectKind {
        match self {
            Self::OtherRouter(_) => RejectKind::OtherRouter,
            Self::Version(_) => RejectKind::Version,
            Self::Length { .. } => RejectKind::Length,
            Self::Hops(_) => RejectKind::Hops,
            Self::AuthenticationType(_) => RejectKind::AuthenticationType,
            Self::Password => RejectKind::Password,
            Self::Interval { .. } => RejectKind::Interval,
            Self::Type(_) => RejectKind::Type,
            Self::Checksum => RejectKind::Checksum,
            Self::Destination(_) => RejectKind::Destination,
            Self::Source(_) => RejectKind::Source,
            Self::Echo => RejectKind::Echo,
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRouter(vrid) => write!(f, "for virtual router {vrid}"),
            Self::Version(version) => write!(f, "of VRRP version {version}"),
            Self::Length { has, needs } => write!(f, "{has} bytes long, {needs} by its header"),
            Self::Hops(hops) => write!(f, "hop limit {hops}"),
            Self::AuthenticationType(kind) => write!(f, "authentication type {kind}, not ours"),
            Self::Password => f.write_str("wrong password"),
            Self::Interval { ours, theirs } => {
                write!(f, "its interval is {theirs:?}, ours {ours:?}: make them equal")
            }
            Self::Type(kind) => write!(f, "message type {kind}"),
            Self::Checksum => f.write_str("wrong checksum"),
            Self::Destination(address) => write!(f, "sent to {address}, where this router does not listen"),
            Self::Source(address) => write!(f, "{address} is no peer"),
            Self::Echo => f.write_str("it has our own address"),
        }
    }
}
