use super::*;
use crate::revocation::entries::Entries;

impl Denylist {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.0.list.read()
    }

    fn register_issuers<'i>(
        &self,
        issuers: impl Iterator<Item = &'i Arc<str>>,
        others: UnlistedIssuers,
        clock: &Clock,
    ) {
        let issuers = issuers.map(|issuer| (issuer, None));
        self.0.list.register_issuers(issuers, others, clock);
    }
}

const ISSUER: &str = "https://issuer.example";

fn list(capacity: usize) -> Denylist {
    let list = Denylist::with_capacity(capacity);
    list.register_issuers(
        [Arc::from(ISSUER)].iter(),
        UnlistedIssuers::Reject,
        &Clock::system(),
    );
    list
}

#[test]
fn full_denylist_returns_error_and_keeps_entries() {
    let list = list(2);
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "a"), EntryExpiry::Never),
        Ok(())
    );
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "b"), EntryExpiry::Never),
        Ok(())
    );
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "c"), EntryExpiry::Never),
        Err(DenylistError::Full)
    );
    assert_eq!(list.len(), 2);
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "a"), EntryExpiry::Never),
        Ok(()),
        "a denied name needs no new entry"
    );
    list.remove(&DenylistEntry::token(ISSUER, "a"));
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "c"), EntryExpiry::Never),
        Ok(())
    );
}

#[test]
fn expired_entries_are_evicted_when_full() {
    let list = list(1);
    assert_eq!(
        list.deny(
            DenylistEntry::token(ISSUER, "a"),
            EntryExpiry::UnixSeconds(1_000 - 5 * 60)
        ),
        Ok(())
    );
    assert_eq!(
        list.deny(DenylistEntry::client(ISSUER, "b"), EntryExpiry::Never),
        Ok(())
    );
    assert_eq!(list.len(), 1);
}

/// An entry of an unlisted issuer is stored even if all other entries of that issuer expired.
#[test]
fn new_entry_replaces_the_expired_ones_of_its_issuer() {
    let list = Denylist::with_capacity(1);
    list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
    let (expired, new) = (
        DenylistEntry::token(ISSUER, "a"),
        DenylistEntry::token(ISSUER, "b"),
    );
    assert_eq!(list.deny(expired, EntryExpiry::UnixSeconds(1_000)), Ok(()));
    assert_eq!(list.deny(new, EntryExpiry::Never), Ok(()));
    assert_eq!(list.len(), 1);
    assert!(list.read().issuers[ISSUER].tokens.contains_key("b"));
}

/// An issuer that is not listed is removed with its last entry.
#[test]
fn resolved_issuer_is_removed_with_its_last_entry() {
    let list = list(2);
    list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
    let issuers = || list.read().issuers.len();
    for number in 0..100 {
        let lifted = DenylistEntry::client(format!("https://lifted-{number}.example"), "c");
        assert_eq!(list.deny(lifted.clone(), EntryExpiry::Never), Ok(()));
        assert_eq!(issuers(), 2);
        list.remove(&lifted);
        assert_eq!(issuers(), 1, "the listed one stays");
    }
    for number in 0..100 {
        let passed = DenylistEntry::client(format!("https://passed-{number}.example"), "c");
        assert_eq!(list.deny(passed, EntryExpiry::UnixSeconds(1_000)), Ok(()));
        assert!(issuers() <= 3, "{}", issuers());
    }
    assert_eq!(
        list.deny(DenylistEntry::client(ISSUER, "c"), EntryExpiry::Never),
        Ok(())
    );
}

#[test]
fn eviction_removes_only_expired_entries() {
    let list = list(2);
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "holds"), EntryExpiry::Never),
        Ok(())
    );
    assert_eq!(
        list.deny(
            DenylistEntry::token(ISSUER, "passed"),
            EntryExpiry::UnixSeconds(1_000)
        ),
        Ok(())
    );
    assert_eq!(
        list.deny(DenylistEntry::token(ISSUER, "new"), EntryExpiry::Never),
        Ok(())
    );
    let lists = list.read();
    let mut names: Vec<&str> = lists.issuers[ISSUER]
        .tokens
        .keys()
        .map(AsRef::as_ref)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["holds", "new"]);
}

/// Issuers that are resolved are unknown in advance. Their entries count toward the same limit.
#[test]
fn resolvable_issuer_can_be_denied_within_the_limit() {
    let list = Denylist::with_capacity(1);
    list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
    list.register_issuers([].iter(), UnlistedIssuers::Reject, &Clock::system());
    assert_eq!(
        list.deny(
            DenylistEntry::token(ISSUER, "a"),
            EntryExpiry::UnixSeconds(1_000)
        ),
        Ok(())
    );
    assert_eq!(
        list.deny(
            DenylistEntry::token("https://other.example", "a"),
            EntryExpiry::Never
        ),
        Ok(()),
        "the first has expired"
    );
    assert_eq!(
        list.deny(
            DenylistEntry::token("https://third.example", "a"),
            EntryExpiry::Never
        ),
        Err(DenylistError::Full)
    );
    assert!(!list.read().issuers.contains_key("https://third.example"));
    assert!(!list.is_empty());
}

#[test]
fn entry_without_possible_effect_is_an_error() {
    let list = list(2);
    assert_eq!(
        list.deny(
            DenylistEntry::token("https://issuer.example/", "a"),
            EntryExpiry::Never
        ),
        Err(DenylistError::UnknownIssuer)
    );
    assert_eq!(
        list.deny(DenylistEntry::client(ISSUER, ""), EntryExpiry::Never),
        Err(DenylistError::InvalidName)
    );
    assert_eq!(
        list.deny(
            DenylistEntry::client(ISSUER, "c".repeat(513)),
            EntryExpiry::Never
        ),
        Err(DenylistError::InvalidName)
    );
    for denied in [
        DenylistEntry::organization(ISSUER, "org_a "),
        DenylistEntry::organization(ISSUER, "o".repeat(129)),
        DenylistEntry::client(ISSUER, "svc\n"),
        DenylistEntry::token(ISSUER, "a\0"),
    ] {
        assert_eq!(
            list.deny(denied, EntryExpiry::Never),
            Err(DenylistError::InvalidName)
        );
    }
    assert!(list.is_empty());
    assert_eq!(
        list.deny(
            DenylistEntry::client(ISSUER, "c".repeat(512)),
            EntryExpiry::Never
        ),
        Ok(())
    );
    assert!(!list.is_empty());
}

/// Rule 194.
#[test]
fn security_event_does_not_remove_an_entry_of_the_application() {
    use EntryOrigin::{Application, SecurityEvent};
    let entries = [
        DenylistEntry::subject(ISSUER, "user-1"),
        DenylistEntry::organization(ISSUER, "org_a").issued_before(1_000),
    ];
    for entry in entries {
        let list = list(2);
        let deny = |origin| list.deny_as(origin, entry.clone(), EntryExpiry::Never);
        assert_eq!(deny(Application), Ok(()));
        list.remove_as(SecurityEvent, &entry);
        assert_eq!(list.len(), 1, "{entry:?}");
        assert_eq!(deny(SecurityEvent), Ok(()));
        assert_eq!(list.len(), 2, "each origin has its own entry");
        list.remove_as(SecurityEvent, &entry);
        assert_eq!(list.len(), 1, "{entry:?}");
        assert_eq!(deny(SecurityEvent), Ok(()));
        list.remove(&entry);
        assert!(list.is_empty(), "the application removes both");
    }
}

/// Rule 194.
///
/// It holds on all replicas.
#[cfg(feature = "test-util")]
#[tokio::test(start_paused = true)]
async fn security_event_does_not_remove_an_entry_of_another_replica() {
    use EntryOrigin::{Application, SecurityEvent};
    let store = crate::testing::MemoryStore::new();
    let replica = || {
        let list = Denylist::replicated(store.clone());
        let tasks = list.register_verifier(
            [(&Arc::from(ISSUER), None)].into_iter(),
            UnlistedIssuers::Reject,
            &Clock::system(),
            StalenessLimits::default(),
        );
        tasks.as_ref().unwrap().start();
        (list, tasks)
    };
    let ((one, _tasks), (two, _other_tasks)) = (replica(), replica());
    let settle = || tokio::time::sleep(std::time::Duration::from_millis(2));
    let entry = DenylistEntry::subject(ISSUER, "user-1");
    for origin in [Application, SecurityEvent] {
        let denied = one.deny_on_all_replicas_as(origin, entry.clone(), EntryExpiry::Never);
        denied.await.unwrap();
    }
    settle().await;
    assert_eq!((one.len(), two.len(), store.len()), (2, 2, 2));
    two.remove_on_all_replicas_as(SecurityEvent, &entry)
        .await
        .unwrap();
    settle().await;
    assert_eq!((one.len(), two.len(), store.len()), (1, 1, 1));
    one.remove_on_all_replicas(&entry).await.unwrap();
    settle().await;
    assert!(one.is_empty() && two.is_empty() && store.is_empty());
}
