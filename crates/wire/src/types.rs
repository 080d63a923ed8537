//! QTYPE, CLASS and RCODE: numbers with the names of the IANA registries.

use std::fmt;

/// Declares a number newtype with its registry names, once: constants, parsing and printing derive from it.
macro_rules! registry {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, { $($konst:ident = $text:literal, $value:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            $(#[doc = concat!("`", $text, "`")] pub const $konst: Self = Self($value);)*

            /// Every registered name with its value, in registry order.
            pub const REGISTRY: &'static [(&'static str, Self)] = &[$(($text, Self($value)),)*];

            /// The value of a registry name (any case), or of the generic form of RFC 3597 §5.
            pub fn from_name(name: &str) -> Option<Self> {
                let known = Self::REGISTRY.iter().find(|(text, _)| text.eq_ignore_ascii_case(name));
                if let Some((_, value)) = known {
                    return Some(*value);
                }
                let start = name.get(..$prefix.len())?;
                if !start.eq_ignore_ascii_case($prefix) {
                    return None;
                }
                name.get($prefix.len()..)?.parse().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match Self::REGISTRY.iter().find(|(_, value)| value == self) {
                    Some((text, _)) => f.write_str(text),
                    None => write!(f, "{}{}", $prefix, self.0),
                }
            }
        }
    };
}

registry! {
    /// A record or query type (IANA "Resource Record (RR) TYPEs").
    QType, "TYPE", {
        A = "A", 1; NS = "NS", 2; CNAME = "CNAME", 5; SOA = "SOA", 6; MB = "MB", 7; MG = "MG", 8; MR = "MR", 9;
        WKS = "WKS", 11; PTR = "PTR", 12; HINFO = "HINFO", 13; MINFO = "MINFO", 14; MX = "MX", 15;
        TXT = "TXT", 16; RP = "RP", 17; AFSDB = "AFSDB", 18; SIG = "SIG", 24; KEY = "KEY", 25; AAAA = "AAAA", 28;
        LOC = "LOC", 29; SRV = "SRV", 33; NAPTR = "NAPTR", 35; KX = "KX", 36; CERT = "CERT", 37; A6 = "A6", 38;
        DNAME = "DNAME", 39; OPT = "OPT", 41; APL = "APL", 42; DS = "DS", 43; SSHFP = "SSHFP", 44;
        IPSECKEY = "IPSECKEY", 45; RRSIG = "RRSIG", 46; NSEC = "NSEC", 47; DNSKEY = "DNSKEY", 48;
        DHCID = "DHCID", 49; NSEC3 = "NSEC3", 50; NSEC3PARAM = "NSEC3PARAM", 51; TLSA = "TLSA", 52;
        SMIMEA = "SMIMEA", 53; RKEY = "RKEY", 57; CDS = "CDS", 59; CDNSKEY = "CDNSKEY", 60;
        OPENPGPKEY = "OPENPGPKEY", 61; CSYNC = "CSYNC", 62; ZONEMD = "ZONEMD", 63; SVCB = "SVCB", 64;
        HTTPS = "HTTPS", 65; SPF = "SPF", 99; NID = "NID", 104; L32 = "L32", 105; L64 = "L64", 106; LP = "LP", 107;
        EUI48 = "EUI48", 108; EUI64 = "EUI64", 109; TKEY = "TKEY", 249; TSIG = "TSIG", 250; IXFR = "IXFR", 251;
        AXFR = "AXFR", 252; MAILB = "MAILB", 253; MAILA = "MAILA", 254; ANY = "ANY", 255; URI = "URI", 256;
        CAA = "CAA", 257; DLV = "DLV", 32769;
    }
}

registry! {
    /// A class (IANA "DNS CLASSes").
    Class, "CLASS", { IN = "IN", 1; CHAOS = "CH", 3; HESIOD = "HS", 4; NONE = "NONE", 254; ANY = "ANY", 255; }
}

registry! {
    /// A response code, header and EDNS bits together (IANA "DNS RCODEs").
    Rcode, "RCODE", {
        NOERROR = "NOERROR", 0; FORMERR = "FORMERR", 1; SERVFAIL = "SERVFAIL", 2; NXDOMAIN = "NXDOMAIN", 3;
        NOTIMP = "NOTIMP", 4; REFUSED = "REFUSED", 5; YXDOMAIN = "YXDOMAIN", 6; YXRRSET = "YXRRSET", 7;
        NXRRSET = "NXRRSET", 8; NOTAUTH = "NOTAUTH", 9; NOTZONE = "NOTZONE", 10; DSOTYPENI = "DSOTYPENI", 11;
        BADVERS = "BADVERS", 16; BADKEY = "BADKEY", 17; BADTIME = "BADTIME", 18; BADMODE = "BADMODE", 19;
        BADNAME = "BADNAME", 20; BADALG = "BADALG", 21; BADTRUNC = "BADTRUNC", 22; BADCOOKIE = "BADCOOKIE", 23;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree_both_ways() {
        for (text, value) in QType::REGISTRY {
            assert_eq!(QType::from_name(text), Some(*value));
            assert_eq!(value.to_string(), *text);
        }
        assert_eq!(QType::from_name("aaaa"), Some(QType::AAAA));
        assert_eq!(QType::from_name("type65280"), Some(QType(65280)));
        assert_eq!(QType(65280).to_string(), "TYPE65280");
        assert_eq!(QType::from_name("nonsense"), None);
        assert_eq!(QType::from_name("TYPE70000"), None);
    }
}
