//! A resolver for the whole Internet.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Fate, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "open-resolver",
    level: Level::Error,
    about: "names of others resolved for everybody",
    bad_day: "somebody sends forged queries, and your front end floods the victim with the answers until \
              the address is on every blocklist",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in facts
        .fronts
        .iter()
        .filter(|front| front.stranger.value == Fate::Forwarded)
    {
        let fix = match front.language {
            Language::Foreign => "write setACL with your subscribers' networks",
            Language::Site => "write policy.strangers = \"drop\"",
        };
        found.add(
            &front.stranger.place,
            format!("{} resolves names for everybody", front.node),
            fix,
        );
    }
    for server in &facts.servers {
        let Some(recursion) = &server.recursion else {
            continue;
        };
        let everybody = ["any", "0.0.0.0/0", "::/0"];
        if recursion
            .value
            .iter()
            .any(|who| everybody.contains(&who.as_str()))
        {
            let what = format!("{} resolves names for everybody", server.node);
            found.add(
                &recursion.place,
                what,
                "write allow-recursion with the front ends' addresses",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, REC, SITE, found};

    const ID: &str = "open-resolver";

    #[test]
    fn an_access_list_of_everybody() {
        let open = FRONT.replace("setACL({\"10.10.2.0/24\"})", "setACL({\"0.0.0.0/0\", \"::/0\"})");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &open)]),
            ["dd1/dnsdist.conf:2: error: dd1 resolves names for everybody"]
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn a_rule_that_stops_strangers_is_enough() {
        let closed = FRONT.replace(
            "setACL({\"10.10.2.0/24\"})",
            "setACL(\"0.0.0.0/0\") s = newNMG() s:addMask(\"10.10.2.0/24\") \
             addAction(NotRule(NetmaskGroupRule(s)), RCodeAction(5))",
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", &closed)]).is_empty());
    }

    #[test]
    fn a_named_that_lets_everybody_in() {
        let lists = [
            "allow-recursion { any; };",
            "allow-query { any; };",
            "acl all { any; }; allow-recursion { all; };",
        ];
        for (number, list) in lists.into_iter().enumerate() {
            let named = REC
                .replace("allow-recursion { 10.20.0.161; 10.20.0.162; };", list)
                .replace("acl all { any; };", "");
            let named = if number == 2 {
                format!("acl all {{ any; }};\n{named}")
            } else {
                named
            };
            assert_eq!(found(ID, &[("rec1/named.conf", &named)]).len(), 1, "{list}");
        }
        assert!(found(ID, &[("rec1/named.conf", REC)]).is_empty());
        let nobody = REC.replace("allow-recursion { 10.20.0.161; 10.20.0.162; };", "");
        assert!(
            found(ID, &[("rec1/named.conf", &nobody)]).is_empty(),
            "named's own default is its neighbours"
        );
    }

    #[test]
    fn a_site_that_answers_strangers() {
        let site = format!("{SITE}\n[policy]\nstrangers = \"answer\"\n");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 1);
    }
}
