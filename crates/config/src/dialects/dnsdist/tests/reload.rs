//! What survives a reload, and what does not.

use weir_balance::Mode;

use super::*;

const FILE_TEXT: &str = "getPool('rec'):setCache(newPacketCache(1000, {maxTTL=300}))
newServer({address='192.0.2.1', pool='rec'})
newServer({address='192.0.2.2', pool='rec', weight=2})
addAction(MaxQPSIPRule(50), DropAction())
addAction(AllRule(), PoolAction('rec'))";

/// Loads `before`, then `after` on top of it.
fn reload(before: &str, after: &str) -> (Snapshot, Snapshot) {
    let old = loaded(before);
    let first = build(&old.session.spec(), None).expect("a snapshot").snapshot;
    let carry = old.session.carry().expect("a session");
    let new = Session::load(after, Path::new(FILE), &Overrides::default(), carry).expect("a file");
    let second = build(&new.session.spec(), Some(&first))
        .expect("a snapshot")
        .snapshot;
    (first, second)
}

fn cache(snapshot: &Snapshot) -> &Arc<weir_cache::Cache> {
    snapshot
        .pool("rec")
        .and_then(|pool| pool.cache.as_ref())
        .expect("a cache")
}

#[test]
fn what_is_the_same_stays() {
    let (first, second) = reload(FILE_TEXT, &format!("addACL('192.0.2.0/24')\n\n{FILE_TEXT}"));
    assert_eq!(second.generation, 1);
    assert!(Arc::ptr_eq(cache(&first), cache(&second)));
    for (old, new) in first.backends.iter().zip(&second.backends) {
        assert!(Arc::ptr_eq(old, new));
    }
    let limiter = |snapshot: &Snapshot| format!("{:?}", snapshot.query_rules.rules()[0].uuid);
    assert_eq!(limiter(&first), limiter(&second), "the rule's counter goes on");
    assert!(second.allows([192, 0, 2, 7].into()) && !first.allows([192, 0, 2, 7].into()));
}

#[test]
fn a_client_above_its_limit_is_above_it_after_a_reload() {
    let old = loaded("addAction(MaxQPSRule(1), DropAction())");
    let carry = old.session.carry().expect("a session");
    let mut again = carry.limiters;
    let mut fresh = old.session.carry().expect("a session").limiters;
    let rate = weir_policy::Rate::per_second(1);
    let now = Timestamp::from_secs(1);
    assert!(again.rate(rate).admit(now));
    assert!(!fresh.rate(rate).admit(now), "the same limiter");
}

#[test]
fn a_changed_server_keeps_its_state_under_new_settings() {
    let (first, second) = reload(FILE_TEXT, &FILE_TEXT.replace("weight=2", "weight=7"));
    let (old, new) = (&first.backends[1], &second.backends[1]);
    assert!(!Arc::ptr_eq(old, new) && old.is(new));
    assert_eq!(new.settings().weight.get(), 7);
    old.set_mode(Mode::Down);
    assert_eq!(new.mode(), Mode::Down, "the operator's word stays");
}

#[test]
fn other_settings_make_another_cache() {
    let (first, second) = reload(FILE_TEXT, &FILE_TEXT.replace("maxTTL=300", "maxTTL=301"));
    assert!(!Arc::ptr_eq(cache(&first), cache(&second)));
}

#[test]
fn another_address_is_another_server() {
    let (first, second) = reload(FILE_TEXT, &FILE_TEXT.replace("192.0.2.2", "192.0.2.3"));
    assert!(Arc::ptr_eq(&first.backends[0], &second.backends[0]));
    assert!(!first.backends[1].is(&second.backends[1]));
}

#[test]
fn pools_that_share_a_cache_go_on_sharing_it() {
    let text = "pc = newPacketCache(100)\ngetPool('a'):setCache(pc)\ngetPool('b'):setCache(pc)";
    let (first, second) = reload(text, text);
    let caches = |snapshot: &Snapshot| {
        ["a", "b"].map(|name| {
            snapshot
                .pool(name)
                .and_then(|pool| pool.cache.clone())
                .expect(name)
        })
    };
    let [[a, b], [again_a, again_b]] = [caches(&first), caches(&second)];
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&a, &again_a) && Arc::ptr_eq(&a, &again_b));
}

#[test]
fn caches_that_were_one_and_are_two_do_not_mix() {
    let shared = "pc = newPacketCache(100)\ngetPool('a'):setCache(pc)\ngetPool('b'):setCache(pc)";
    let apart = "getPool('a'):setCache(newPacketCache(100))\ngetPool('b'):setCache(newPacketCache(100))";
    let (first, second) = reload(shared, apart);
    let caches = |snapshot: &Snapshot| {
        ["a", "b"].map(|name| {
            snapshot
                .pool(name)
                .and_then(|pool| pool.cache.clone())
                .expect(name)
        })
    };
    let [[a, _], [new_a, new_b]] = [caches(&first), caches(&second)];
    assert!(Arc::ptr_eq(&a, &new_a) && !Arc::ptr_eq(&a, &new_b));
}

#[test]
fn a_server_that_is_written_once_per_pool_is_carried_over_per_pool() {
    let text = "newServer({address='192.0.2.1', pool='a'})\nnewServer({address='192.0.2.1', pool='b'})";
    let (first, second) = reload(text, text);
    assert!(!first.backends[0].is(&first.backends[1]));
    for (old, new) in first.backends.iter().zip(&second.backends) {
        assert!(Arc::ptr_eq(old, new));
    }
}

#[test]
fn equal_rules_have_identities_by_their_order() {
    let text = "for i = 1, 3 do addAction(AllRule(), NoneAction()) end";
    let (first, second) = reload(text, text);
    let uuids = |snapshot: &Snapshot| {
        snapshot
            .query_rules
            .rules()
            .iter()
            .map(|rule| rule.uuid)
            .collect::<Vec<_>>()
    };
    assert_eq!(uuids(&first), uuids(&second));
    let distinct: std::collections::BTreeSet<_> = uuids(&first).into_iter().collect();
    assert_eq!(distinct.len(), 3);
}
