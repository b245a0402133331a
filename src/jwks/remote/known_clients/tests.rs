use super::*;

fn known(clients: &KnownClients, count: usize) -> usize {
    (0..count)
        .filter(|at| clients.classify(&format!("client {at}")).kind == RequesterKind::Known)
        .count()
}

#[test]
fn only_recorded_clients_are_known() {
    let clients = KnownClients::new(Registration::Listed);
    clients.record("a");
    assert_eq!(clients.classify("a").kind, RequesterKind::Known);
    assert_eq!(clients.classify("b").kind, RequesterKind::Unknown);
}

#[test]
fn ten_thousand_clients_of_a_listed_issuer_are_known() {
    let clients = KnownClients::new(Registration::Listed);
    for at in 0..10_000 {
        clients.record(&format!("client {at}"));
    }
    assert_eq!(known(&clients, 10_000), 10_000);
}

#[test]
fn last_256_clients_of_a_resolved_issuer_are_known() {
    let clients = KnownClients::new(Registration::Resolved);
    let size = || lock(&clients.parts[0]).capacity() * size_of::<u64>();
    assert_eq!(size(), 0, "nothing is allocated before a token is verified");
    for at in 0..256 {
        clients.record(&format!("client {at}"));
    }
    assert_eq!((known(&clients, 256), size()), (256, 2048));
    // A client that calls again is recent.
    clients.record("client 0");
    for at in 256..400 {
        clients.record(&format!("client {at}"));
    }
    let first = clients.classify("client 0").kind;
    assert_eq!((known(&clients, 400), first), (256, RequesterKind::Known));
}

/// One tenant that is verified again and again takes one place.
#[test]
fn busy_client_takes_one_place() {
    let clients = KnownClients::new(Registration::Resolved);
    for at in 0..255 {
        clients.record(&format!("client {at}"));
        for _ in 0..10 {
            clients.record("hostile");
        }
    }
    assert_eq!(known(&clients, 255), 255);
}
