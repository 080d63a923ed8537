use super::*;
use std::sync::Arc;

use crate::actions::{Allow, Drop, None as NoOp, Pool, SetSkipCache, SetTag, Then};
use crate::selectors::{All, QType, Tag};
use crate::testing::{ends, moment, packet};
use crate::{PoolNames, Selector, Uuid};
use weir_wire::{Query, Reply};

fn rule<A: ?Sized>(number: u64, selector: impl Selector + 'static, action: Arc<A>) -> Rule<A> {
    Rule {
        name: String::new(),
        uuid: Uuid::from_random([number, number]),
        creation_order: number,
        selector: Arc::new(selector),
        action,
    }
}

fn any() -> QType {
    QType::new(weir_wire::QType::ANY)
}

/// Evaluates `chain` for a query of `qtype` on worker `worker`.
fn evaluate(chain: &QueryChain, qtype: weir_wire::QType, worker: usize, notes: &mut Notes) -> String {
    let packet = packet("example.com", qtype);
    let query = Query::parse(&packet).expect("a query");
    let moment = Moment { worker, ..moment(0) };
    format!(
        "{:?}",
        chain.evaluate(&Subject::of_query(&query, ends()), &moment, notes)
    )
}

fn blueprint() -> QueryChain {
    let rec = PoolNames::default().intern("rec").expect("there is room");
    let rules: Vec<Rule<dyn Action>> = vec![
        rule(0, All, Arc::new(SetTag::new("seen", "yes"))),
        rule(1, any(), Arc::new(Drop)),
        rule(2, Tag::is_set("seen"), Arc::new(Pool::new(rec, Then::Continue))),
        rule(3, All, Arc::new(Allow)),
        rule(4, All, Arc::new(Drop)),
    ];
    Chain::new(rules, 2).expect("a chain")
}

#[test]
fn the_first_decision_wins_and_earlier_notes_stay() {
    let chain = blueprint();
    let mut notes = Notes::default();
    assert_eq!(evaluate(&chain, weir_wire::QType::A, 0, &mut notes), "Forward");
    assert_eq!(
        (notes.decided_by, notes.pool.index(), notes.tag("seen")),
        (Some(3), 1, Some("yes"))
    );
    notes.reset();
    assert_eq!(evaluate(&chain, weir_wire::QType::ANY, 0, &mut notes), "Drop");
    assert_eq!((notes.decided_by, notes.pool.index()), (Some(1), 0));
}

#[test]
fn the_end_of_a_chain_forwards() {
    let mut notes = Notes::default();
    assert_eq!(
        evaluate(&Chain::default(), weir_wire::QType::A, 0, &mut notes),
        "Forward"
    );
    let undecided = Chain::new(vec![rule(0, All, Arc::new(NoOp) as Arc<dyn Action>)], 1).expect("a chain");
    assert_eq!(
        evaluate(&undecided, weir_wire::QType::A, 0, &mut notes),
        "Forward"
    );
    assert_eq!(notes.decided_by, None);
    assert_eq!(undecided.matches(0), 1);
}

#[test]
fn matches_are_summed_over_workers_and_kept_by_the_next_chain() {
    let chain = blueprint();
    let mut notes = Notes::default();
    for (worker, qtype, times) in [(0, weir_wire::QType::A, 3), (1, weir_wire::QType::ANY, 2)] {
        for _ in 0..times {
            notes.reset();
            evaluate(&chain, qtype, worker, &mut notes);
        }
    }
    let counted: Vec<u64> = (0..6).map(|number| chain.matches(number)).collect();
    assert_eq!(counted, [5, 2, 3, 3, 0, 0]);

    let mut rules = chain.rules().to_vec();
    rules.swap(0, 1);
    rules.push(rule(9, All, Arc::new(Allow)));
    let mut next = Chain::new(rules, 1).expect("a chain");
    next.continue_counts(&chain);
    evaluate(&next, weir_wire::QType::ANY, 0, &mut notes);
    let counted: Vec<u64> = (0..6).map(|number| next.matches(number)).collect();
    assert_eq!(counted, [3, 5, 3, 3, 0, 0]);
}

#[test]
fn a_worker_without_a_row_decides_but_does_not_count() {
    let chain = blueprint();
    assert_eq!(
        evaluate(&chain, weir_wire::QType::ANY, 7, &mut Notes::default()),
        "Drop"
    );
    assert_eq!(chain.matches(1), 0);
}

#[test]
fn replies_have_chains_of_their_own() {
    let rules: Vec<Rule<dyn ReplyAction>> = vec![
        rule(0, All, Arc::new(SetSkipCache)),
        rule(1, any(), Arc::new(Drop)),
    ];
    let chain = Chain::new(rules, 1).expect("a chain");
    for (qtype, expected) in [
        (weir_wire::QType::A, ReplyDecision::Send),
        (weir_wire::QType::ANY, ReplyDecision::Drop),
    ] {
        let mut packet = packet("example.com", qtype);
        packet[2] |= 0x80;
        let reply = Reply::parse(&packet).expect("a reply");
        let subject = Subject::of_reply(&reply, reply.question(), ends()).expect("a question");
        let mut notes = Notes::default();
        assert_eq!(chain.evaluate(&subject, &moment(0), &mut notes), expected);
        assert!(notes.skip_cache);
    }
}

#[test]
fn the_length_of_a_chain_is_bounded() {
    let rules = vec![rule(0, All, Arc::new(Allow) as Arc<dyn Action>); MAX_RULES + 1];
    assert!(Chain::new(rules, 1).is_err());
}
