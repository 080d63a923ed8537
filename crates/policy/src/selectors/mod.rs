//! What rules look at, one selector per file.
//!
//! Names and texts are dnsdist's without its `Rule`; what each matches was checked against dnsdist 1.7.3 where
//! its documentation leaves room. Where a selector is named after a type of `weir-wire`, that type is spelled
//! `wire::…` here.

mod dnssec;
mod edns;
mod logic;
mod max_qps;
mod max_qps_ip;
mod netmask_group;
mod opcode;
mod payload_size;
mod pool_available;
mod probability;
mod qclass;
mod qname;
mod qname_set;
mod qname_shape;
mod qname_suffix;
mod qtype;
mod rcode;
mod rd;
mod regex;
mod tag;
mod tcp;

pub use self::regex::Regex;
pub use dnssec::Dnssec;
pub use edns::{EdnsOption, EdnsVersion};
pub use logic::{All, And, Not, Or};
pub use max_qps::MaxQps;
pub use max_qps_ip::MaxQpsIp;
pub use netmask_group::{End, NetmaskGroup};
pub use opcode::Opcode;
pub use payload_size::{Comparison, PayloadSize};
pub use pool_available::PoolAvailable;
pub use probability::Probability;
pub use qclass::QClass;
pub use qname::QName;
pub use qname_set::QNameSet;
pub use qname_shape::{QNameLabelsCount, QNameWireLength};
pub use qname_suffix::QNameSuffix;
pub use qtype::QType;
pub use rcode::RCode;
pub use rd::Rd;
pub use tag::Tag;
pub use tcp::Tcp;
