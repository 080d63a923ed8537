//! A limit per address where an address is thousands of homes.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Front, Language, Limit};
use crate::lint::finding::Level;

/// What one address of a carrier's NAT needs at its peak: 2000 homes behind it, one query per second each.
const NEEDED_PER_SECOND: u64 = 2000;

pub(super) static RULE: Rule = Rule {
    id: "rate-limit-against-cgnat",
    level: Level::Warning,
    about: "a limit per address that an address with many homes behind it exceeds every evening",
    bad_day: "at the peak, thousands of homes behind one CGNAT address lose most of their queries, and no \
              graph of servers shows why",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        let mut is_judged = false;
        for limit in front.limits.iter().filter(|limit| limit.cgnat.is_some()) {
            is_judged = true;
            judge(front, limit, found);
        }
        // A foreign file does not say which addresses are shared; the limit that it has is for all of them.
        if let (false, Language::Foreign, Some(limit)) = (is_judged, front.language, front.limits.first())
            && let Some(queries) = limit
                .per_second
                .value
                .filter(|queries| *queries < NEEDED_PER_SECOND)
        {
            let what = format!(
                "{}: every address may ask {queries} queries per second, shared or not",
                front.node
            );
            let fix = "if addresses of many homes ask here, name them with --cgnat and give them a limit \
                       of their own";
            found.add_as(Level::Note, &limit.per_second.place, what, fix);
        }
    }
}

fn judge(front: &Front, limit: &Limit, found: &mut Found) {
    let (Some(queries), Some(network)) = (limit.per_second.value, limit.cgnat) else {
        return;
    };
    if queries >= NEEDED_PER_SECOND {
        return;
    }
    let what = format!(
        "{}: {queries} queries per second for an address of {network}, which stands for many homes",
        front.node
    );
    let fix = match front.language {
        Language::Foreign => format!(
            "limit these apart: AndRule({{NetmaskGroupRule(cgnat), MaxQPSIPRule({})}}), and the others with \
             NotRule(NetmaskGroupRule(cgnat))",
            NEEDED_PER_SECOND * 10
        ),
        Language::Site => format!("raise limits.queries_per_cgnat_address to {NEEDED_PER_SECOND} at least"),
    };
    found.add(&limit.per_second.place, what, fix);
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found, found_by, given};

    const ID: &str = "rate-limit-against-cgnat";

    #[test]
    fn a_limit_for_homes_against_an_address_of_many() {
        let by = given(&["10.10.2.0/24"], &["203.0.113.0/24"], None);
        assert_eq!(
            found_by(ID, &[("dd1/dnsdist.conf", FRONT)], &by),
            [
                "dd1/dnsdist.conf:5: warning: dd1: 200 queries per second for an address of 203.0.113.0/24, which stands for \
              many homes"
            ]
        );
    }

    #[test]
    fn a_limit_of_their_own_is_enough() {
        let front = FRONT.replace(
            "addAction(MaxQPSIPRule(200), DropAction())",
            "c = newNMG() c:addMask(\"203.0.113.0/24\") \
             addAction(AndRule({NetmaskGroupRule(c), MaxQPSIPRule(20000)}), DropAction()) \
             addAction(AndRule({NotRule(NetmaskGroupRule(c)), MaxQPSIPRule(200)}), DropAction())",
        );
        let by = given(&["10.10.2.0/24"], &["203.0.113.0/24"], None);
        assert!(found_by(ID, &[("dd1/dnsdist.conf", &front)], &by).is_empty());
    }

    #[test]
    fn without_the_operators_word_it_is_a_note() {
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", FRONT)]),
            ["dd1/dnsdist.conf:5: note: dd1: every address may ask 200 queries per second, shared or not"]
        );
    }

    #[test]
    fn a_site_that_marks_them() {
        let marked = SITE.replace("[networks.lan]", "cgnat = \"203.0.113.0/24\"\n\n[networks.lan]");
        assert!(found(ID, &[("weir.toml", &marked)]).is_empty());
        let low = format!("{marked}\n[limits]\nqueries_per_cgnat_address = 500\n");
        assert_eq!(found(ID, &[("weir.toml", &low)]).len(), 1);
    }
}
