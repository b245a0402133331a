use super::*;
use RequesterKind::{Known, Unknown};

fn requester(name: u64, kind: RequesterKind) -> Requester {
    Requester {
        name: ClientHash(name),
        kind,
    }
}

fn fill(
    places: &WaitingPlaces,
    requester: Requester,
    sharing: PlaceSharing,
) -> Vec<WaitingPlace<ClientHash>> {
    std::iter::from_fn(|| places.take(requester, sharing)).collect()
}

#[test]
fn one_name_gets_half_and_others_get_their_share() {
    let places = WaitingPlaces::new();
    for _ in 0..2 {
        let hostile = fill(&places, requester(1, Known), PlaceSharing::PerName);
        assert_eq!(hostile.len(), MAX_WAITERS / 2);
        let second = fill(&places, requester(2, Known), PlaceSharing::PerName);
        let third = fill(&places, requester(3, Known), PlaceSharing::PerName);
        assert_eq!(
            (second.len(), third.len()),
            (MAX_WAITERS / 4, MAX_WAITERS / 8)
        );
        assert!(
            places
                .take(requester(4, Known), PlaceSharing::PerName)
                .is_some()
        );
    }
    // No name is kept.
    assert_eq!(places.known_clients.usage(), (MAX_WAITERS, 0));
}

#[test]
fn unknown_clients_have_places_of_their_own() {
    let places = WaitingPlaces::new();
    let known_names: Vec<_> = (0..)
        .map_while(|name| places.take(requester(name, Known), PlaceSharing::PerName))
        .collect();
    assert_eq!(known_names.len(), MAX_WAITERS);
    let unknown_names: Vec<_> = (0..)
        .map_while(|name| places.take(requester(name, Unknown), PlaceSharing::PerName))
        .collect();
    assert_eq!(unknown_names.len(), MAX_WAITERS_UNKNOWN_CLIENTS);
    drop(known_names);
    assert!(
        places
            .take(requester(0, Known), PlaceSharing::PerName)
            .is_some()
    );
}

#[test]
fn no_share_per_name_before_the_first_keys() {
    let places = WaitingPlaces::new();
    let all = fill(&places, requester(1, Unknown), PlaceSharing::Common);
    assert_eq!(all.len(), MAX_WAITERS);
}
