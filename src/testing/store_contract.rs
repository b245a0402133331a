//! The contract of a [`DenylistStore`], as tests that every store runs.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_m2m::testing::{MemoryStore, store_contract};
//!
//! let store = MemoryStore::new();
//! store_contract::check(async || Ok(store.clone())).await?;
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::contract_follower::ContractViolation;
use super::contract_follower::{ContractFollower, violation};
use crate::revocation::{
    DenylistEntry, DenylistRecord, DenylistStore, EntryExpiry, RecordKey, StoreCursor,
};
use crate::util::BoxError;

/// The records of the test with many records.
const MANY_RECORDS: usize = 2_500;

/// Checks a store. `connect` returns one more client of the same store, which is empty at first.
///
/// It writes about 2,500 records, and takes up to 30 s, because one requirement is a heartbeat.
///
/// # Errors
///
/// Returns the first [`ContractViolation`], also if the store or `connect` fails.
pub async fn check<S: DenylistStore>(
    connect: impl AsyncFn() -> Result<S, BoxError>,
) -> Result<(), ContractViolation> {
    let client = async || match connect().await {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(violation("a client connects", &error)),
    };
    let (one, two) = (client().await?, client().await?);
    empty_store_is_loaded(&one).await?;
    changes_of_another_client_arrive_in_order(&one, &two).await?;
    later_expiry_wins(&one, &two).await?;
    unknown_members_are_kept(&one, &two).await?;
    removed_entry_is_not_written_again(&one, &two).await?;
    all_entries_are_loaded(&one, &two).await?;
    changes_while_disconnected_arrive(&one, &two).await?;
    unknown_cursor_is_a_gap(&one).await?;
    idle_store_sends_heartbeats(&one).await
}

async fn empty_store_is_loaded<S: DenylistStore>(store: &Arc<S>) -> Result<(), ContractViolation> {
    let mut follower = ContractFollower::start(store, None);
    follower
        .caught_up("an empty store sends `caught_up`")
        .await?;
    ensure(
        follower.records.is_empty(),
        "the store is empty at first",
        "it has records",
    )
}

async fn changes_of_another_client_arrive_in_order<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "every change of another client arrives, in order";
    let mut follower = ContractFollower::start(one, None);
    follower.caught_up(RULE).await?;
    let (a, b) = (
        record("a", EntryExpiry::Never),
        record("b", EntryExpiry::Never),
    );
    put(two, &a).await?;
    remove(two, &a.key()).await?;
    put(two, &b).await?;
    put(two, &a).await?;
    remove(two, &b.key()).await?;
    follower
        .until(RULE, |follower| follower.log.len() >= 5)
        .await?;
    let expected = ["+a", "-a", "+b", "+a", "-b"];
    ensure(
        follower.log == expected,
        RULE,
        &format!("{:?}", follower.log),
    )?;
    // A removal of a record that does not exist is no error.
    remove(two, &b.key()).await?;
    remove(two, &a.key()).await
}

async fn later_expiry_wins<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "if two clients write the same entry, the later expiry wins";
    let (early, late) = (
        record("expiry", EntryExpiry::UnixSeconds(4_000_000_000)),
        record("expiry", EntryExpiry::UnixSeconds(4_000_000_001)),
    );
    put(one, &late).await?;
    put(two, &early).await?;
    let expected = Some(4_000_000_001);
    let found = load(one, RULE).await?.remove(&early.key());
    let found = found.and_then(|record| record.expires_at());
    ensure(found == expected, RULE, &format!("{found:?}"))?;
    for _ in 0..8 {
        let never = record("expiry", EntryExpiry::Never);
        let (first, second) = tokio::join!(one.put(never.clone()), two.put(early.clone()));
        first.and(second).map_err(|error| violation(RULE, &error))?;
        let found = load(two, RULE).await?.remove(&early.key());
        let found = found.map(|record| record.expires_at());
        ensure(found == Some(None), RULE, &format!("{found:?}"))?;
        remove(one, &early.key()).await?;
    }
    Ok(())
}

async fn unknown_members_are_kept<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "unknown members of a record are kept";
    let newer = r#"{"v":9,"kind":"client","issuer":"https://issuer.example","name":"newer","expires_at":4000000000,"reason":"x"}"#;
    let newer = DenylistRecord::from_json(newer.as_bytes());
    let newer = newer.map_err(|error| violation(RULE, &error))?;
    put(two, &newer).await?;
    put(one, &record("newer", EntryExpiry::Never)).await?;
    let found = load(one, RULE).await?.remove(&newer.key());
    let json = found.map(|record| String::from_utf8_lossy(&record.to_json()).into_owned());
    let json = json.unwrap_or_default();
    let is_kept = json.contains(r#""reason":"x""#) && !json.contains("expires_at");
    ensure(is_kept, RULE, &json)?;
    remove(one, &newer.key()).await
}

async fn removed_entry_is_not_written_again<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "a removal wins over an earlier write that is written again";
    let first = record("removed", EntryExpiry::Never);
    put(one, &first).await?;
    let stored = load(one, RULE).await?.remove(&first.key());
    let stored = stored.ok_or_else(|| violation(RULE, &"the record is missing"))?;
    remove(two, &first.key()).await?;
    put(one, &stored.again()).await?;
    let found = load(one, RULE).await?.remove(&first.key());
    ensure(found.is_none(), RULE, "the entry is there again")?;
    // A new denial replaces the removal.
    put(two, &record("removed", EntryExpiry::Never)).await?;
    let found = load(two, RULE).await?.remove(&first.key());
    ensure(found.is_some(), RULE, "a new entry is missing")?;
    remove(one, &first.key()).await
}

async fn all_entries_are_loaded<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "all entries are sent before `caught_up`";
    let names: Vec<String> = (0..MANY_RECORDS)
        .map(|number| format!("many-{number}"))
        .collect();
    for names in names.chunks(100) {
        let mut writes = tokio::task::JoinSet::new();
        for name in names {
            let (store, record) = (Arc::clone(two), record(name, EntryExpiry::Never));
            writes.spawn(async move { store.put(record).await });
        }
        for result in writes.join_all().await {
            result.map_err(|error| violation("a record is written", &error))?;
        }
    }
    let found = load(one, RULE).await?.len();
    ensure(
        found == MANY_RECORDS,
        RULE,
        &format!("{found} of {MANY_RECORDS}"),
    )
}

async fn changes_while_disconnected_arrive<S: DenylistStore>(
    one: &Arc<S>,
    two: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "with a cursor, the later changes arrive and no others";
    let mut follower = ContractFollower::start(one, None);
    let cursor = follower.caught_up(RULE).await?;
    drop(follower);
    let late = record("late", EntryExpiry::Never);
    put(two, &late).await?;
    remove(two, &record("many-7", EntryExpiry::Never).key()).await?;
    let mut follower = ContractFollower::start(one, Some(cursor));
    follower
        .until(RULE, |follower| follower.log.len() >= 2)
        .await?;
    let is_complete = follower.log == ["+late", "-many-7"] && follower.gaps == 0;
    ensure(is_complete, RULE, &format!("{:?}", follower.log))?;
    remove(two, &late.key()).await
}

async fn unknown_cursor_is_a_gap<S: DenylistStore>(
    store: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "an unknown cursor is a gap, and all entries are sent again";
    let mut follower = ContractFollower::start(store, Some(StoreCursor::new("unknown")));
    follower.caught_up(RULE).await?;
    ensure(follower.gaps > 0, RULE, "no gap was sent")?;
    let found = follower.records.len();
    ensure(
        found == MANY_RECORDS - 1,
        RULE,
        &format!("{found} of {}", MANY_RECORDS - 1),
    )
}

async fn idle_store_sends_heartbeats<S: DenylistStore>(
    store: &Arc<S>,
) -> Result<(), ContractViolation> {
    const RULE: &str = "an idle store sends a heartbeat within 10 s";
    let mut follower = ContractFollower::start(store, None);
    follower.caught_up(RULE).await?;
    follower
        .until(RULE, |follower| follower.heartbeats >= 2)
        .await
}

async fn load<S: DenylistStore>(
    store: &Arc<S>,
    rule: &'static str,
) -> Result<BTreeMap<RecordKey, DenylistRecord>, ContractViolation> {
    let mut follower = ContractFollower::start(store, None);
    follower.caught_up(rule).await?;
    Ok(std::mem::take(&mut follower.records))
}

async fn put<S: DenylistStore>(
    store: &Arc<S>,
    record: &DenylistRecord,
) -> Result<(), ContractViolation> {
    let written = store.put(record.clone()).await;
    written.map_err(|error| violation("a record is written", &error))
}

async fn remove<S: DenylistStore>(
    store: &Arc<S>,
    key: &RecordKey,
) -> Result<(), ContractViolation> {
    let removed = store.remove(key.clone()).await;
    removed.map_err(|error| violation("a record is removed", &error))
}

#[allow(clippy::expect_used, reason = "the names above are short")]
fn record(name: &str, expiry: EntryExpiry) -> DenylistRecord {
    let entry = DenylistEntry::client("https://issuer.example", name);
    DenylistRecord::new(&entry, expiry).expect("a short record")
}

fn ensure(is_met: bool, requirement: &'static str, found: &str) -> Result<(), ContractViolation> {
    if is_met {
        return Ok(());
    }
    Err(violation(requirement, &found))
}
