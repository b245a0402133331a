//! Invented credentials: what they cost, and that known ones are not affected.

use std::time::Duration;

use tower_m2m::SavedCredentials;

use super::scripted::{Scripted, UNAVAILABLE, customer, invented, outcomes, send, trusted};

/// Rule 172.
#[tokio::test(start_paused = true)]
async fn flood_of_invented_keys_sends_no_more_requests_than_the_budget() {
    let test = Scripted::with_customers(50).await;
    let known = test.issuer.requests();
    let begun = tokio::time::Instant::now();
    let mut rejected = [0, 0];
    for number in 0..20_000 {
        if number % 200 == 199 {
            test.advance(1).await;
            // Each second, every known customer calls.
            for customer in (0..50).map(customer) {
                let begun = tokio::time::Instant::now();
                assert_eq!(test.outcome(&customer).await, "ok");
                assert!(begun.elapsed() < Duration::from_millis(100));
            }
        }
        match test.outcome(&invented(number)).await {
            "inactive_credential" => rejected[0] += 1,
            UNAVAILABLE => rejected[1] += 1,
            other => panic!("{other}"),
        }
    }
    assert!(rejected[1] > 15_000, "{rejected:?}");
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    // The customers are queried once in 45 s.
    let sent = test.issuer.requests() - known;
    assert!(
        sent <= 50 + 20 * seconds + 50 * (seconds / 45 + 1),
        "{sent} in {seconds} s"
    );
    let status = &test.verifier.introspection_status()[0];
    assert_eq!(status.budget_exhausted, rejected[1]);
}

/// Rule 172.
#[tokio::test(start_paused = true)]
async fn rejection_by_the_budget_is_not_cached() {
    let test = Scripted::new();
    let flood = (0..200).map(|number| send(&test.verifier, invented(number)));
    let flood = outcomes(flood.collect()).await;
    assert!(!flood.contains(&"ok"));
    let unavailable: Vec<usize> = (0..200)
        .filter(|number| flood[*number] == UNAVAILABLE)
        .collect();
    assert_eq!((test.issuer.requests(), unavailable.len()), (50, 150));
    test.advance(1).await;
    test.issuer.add_key(&invented(unavailable[0]), "org_a");
    assert_eq!(test.outcome(&invented(unavailable[0])).await, "ok");
}

/// Rule 172.
#[tokio::test(start_paused = true)]
async fn active_credentials_do_not_use_the_budget_up() {
    let test = Scripted::with_customers(1_000).await;
    assert_eq!(test.issuer.requests(), 1_000);
}

/// Rules 172, 323.
///
/// A restart under a flood does not lock customers out.
#[tokio::test(start_paused = true)]
async fn restored_customers_are_verified_under_a_flood() {
    let before = Scripted::with_customers(50).await;
    let saved = before.verifier.export_known_credentials().unwrap();
    let bytes = saved.to_bytes();
    for is_restored in [false, true] {
        let saved = SavedCredentials::from_bytes(&bytes).unwrap();
        let keys = before.issuer.keys();
        let after = Scripted {
            verifier: if is_restored {
                trusted(&keys)
                    .restore_known_credentials(saved)
                    .build()
                    .unwrap()
            } else {
                trusted(&keys).build().unwrap()
            },
            ..Scripted::new()
        };
        let sent = before.issuer.requests();
        // The flood uses the budget up, all at once.
        let flood: Vec<_> = (0..2_000)
            .map(|number| send(&after.verifier, invented(number)))
            .collect();
        tokio::task::yield_now().await;
        let mut accepted = 0;
        for number in 0..50 {
            accepted += usize::from(after.outcome(&customer(number)).await == "ok");
        }
        assert!(!outcomes(flood).await.contains(&"ok"));
        if is_restored {
            assert_eq!(accepted, 50);
        } else {
            assert!(accepted < 50, "the test must be able to fail");
        }
        let sent = before.issuer.requests() - sent;
        assert!(sent <= 50 + 20 * 3 + 50, "{sent}");
    }
}

/// Rule 323.
#[tokio::test(start_paused = true)]
async fn restored_digests_admit_no_caller() {
    let before = Scripted::new();
    before.issuer.add_key(&customer(1), "org_a");
    assert_eq!(before.outcome(&customer(1)).await, "ok");
    let saved = before.verifier.export_known_credentials().unwrap();
    before.issuer.revoke(&customer(1));
    let keys = before.issuer.keys();
    let after = trusted(&keys)
        .restore_known_credentials(saved)
        .build()
        .unwrap();
    let rejection = after.verify(&customer(1)).await.unwrap_err();
    assert_eq!(rejection.code(), "inactive_credential");
}

/// A customer that turns hostile: a revoked key loses its privilege.
#[tokio::test(start_paused = true)]
async fn revoked_key_uses_the_budget_again() {
    let test = Scripted::with_customers(200).await;
    for number in 0..200 {
        test.issuer.revoke(&customer(number));
    }
    test.advance(61).await;
    for number in 0..200 {
        assert_eq!(test.outcome(&customer(number)).await, "inactive_credential");
    }
    // The rejections expire together.
    test.advance(11).await;
    let mut unavailable = 0;
    for number in 0..200 {
        unavailable += usize::from(test.outcome(&customer(number)).await == UNAVAILABLE);
    }
    assert!(unavailable > 0, "only the budget is left");
}

/// Rule 170.
#[tokio::test(start_paused = true)]
async fn inactive_responses_do_not_displace_active_ones() {
    let test = Scripted::new();
    test.issuer.add_key(&customer(1), "org_a");
    assert_eq!(test.outcome(&customer(1)).await, "ok");
    for second in 0..40 {
        for number in 0..30 {
            let _ = test.outcome(&invented(second * 100 + number)).await;
        }
        test.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let sent = test.issuer.requests();
    assert_eq!(test.outcome(&customer(1)).await, "ok");
    assert_eq!(test.issuer.requests(), sent, "still cached");
}
