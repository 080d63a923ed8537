//! What is answered without a backend. Ageing and eviction are proved in the cache's own crate, in simulated time.

use std::time::Duration;

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Behaviour, Responder, Transport};

use crate::stage::{Stage, a};

/// A front end with a packet cache in front of one backend.
fn cached(backend: &Responder, options: &str) -> Stage {
    Stage::start(&format!(
        "newServer({{address=\"{}\"}})\ngetPool(\"\"):setCache(newPacketCache(10000, {{{options}}}))\n",
        backend.address()
    ))
}

#[test]
fn the_same_question_again_reaches_no_backend() {
    let backend = Responder::start().unwrap();
    let front = cached(&backend, "");
    for id in 1..10 {
        let reply = front.client().udp(&a("again.example").id(id)).unwrap();
        assert_eq!(
            (reply.id(), reply.addresses()),
            (id, vec![Responder::ADDRESS.into()])
        );
        assert!(
            reply
                .ttls()
                .iter()
                .all(|ttl| (Responder::TTL - 3..=Responder::TTL).contains(ttl))
        );
    }
    assert_eq!(backend.count("again.example"), 1);
}

#[test]
fn a_hit_repeats_the_question_as_it_was_asked() {
    let backend = Responder::start().unwrap();
    let front = cached(&backend, "");
    for name in ["case.example", "CASE.Example", "cAsE.eXaMpLe"] {
        let reply = front.resolve(name).unwrap();
        assert_eq!(reply.message.queries[0].name().to_ascii(), format!("{name}."));
    }
    assert_eq!(backend.count("case.example"), 1);
}

#[test]
fn types_and_recursion_desired_have_entries_of_their_own() {
    let backend = Responder::start().unwrap();
    let front = cached(&backend, "");
    for _ in 0..2 {
        front.resolve("own.example").unwrap();
        front
            .client()
            .udp(&Ask::new("own.example", "AAAA").unwrap())
            .unwrap();
        front.client().udp(&a("own.example").without_recursion()).unwrap();
    }
    assert_eq!(backend.count("own.example"), 3);
}

#[test]
fn a_negative_answer_is_cached() {
    let backend = Responder::start().unwrap();
    backend.behave_for("no.example", Behaviour::Rcode(ResponseCode::NXDomain));
    let front = cached(&backend, "");
    for _ in 0..3 {
        assert_eq!(
            front.resolve("no.example").unwrap().rcode(),
            ResponseCode::NXDomain
        );
    }
    assert_eq!(backend.count("no.example"), 1);
}

#[test]
fn a_failure_is_cached_as_long_as_its_option_says() {
    let backend = Responder::start().unwrap();
    backend.behave_for("fail.example", Behaviour::Rcode(ResponseCode::ServFail));
    for (options, asked) in [("temporaryFailureTTL=60", 1), ("temporaryFailureTTL=0", 3)] {
        let before = backend.count("fail.example");
        let front = cached(&backend, options);
        for _ in 0..3 {
            assert_eq!(
                front.resolve("fail.example").unwrap().rcode(),
                ResponseCode::ServFail
            );
        }
        assert_eq!(backend.count("fail.example") - before, asked, "{options}");
    }
}

#[test]
fn an_answer_below_the_minimum_ttl_is_not_cached() {
    let backend = Responder::start().unwrap();
    let front = cached(&backend, &format!("minTTL={}", Responder::TTL + 1));
    for _ in 0..3 {
        front.resolve("short.example").unwrap();
    }
    assert_eq!(backend.count("short.example"), 3);
}

#[test]
fn a_rule_may_leave_the_cache_out() {
    let backend = Responder::start().unwrap();
    let address = backend.address();
    let front = Stage::start(&format!(
        "newServer({{address=\"{address}\"}})\ngetPool(\"\"):setCache(newPacketCache(100))\n\
         addAction(QNameRule(\"skip.example.\"), SetSkipCacheAction())\n"
    ));
    for _ in 0..3 {
        front.resolve("skip.example").unwrap();
        front.resolve("keep.example").unwrap();
    }
    assert_eq!(
        (backend.count("skip.example"), backend.count("keep.example")),
        (3, 1)
    );
}

#[test]
fn beyond_one_answer_serves_udp_and_tcp_and_every_edns_size() {
    let backend = Responder::start().unwrap();
    let front = cached(&backend, "");
    front.resolve("once.example").unwrap();
    front.client().tcp(&a("once.example")).unwrap();
    for size in [512, 1232, 1400, 4096] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let reply = front
                .client()
                .ask(transport, &a("once.example").edns(size))
                .unwrap();
            assert_eq!(reply.addresses(), [Responder::ADDRESS], "{transport} {size}");
            assert!(
                reply.message.edns.is_some(),
                "{transport} {size}: a query with EDNS, a reply without"
            );
        }
    }
    // Without and with EDNS are two questions to a backend: the reply's OPT record has to come from somewhere.
    assert!(
        backend.count("once.example") <= 2,
        "asked {} times",
        backend.count("once.example")
    );
}

#[test]
fn beyond_a_cached_answer_that_does_not_fit_is_truncated_and_whole_over_tcp() {
    let backend = Responder::start().unwrap();
    backend.behave_for("large.example", Behaviour::Large(3000));
    let front = cached(&backend, "");
    let ask = || Ask::new("large.example", "TXT").unwrap();
    let whole = front.client().tcp(&ask().edns(4096)).unwrap();
    assert_eq!(whole.message.answers.len(), 15);
    for size in [512, 1232] {
        let reply = front.client().udp(&ask().edns(size)).unwrap();
        assert!(
            reply.is_truncated() && reply.bytes.len() <= usize::from(size),
            "{size}: {} bytes",
            reply.bytes.len()
        );
    }
    let fits = front.client().udp(&ask().edns(4096)).unwrap();
    assert!(!fits.is_truncated());
    assert_eq!(fits.message.answers.len(), 15);
    assert_eq!(backend.count("large.example"), 1);
}

#[test]
fn beyond_everyone_who_waits_for_a_backend_gets_a_stale_answer() {
    let backend = Responder::start().unwrap();
    let settings = "weir{workers=1, staleWindow=3600, staleAnswerAfter=300}\n";
    let address = backend.address();
    let front = Stage::start(&format!(
        "{settings}newServer({{address=\"{address}\", healthCheckMode=\"up\"}})\n\
         getPool(\"\"):setCache(newPacketCache(100, {{maxTTL=1}}))\n"
    ));
    for name in ["stale.example", "clock.example"] {
        front.resolve(name).unwrap();
    }
    backend.behave(Behaviour::Silent);
    let is_stale = || front.resolve("clock.example").unwrap().elapsed > Duration::from_millis(250);
    weir_lab::wait_for("the entries have expired", Duration::from_secs(5), is_stale).unwrap();
    let replies: Vec<_> = std::thread::scope(|scope| {
        let client = front.client();
        let ask = |id| scope.spawn(move || client.udp(&a("stale.example").id(id)));
        let waiting: Vec<_> = (1..=10).map(ask).collect();
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for reply in replies {
        assert_eq!(reply.unwrap().addresses(), [Responder::ADDRESS]);
    }
    assert_eq!(backend.count("stale.example"), 2, "they did not wait together");
}

#[test]
fn beyond_the_same_question_in_flight_is_asked_once_by_each_worker() {
    let backend = Responder::start().unwrap();
    backend.behave_for("burst.example", Behaviour::Delay(Duration::from_millis(300)));
    let front = cached(&backend, "");
    let replies: Vec<_> = std::thread::scope(|scope| {
        let client = front.client();
        let ask = |id| scope.spawn(move || (id, client.udp(&a("burst.example").id(id))));
        let waiting: Vec<_> = (1..=100).map(ask).collect();
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (id, reply) in replies {
        assert_eq!(reply.unwrap().id(), id);
    }
    // Workers share no pending queries: each asks once, however many clients wait.
    let workers = std::thread::available_parallelism().unwrap().get();
    assert!(backend.count("burst.example") <= workers, "{} workers", workers);
}
