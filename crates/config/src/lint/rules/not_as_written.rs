//! What the readers of the files said.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "not-as-written",
    level: Level::Warning,
    about: "lines that a program reads otherwise than they look, or not at all",
    bad_day: "something was never in force, and that is when it is noticed",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for remark in &facts.remarks {
        let fix = remark.help.as_deref().unwrap_or("write what is meant");
        found.add(&remark.place, remark.message.as_str(), fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD2_VIP, found};

    const ID: &str = "not-as-written";

    #[test]
    fn what_a_reader_ignores() {
        let vip = DD2_VIP.replace("advert_int 1", "advert_int 1\nvrrp_frobnicate yes");
        let lines = found(ID, &[("dd2/keepalived.conf", &vip)]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("dd2/keepalived.conf:17: warning: "),
            "{lines:?}"
        );
        assert!(found(ID, &[("dd2/keepalived.conf", DD2_VIP)]).is_empty());
    }

    #[test]
    fn a_file_that_is_included_and_not_there() {
        for named in [
            "include \"/etc/bind/named.conf.more\";\noptions { recursion no; };",
            "options { include \"/etc/bind/named.conf.more\"; recursion no; };",
        ] {
            assert_eq!(
                found(ID, &[("auth1/named.conf", named)]),
                [
                    "auth1/named.conf:1: warning: /etc/bind/named.conf.more is not here, so nobody looked \
                     at it"
                ]
            );
            assert!(found(ID, &[("auth1/named.conf", named), ("auth1/named.conf.more", "")]).is_empty());
        }
    }
}
