//! A password that is cut.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-password-too-long",
    level: Level::Warning,
    about: "a VRRP password of more than 8 bytes",
    bad_day: "only the first 8 bytes are sent (RFC 2338 §5.3.6): two passwords that differ behind them are \
              one, and a router that does not cut refuses both",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for place in &facts.cut_passwords {
        found.add(
            place,
            "the password of VRRP has more than 8 bytes",
            "write 8 bytes at most, the same on every node",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD2_VIP, found};

    #[test]
    fn nine_bytes_and_eight() {
        for (password, lines) in [
            (
                "lab123456",
                vec!["dd2/keepalived.conf:19: warning: the password of VRRP has more than 8 bytes"],
            ),
            ("lab12345", vec![]),
        ] {
            let vip = DD2_VIP.replace("lab123", password);
            assert_eq!(
                found("vrrp-password-too-long", &[("dd2/keepalived.conf", &vip)]),
                lines,
                "{password}"
            );
        }
    }
}
