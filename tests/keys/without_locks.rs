//! Code of the application runs without a lock of this crate: another thread uses the verifier
//! during each event, metric and panic.

use std::sync::Arc;

use tokio::runtime::Builder;
use tower_m2m::{BoxError, Verifier};

use super::harness::{FakeIssuer, verdict};
use super::other_thread::{OtherThread, without_blocking};
use super::paused_runtime::paused_runtime;
use super::subscriber::set_subscriber;

/// Another thread reads the status of all issuers while the log writer has the event.
#[test]
fn failed_resolution_is_reported_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let _guard = set_subscriber(other.clone());
        let fake = FakeIssuer::with_url("https://a.example");
        let verifier = Verifier::builder([])
            .resolve_issuers_with(|_| async { Err(BoxError::from("the database is down")) })
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        let used = verifier.clone();
        other.calls(move || assert!(used.status().is_empty()));
        let verdict = paused_runtime().block_on(verdict(&verifier, &fake.token()));
        assert_ne!(verdict, "accepted");
        assert!(other.has_seen("issuer resolution failed"));
    });
}

/// The same, if the function returns an issuer with invalid settings.
#[test]
fn invalid_resolved_issuer_is_reported_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let _guard = set_subscriber(other.clone());
        let fake = FakeIssuer::with_url("https://a.example");
        let token = fake.token();
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |_| {
                let trusted = FakeIssuer::with_url("https://b.example").trusted();
                async move { Ok(Some(trusted)) }
            })
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        let used = verifier.clone();
        other.calls(move || assert!(used.status().is_empty()));
        assert_ne!(
            paused_runtime().block_on(verdict(&verifier, &token)),
            "accepted"
        );
        assert!(other.has_seen("another name"));
    });
}

/// Saved keys of a resolved issuer set gauges.
#[cfg(feature = "metrics")]
#[test]
fn restored_keys_are_reported_without_a_lock() {
    without_blocking(|| {
        let fake = FakeIssuer::with_url("https://a.example");
        let token = fake.token();
        let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
        let saved = paused_runtime()
            .block_on(builder.build_ready())
            .unwrap()
            .export_keys();
        assert_eq!(saved.len(), 1);
        let other = OtherThread::default();
        let _recording = metrics::set_default_local_recorder(&other);
        let clock = fake.clock.clone();
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |_| {
                let trusted = fake.trusted();
                async move { Ok(Some(trusted)) }
            })
            .restore_keys(saved)
            .clock(clock)
            .build()
            .unwrap();
        let used = verifier.clone();
        other.calls(move || drop(used.status()));
        assert_eq!(
            paused_runtime().block_on(verdict(&verifier, &token)),
            "accepted"
        );
        assert!(other.has_seen("tower_m2m_keys_fresh_until"));
    });
}

/// On a runtime without timers, each look for timers panics inside, and the panic hook of the
/// application runs.
#[test]
fn panic_hook_runs_without_a_lock() {
    without_blocking(|| {
        let (other, fake) = (OtherThread::default(), FakeIssuer::new());
        let verifier = Arc::new(
            Verifier::builder([fake.trusted()])
                .clock(fake.clock.clone())
                .start_lazily()
                .build()
                .unwrap(),
        );
        let used = Arc::clone(&verifier);
        other.calls(move || assert!(!used.is_ready()));
        let without_timers = Builder::new_current_thread().build().unwrap();
        other.during_panics(|| {
            without_timers.block_on(async { assert!(!verifier.is_ready()) });
        });
        assert!(other.has_seen("panic"));
    });
}
