//! Rules and actions as a client sees them; what each selector matches is proved in the policy crate.

use weir_lab::hickory_proto::op::ResponseCode;
use weir_lab::{Ask, Client, Responder, Transport};

use crate::stage::{SILENCE, Stage, a};

fn front(backend: &Responder, rules: &str) -> Stage {
    Stage::start(&format!(
        "newServer({{address=\"{}\"}})\n{rules}",
        backend.address()
    ))
}

#[test]
fn clients_outside_of_the_acl_get_nothing() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "setACL({\"127.0.0.1/32\"})\n");
    let outsider = front.client().source([127, 0, 0, 9].into()).patience(SILENCE);
    assert!(outsider.udp(&a("outside.example")).is_err());
    assert_eq!(backend.count("outside.example"), 0);
    front.resolve("inside.example").unwrap();
}

#[test]
fn a_response_code_can_be_the_answer() {
    let backend = Responder::start().unwrap();
    let front = front(
        &backend,
        "addAction(QNameRule(\"no.example.\"), RCodeAction(DNSRCode.REFUSED))\n",
    );
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = front.client().ask(transport, &a("no.example")).unwrap();
        assert_eq!(reply.rcode(), ResponseCode::Refused);
        assert!(reply.message.answers.is_empty());
    }
    assert_eq!(backend.count("no.example"), 0);
}

#[test]
fn an_address_can_be_spoofed() {
    let backend = Responder::start().unwrap();
    let rule = "addAction(QNameRule(\"spoof.example.\"), SpoofAction({\"192.0.2.66\", \"2001:db8::66\"}))\n";
    let front = front(&backend, rule);
    assert_eq!(
        front.resolve("spoof.example").unwrap().addresses(),
        ["192.0.2.66".parse::<std::net::IpAddr>().unwrap()]
    );
    let six = front
        .client()
        .udp(&Ask::new("spoof.example", "AAAA").unwrap())
        .unwrap();
    assert_eq!(
        six.addresses(),
        ["2001:db8::66".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(backend.count("spoof.example"), 0);
}

#[test]
fn udp_clients_can_be_sent_to_tcp() {
    let backend = Responder::start().unwrap();
    let front = front(
        &backend,
        "addAction(AndRule({QNameRule(\"tc.example.\"), TCPRule(false)}), TCAction())\n",
    );
    let reply = front.resolve("tc.example").unwrap();
    assert!(reply.is_truncated() && reply.message.answers.is_empty());
    assert_eq!(
        front.client().tcp(&a("tc.example")).unwrap().addresses(),
        [Responder::ADDRESS]
    );
}

#[test]
fn recursion_can_be_cleared_towards_the_backend_and_is_as_asked_towards_the_client() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "addAction(AllRule(), SetNoRecurseAction())\n");
    let reply = front.resolve("rd.example").unwrap();
    assert!(reply.message.metadata.recursion_desired);
    assert!(!backend.received("rd.example")[0].recursion_desired);
}

#[test]
fn the_first_terminal_action_wins() {
    let (one, two) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&format!(
        "newServer({{address=\"{}\", pool=\"one\"}})\nnewServer({{address=\"{}\", pool=\"two\"}})\n\
         addAction(QNameRule(\"first.example.\"), PoolAction(\"one\"))\naddAction(AllRule(), PoolAction(\"two\"))\n",
        one.address(),
        two.address()
    ));
    front.resolve("first.example").unwrap();
    front.resolve("other.example").unwrap();
    assert_eq!((one.count("first.example"), one.count("other.example")), (1, 0));
    assert_eq!((two.count("first.example"), two.count("other.example")), (0, 1));
}

#[test]
fn a_delayed_answer_comes_later() {
    let backend = Responder::start().unwrap();
    let front = front(
        &backend,
        "addAction(QNameRule(\"late.example.\"), DelayAction(300))\n",
    );
    let late = front.resolve("late.example").unwrap().elapsed.as_millis();
    assert!((300..600).contains(&late), "after {late} ms");
    assert!(front.resolve("soon.example").unwrap().elapsed.as_millis() < 200);
}

#[test]
fn beyond_ttls_can_be_capped_in_replies() {
    let backend = Responder::start().unwrap();
    let front = front(
        &backend,
        "addAction(QNameRule(\"cap.example.\"), SetMaxReturnedTTLAction(30))\n",
    );
    assert_eq!(front.resolve("cap.example").unwrap().ttls(), [30]);
    assert_eq!(front.resolve("plain.example").unwrap().ttls(), [Responder::TTL]);
}

#[test]
fn a_pool_is_left_when_it_is_not_available() {
    let (one, two) = (Responder::start().unwrap(), Responder::start().unwrap());
    let front = Stage::start(&format!(
        "newServer({{address=\"{}\", pool=\"one\"}}):setDown()\nnewServer({{address=\"{}\", pool=\"two\"}})\n\
         addAction(PoolAvailableRule(\"one\"), PoolAction(\"one\"))\naddAction(AllRule(), PoolAction(\"two\"))\n",
        one.address(),
        two.address()
    ));
    front.resolve("available.example").unwrap();
    assert_eq!(
        (one.count("available.example"), two.count("available.example")),
        (0, 1)
    );
}

#[test]
fn every_client_has_a_rate_limit_of_its_own() {
    let backend = Responder::start().unwrap();
    let front = front(&backend, "addAction(MaxQPSIPRule(20), DropAction())\n");
    let flood = |source: [u8; 4]| {
        let socket = Client::to(front.address)
            .source(source.into())
            .patience(SILENCE)
            .udp_socket()
            .unwrap();
        let query = a("flood.example").to_bytes().unwrap();
        (0..200).for_each(|_| assert!(socket.send_to(&query, front.address).is_ok()));
        std::iter::from_fn(|| socket.recv(&mut [0; 512]).ok()).count()
    };
    for last in 20..24 {
        let answered = flood([127, 0, 0, last]);
        assert!(
            (15..60).contains(&answered),
            "127.0.0.{last}: {answered} answered"
        );
    }
}
