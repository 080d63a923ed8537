//! Every mistake names its line, itself, and what to write instead.

use super::*;

/// Checks one line of Lua, behind an empty one so that the line is 2.
fn check(line: &str, expected: &str) {
    assert_eq!(
        errors(&format!("\n{line}\n")),
        format!("dnsdist.conf:2: {expected}"),
        "{line}"
    );
}

#[test]
fn unknown_names_name_the_nearest_known_one() {
    check(
        "newServr('192.0.2.1')",
        "'newServr' is not a dnsdist function; did you mean 'newServer'?",
    );
    check(
        "addACl('10.0.0.0/8')",
        "'addACl' is not a dnsdist function; did you mean 'addACL'?",
    );
    check("frobnicate()", "'frobnicate' is not a dnsdist function");
    check(
        "getPool('rec'):setCach(1)",
        "'setCach' is not a method of this object; did you mean 'setCache'?",
    );
    check(
        "addAction(QTypeRule(DNSQTyp.ANY), DropAction())",
        "'DNSQTyp' has no value; did you mean 'DNSQType'?",
    );
    check(
        "addAction(QTypeRule(DNSQType.ANYY), DropAction())",
        "QTypeRule: qtype is missing; it must be a query type, such as DNSQType.A or \"A\" (DNSQType.ANYY is not known; \
         did you mean 'ANY'?)",
    );
}

#[test]
fn undefined_names_are_nil_where_they_are_only_tested() {
    assert_eq!(
        errors("if addTLSLocalTwice then error('no') end\nif DNSQType.NEWER then error('no') end"),
        ""
    );
}

#[test]
fn what_dnsdist_knows_and_weir_does_not_is_one_line() {
    check(
        "addAction(AllRule(), LuaAction(function(dq) return DNSAction.None, '' end))",
        "LuaAction: not supported yet",
    );
    check("addDOHLocal('0.0.0.0')", "addDOHLocal: not supported yet");
    check(
        "newServer({address='192.0.2.1', useClientSubnet=true})",
        "newServer: useClientSubnet: not supported yet",
    );
    check(
        "newServer({address='192.0.2.1', tls='openssl'})",
        "newServer: tls: not supported yet",
    );
    check(
        "newServer('192.0.2.1'):setHealthCheckParams({})",
        "setHealthCheckParams: not supported yet",
    );
    assert_eq!(
        errors("newServer({address='192.0.2.1', useClientSubnet=false, tls=''})"),
        ""
    );
}

#[test]
fn values_of_the_wrong_kind_are_quoted() {
    check(
        "setLocal('localhost')",
        "setLocal: address must be an IP address with or without a port, such as \
         192.0.2.1:53 or [2001:db8::1]:53, not 'localhost'",
    );
    check(
        "newServer({address='192.0.2.1', weight=0})",
        "newServer: weight must be a whole number from 1 to 4294967295, not 0",
    );
    check(
        "newServer({address='192.0.2.1', checkType='B'})",
        "newServer: checkType must be a query type, such as DNSQType.A or \"A\", not 'B'",
    );
    check(
        "newServer({name='x'})",
        "newServer: address is missing, as in newServer({address=\"192.0.2.1:53\"})",
    );
    check(
        "addAction('192.0.2.0/24')",
        "addAction: action is missing; it must be an action, such as DropAction()",
    );
    check(
        "addAction(AllRule(), DropResponseAction())",
        "addAction: action is for replies; use the function for response actions",
    );
    check(
        "addResponseAction(AllRule(), DropAction())",
        "addResponseAction: action is for queries; replies take those with Response in their name",
    );
    check(
        "addAction(5, DropAction())",
        "addAction: rule must be a rule, such as AllRule(), not 5",
    );
    check(
        "addACL('10.0.0.0/33')",
        "addACL: prefix length /33 of 10.0.0.0 is more than /32",
    );
    check(
        "newDNSName('a..b')",
        "newDNSName: name: 'a..b' is not a domain name: label is empty or longer than 63 bytes",
    );
    check(
        "setServerPolicy('best')",
        "setServerPolicy: policy 'best' is not known; it must be leastOutstanding, \
         firstAvailable, wrandom, whashed, chashed or roundrobin (policies in Lua: not supported yet)",
    );
    check(
        "setKey('short')",
        "setKey: the key must be 32 bytes in base64, as makeKey() prints them",
    );
    check(
        "newPacketCache(0)",
        "newPacketCache: a packet cache of size 0 holds nothing: give it a size of at least 1, or give the pool no cache",
    );
    check(
        "AndRule({AllRule(), 7})",
        "AndRule: rules: element 2 must be a rule, such as AllRule(), not 7",
    );
}

#[test]
fn unknown_keys_are_refused_when_they_are_slips_and_said_when_not() {
    check(
        "newServer({address='192.0.2.1', chekName='a.'})",
        "newServer: unknown key 'chekName'; did you mean 'checkName'?",
    );
    check(
        "newPacketCache(10, {maxTtl=5})",
        "newPacketCache: unknown key 'maxTtl'; did you mean 'maxTTL'?",
    );
    let loaded = loaded("\nsetWebserverConfig({colour='red'})");
    let warnings = lines(&loaded.warnings);
    assert!(
        warnings.starts_with(
            "dnsdist.conf:2: warning: setWebserverConfig: unknown key 'colour' is ignored; known are acl, apiKey,"
        ),
        "{warnings}"
    );
}

#[test]
fn too_many_arguments_are_said() {
    let loaded = loaded("addACL('10.0.0.0/8', 'again')");
    assert_eq!(
        lines(&loaded.warnings),
        "dnsdist.conf:1: warning: addACL: the last 1 of the arguments are not known and ignored"
    );
}

#[test]
fn lua_s_own_errors_keep_their_line() {
    check(
        "local x = nil + 1",
        "attempt to perform arithmetic on a nil value",
    );
    check("error('my own')", "my own");
    check("x = )", "unexpected symbol near ')'");
}

#[test]
fn consoles_and_web_servers_beyond_loopback_need_a_secret() {
    check(
        "controlSocket('0.0.0.0:5199')",
        "controlSocket(\"0.0.0.0:5199\"): everybody who reaches this address could \
         change the configuration; add setKey(\"...\") with a key from makeKey(), or listen on 127.0.0.1",
    );
    check(
        "webserver('[::]:8083')",
        "webserver(\"[::]:8083\"): everybody who reaches this address could read it; add \
         setWebserverConfig({password=\"...\"}), or listen on 127.0.0.1",
    );
    check(
        "webserver('0.0.0.0:8083') setWebserverConfig({password=''})",
        "webserver(\"0.0.0.0:8083\"): everybody who \
         reaches this address could read it; add setWebserverConfig({password=\"...\"}), or listen on 127.0.0.1",
    );
    let key = "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb74=";
    assert_eq!(errors(&format!("controlSocket('0.0.0.0')\nsetKey('{key}')")), "");
    assert_eq!(errors("webserver('127.0.0.1:8083')"), "");
    assert_eq!(
        errors("webserver('0.0.0.0:8083')\nsetWebserverConfig({password='Vq4-tR0mbone'})"),
        ""
    );
    check(
        "setWebserverConfig({password='$scrypt$ln=10,p=1,r=8$abc'})",
        "setWebserverConfig: password: not a hash that hashPassword() has made, or one of too much work",
    );
}

#[test]
fn two_servers_with_one_identifier_are_refused() {
    let text = "newServer({address='192.0.2.1', id='9b6bf51e-26f5-40c4-898a-4a5a2c5555ba'})\n\
        newServer({address='192.0.2.1', pool='x', id='9b6bf51e-26f5-40c4-898a-4a5a2c5555ba'})";
    assert_eq!(
        errors(text),
        "dnsdist.conf:2: newServer: 192.0.2.1:53 is the same server as the one at dnsdist.conf:1; give one of them \
         another name, or name both pools in one newServer"
    );
}

#[test]
fn a_pool_without_a_server_is_said() {
    let Built { warnings, .. } =
        built("addAction(AllRule(), PoolAction('rek'))\nnewServer({address='::1', pool='rec'})");
    assert_eq!(
        lines(&warnings),
        "dnsdist.conf:1: warning: pool 'rek' has no server; what is sent there is not answered"
    );
}

#[test]
fn damage_is_repaired_and_said() {
    let loaded = loaded(
        "setLocal(\u{201c}127.0.0.1:53\u{201d})\n# shell\n\u{2013} dash\naddACL('::/0') \u{2014} all\n",
    );
    assert_eq!(
        lines(&loaded.warnings),
        "dnsdist.conf:1: warning: typographic quotes were read as '\"'\n\
         dnsdist.conf:2: warning: a comment begins with '--' here, not with '#'\n\
         dnsdist.conf:3: warning: a typographic dash was read as '--'\n\
         dnsdist.conf:4: warning: a typographic dash was read as '--'"
    );
    // What compiles is not touched.
    assert_eq!(
        lines(&super::loaded("x = '# \u{201c}not a comment\u{201d}'").warnings),
        ""
    );
}
