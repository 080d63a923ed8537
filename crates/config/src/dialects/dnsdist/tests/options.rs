//! What functions and keys set.

use std::time::Duration;

use weir_balance::{Mode, Status};

use super::*;
use crate::dialects::dnsdist::{keys, methods, reference, variables};
use crate::settings::AclRefusal;

#[test]
fn every_row_is_unique_and_documented() {
    let mut names: Vec<_> = reference().map(|function| function.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a function has two rows");
    for function in reference() {
        assert!(
            function.args.starts_with('(') && function.args.ends_with(')'),
            "{}",
            function.name
        );
        assert!(
            !function.doc.is_empty() && !function.doc.ends_with('.'),
            "{}",
            function.name
        );
    }
    let mut parts: Vec<_> = methods().into_iter().chain(keys()).chain(variables()).collect();
    let count = parts.len();
    for part in &parts {
        assert!(!part.doc.is_empty(), "{part:?}");
    }
    parts.sort_by_key(|part| (part.of, part.name));
    parts.dedup_by_key(|part| (part.of, part.name));
    assert_eq!(parts.len(), count, "a method or key has two rows");
}

#[test]
fn new_server_understands_every_key() {
    let snapshot = snapshot(
        "newServer({address='[2001:db8::1]:5353', name='n', pool={'a','b'}, order='7', weight=3, qps=9, sockets=4,
            source='192.0.2.9@eth0', maxCheckFailures=3, rise=2, checkType='AAAA', checkClass=DNSClass.CHAOS,
            checkName='x.example', checkInterval=10, checkTimeout=500, checkTCP=true, mustResolve=true, setCD=true,
            healthCheckMode='lazy', lazyHealthCheckThreshold=30, lazyHealthCheckSampleSize=50,
            lazyHealthCheckMinSampleCount=5, lazyHealthCheckFailedInterval=20, lazyHealthCheckMode='TimeoutOnly',
            lazyHealthCheckUseExponentialBackOff=true, lazyHealthCheckMaxBackOff=600, tcpOnly=true, udpTimeout=3,
            maxInFlight=10, maxConcurrentTCPConnections=11, retries=1, tcpConnectTimeout=2, tcpRecvTimeout=3,
            tcpSendTimeout=4, id='9b6bf51e-26f5-40c4-898a-4a5a2c5555ba'})",
    );
    let settings = snapshot.backends[0].settings();
    assert_eq!(settings.address.to_string(), "[2001:db8::1]:5353");
    assert_eq!(
        (settings.order, settings.weight.get(), settings.sockets.get()),
        (7, 3, 4)
    );
    assert_eq!(settings.source.interface.as_deref(), Some("eth0"));
    assert_eq!(
        (settings.check.max_failures.get(), settings.check.rise.get()),
        (3, 2)
    );
    assert_eq!(settings.check.class, weir_wire::Class::CHAOS);
    assert_eq!(
        (
            settings.check.interval_secs.get(),
            settings.check.timeout_ms.get()
        ),
        (10, 500)
    );
    assert!(settings.check.tcp && settings.check.must_resolve && settings.check.set_cd && settings.tcp_only);
    assert_eq!(
        (settings.mode, settings.lazy.sample_size.samples()),
        (Mode::Lazy, 50)
    );
    assert_eq!(settings.udp_timeout, Some(Duration::from_secs(3)));
    assert_eq!((settings.tcp.max_in_flight.get(), settings.tcp.retries), (10, 1));
    assert_eq!(settings.id.to_string(), "9b6bf51e-26f5-40c4-898a-4a5a2c5555ba");
    for pool in ["a", "b"] {
        assert_eq!(snapshot.pool(pool).expect(pool).servers.backends().len(), 1);
    }
    assert!(
        snapshot.pools[0].servers.backends().is_empty(),
        "not in the default pool"
    );
}

#[test]
fn servers_stand_in_their_order_and_change_while_the_file_is_read() {
    let snapshot = snapshot(
        "newServer({address='192.0.2.1', order=2})\nnewServer('192.0.2.2')\nnewServer({address='192.0.2.3', order=2})
         getServer(0):setDown()\ngetServer(1).weight = 5\ngetServer(1):addPool('x')\ngetServer(2):rmPool('')\nrmServer(2)
         getServer(0).order = 9",
    );
    let addresses: Vec<_> = snapshot
        .backends
        .iter()
        .map(|backend| backend.settings().address.ip().to_string())
        .collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(snapshot.backends[1].status(), Status::ForcedDown);
    assert_eq!(snapshot.backends[0].settings().weight.get(), 5);
    assert_eq!(snapshot.pool("x").expect("the pool").servers.backends().len(), 1);
}

#[test]
fn settings_reach_the_snapshot() {
    let snapshot = snapshot(
        "setUDPTimeout(5) setUDPMultipleMessagesVectorSize(64) setMaxUDPOutstanding(65536) setVerboseHealthChecks(true)
         setServFailWhenNoServer(true) setDropEmptyQueries(true) setPayloadSizeOnSelfGeneratedAnswers(1400)
         setTCPRecvTimeout(7) setMaxTCPConnectionDuration(60) setMaxTCPQueriesPerConnection(100)
         setTCPConnectionsMaskV6(56) setStaleCacheEntriesTTL(3600) setCacheCleaningDelay(30) setServerID('one')
         setStructuredLogging(true, {levelPrefix='prio', backend='default'}) setSecurityPollSuffix('')
         setRingBuffersSize(10000, 10) addLocal('127.0.0.1:5300', {reusePort=true, maxInFlight=5})
         addLocal('127.0.0.1:5300', {reusePort=true, maxInFlight=5}) getPool(''):setCache(newPacketCache(100))
         weir{workers=3, retryUDP=true, coalesce=false, refusedOutsideACL=true, staleAnswerAfter=1800, prefetch=true,
            maxCacheBytes=10000000}",
    );
    assert_eq!(
        (
            snapshot.udp.timeout.as_secs(),
            snapshot.udp.batch,
            snapshot.udp.max_outstanding
        ),
        (5, 64, 65_535)
    );
    assert!(
        snapshot.verbose_health_checks && snapshot.servfail_when_no_server && snapshot.drop_empty_queries
    );
    assert_eq!(snapshot.self_answered.opt_size(), Some(1400));
    assert_eq!(
        (
            snapshot.tcp.receive_timeout.as_secs(),
            snapshot.tcp.max_connection_duration.as_secs()
        ),
        (7, 60)
    );
    assert_eq!(
        (
            snapshot.tcp.max_queries_per_connection,
            snapshot.tcp.client_prefix
        ),
        (100, (32, 56))
    );
    assert_eq!(
        (snapshot.server_id.as_deref(), snapshot.logging.structured),
        (Some("one"), Some(true))
    );
    assert_eq!((snapshot.listen.len(), snapshot.listen[0].max_in_flight), (1, 5));
    assert_eq!(
        (snapshot.workers, snapshot.retry_udp, snapshot.coalesce),
        (Some(3), true, false)
    );
    assert_eq!(snapshot.acl_refusal, AclRefusal::Refused);
    assert_eq!(snapshot.stale.answer_after, Some(Duration::from_millis(1800)));
    let cache = snapshot.pools[0]
        .cache
        .as_ref()
        .expect("a cache")
        .checked()
        .settings();
    assert_eq!(
        (cache.stale_window, cache.prefetch, cache.max_bytes),
        (3600, true, Some(10_000_000))
    );
}

#[test]
fn every_selector_and_action_can_be_made() {
    let snapshot = snapshot(
        "local set = newDNSNameSet() set:add(newDNSName('a.example'))
         local nmg = newNMG() nmg:addMask('192.0.2.0/24')
         for _, rule in ipairs({AllRule(), AndRule({AllRule(), RDRule()}), OrRule({TCPRule(true)}), NotRule(DNSSECRule()),
            QTypeRule('AAAA'), QClassRule(1), QNameRule('b.example'), QNameSetRule(set), QNameSuffixRule({'c.', 'd.'}),
            SuffixMatchNodeRule('e.', true), NetmaskGroupRule(nmg), NetmaskGroupRule('10.0.0.0/8', false),
            MaxQPSRule(5), MaxQPSIPRule(5, 24, 56, 10, 300, 60, 10), OpcodeRule(DNSOpcode.Notify),
            RCodeRule(DNSRCode.NXDOMAIN), RegexRule('[0-9]$'), PoolAvailableRule('x'), ProbaRule(0.5),
            PayloadSizeRule('greater', 300), QNameLabelsCountRule(1, 5), QNameWireLengthRule(1, 50),
            EDNSVersionRule(0), EDNSOptionRule(EDNSOptionCode.ECS), TagRule('t'), TagRule('t', 'v'), makeRule('f.')}) do
            addAction(rule, NoneAction())
         end
         for _, action in ipairs({AllowAction(), DropAction(), PoolAction('x', false), QPSAction(5), QPSPoolAction(5, 'x'),
            RCodeAction(DNSRCode.REFUSED, {ra=true}), ERCodeAction(DNSRCode.BADVERS), TCAction(),
            SpoofAction({'192.0.2.1', '::1'}, {ttl=5}), SpoofCNAMEAction('g.'), SpoofRawAction('\\1\\2\\3\\4', {typeForAny=1}),
            NegativeAndSOAAction(true, 'h.', 60, 'i.', 'j.', 1, 2, 3, 4, 5, {soaInAuthoritySection=true}),
            DelayAction(5), LogAction(), SetTagAction('t', 'v'), SetSkipCacheAction(), SetNoRecurseAction(),
            SetTempFailureCacheTTLAction(5), SetMaxReturnedTTLAction(5)}) do
            addCacheMissAction(AllRule(), action)
         end
         for _, action in ipairs({AllowResponseAction(), DropResponseAction(), DelayResponseAction(5),
            LimitTTLResponseAction(1, 5), SetMinTTLResponseAction(1), SetMaxTTLResponseAction(5),
            SetReducedTTLResponseAction(50), SetMaxReturnedTTLResponseAction(5), LogResponseAction('f'),
            SetSkipCacheResponseAction(), SetTagResponseAction('t', 'v')}) do
            addResponseAction(AllRule(), action)
         end
         addCacheHitResponseAction('k.', AllowResponseAction())
         addCacheInsertedResponseAction({'192.0.2.0/24'}, AllowResponseAction())
         addSelfAnsweredResponseAction(AllRule(), AllowResponseAction())",
    );
    assert_eq!(snapshot.query_rules.rules().len(), 27);
    assert_eq!(snapshot.cache_miss_rules.rules().len(), 19);
    assert_eq!(snapshot.reply_rules.rules().len(), 11);
    assert_eq!(
        snapshot.cache_hit_reply_rules.rules()[0].selector.to_string(),
        "qname in k."
    );
    assert_eq!(
        snapshot.cache_inserted_reply_rules.rules()[0]
            .selector
            .to_string(),
        "Src: 192.0.2.0/24"
    );
    assert_eq!(snapshot.self_answered_reply_rules.rules().len(), 1);
}

#[test]
fn rules_are_moved_and_removed() {
    let texts = |source: &str| {
        let prefix = "addAction('a.', DropAction(), {name='first'}) addAction('b.', DropAction()) \
            addAction('c.', DropAction(), {uuid='9b6bf51e-26f5-40c4-898a-4a5a2c5555ba'})\n";
        let snapshot = snapshot(&format!("{prefix}{source}"));
        let rules = snapshot.query_rules.rules().iter();
        rules
            .map(|rule| rule.selector.to_string().replace("qname in ", ""))
            .collect::<String>()
    };
    assert_eq!(texts(""), "a.b.c.");
    assert_eq!(texts("mvRule(0, 2)"), "b.a.c.");
    assert_eq!(texts("mvRule(0, 3)"), "b.c.a.");
    assert_eq!(texts("mvRule(2, 0)"), "c.a.b.");
    assert_eq!(texts("mvRuleToTop()"), "c.a.b.");
    assert_eq!(texts("rmRule(1)"), "a.c.");
    assert_eq!(texts("rmRule('first')"), "b.c.");
    assert_eq!(texts("rmRule('9b6bf51e-26f5-40c4-898a-4a5a2c5555ba')"), "a.b.");
    assert_eq!(texts("clearRules()"), "");
    assert_eq!(texts("setRules({newRuleAction('d.', DropAction())})"), "d.");
    assert_eq!(
        errors("mvRule(0, 1)"),
        "dnsdist.conf:1: mvRule: there are 0 rules; cannot move rule 0 to 1"
    );
    assert_eq!(
        errors("rmRule(0)"),
        "dnsdist.conf:1: rmRule: there is no such rule"
    );
}

#[test]
fn limits_that_follow_dry_run_only_count() {
    let limits = |source: &str| {
        let snapshot = snapshot(source);
        let rules = snapshot
            .query_rules
            .rules()
            .iter()
            .map(|rule| format!("{:?}", rule.selector));
        rules.map(|text| text.contains("DryRun")).collect::<Vec<_>>()
    };
    let rule = "addAction(MaxQPSIPRule(5), DropAction())";
    assert_eq!(
        limits(&format!(
            "{rule} weir{{dryRun=true}} {rule} weir{{dryRun=false}} {rule}"
        )),
        [false, true, false]
    );
}

#[test]
fn a_rule_keeps_the_set_that_it_was_made_with() {
    let snapshot = snapshot(
        "local set = newSuffixMatchNode() set:add({'a.', newDNSName('b.')})
         addAction(SuffixMatchNodeRule(set), DropAction())\nset:add('c.') set:remove('a.')
         addAction(SuffixMatchNodeRule(set), DropAction())",
    );
    let rules = snapshot.query_rules.rules();
    assert_eq!(rules[0].selector.to_string(), "qname in a., b.");
    assert_eq!(rules[1].selector.to_string(), "qname in b., c.");
}

#[test]
fn files_of_a_directory_run_in_the_order_of_their_names() {
    let directory = std::env::temp_dir().join(format!("weir-config-include-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).expect(name);
    write("20-second.conf", "addACL('192.0.2.2/32')\n");
    write("10-first.conf", "setACL('192.0.2.1/32')\n# shell\n");
    write("30-not.txt", "error('not meant')");
    let source = format!("includeDirectory('{}')", directory.display());
    let loaded = loaded(&source);
    assert_eq!(
        loaded.session.spec().acl.to_string(),
        "192.0.2.1/32, 192.0.2.2/32"
    );
    assert_eq!(loaded.warnings.len(), 1);
    write("40-broken.conf", "\nnewServr()\n");
    assert_eq!(
        errors(&source),
        format!(
            "{}/40-broken.conf:2: 'newServr' is not a dnsdist function; did you mean 'newServer'?",
            directory.display()
        )
    );
    write("40-broken.conf", &source);
    assert!(errors(&source).ends_with("includeDirectory: an included file cannot include others"));
    std::fs::remove_dir_all(&directory).expect("gone");
}
