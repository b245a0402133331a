//! The contract of stores.

use tower_m2m::testing::{MemoryStore, store_contract};
use tower_m2m::{BoxError, DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor};

#[tokio::test(start_paused = true)]
async fn memory_store_satisfies_the_contract() {
    let store = MemoryStore::new();
    store_contract::check(async || Ok(store.clone()))
        .await
        .unwrap();
}

/// A store that writes the last expiry, and not the later one.
struct LastWins(MemoryStore);

impl DenylistStore for LastWins {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        self.0.follow(from, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        if !self.0.is_empty() {
            self.0.remove(record.key()).await?;
        }
        self.0.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.0.remove(key).await
    }
}

/// A store that ignores the cursor.
struct WithoutCursor(MemoryStore);

impl DenylistStore for WithoutCursor {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let _ = from;
        self.0.follow(None, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.0.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.0.remove(key).await
    }
}

/// A store that follows from another cursor if the cursor is no position.
struct ReplacedCursor {
    store: MemoryStore,
    unknown: Option<&'static str>,
}

impl DenylistStore for ReplacedCursor {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let from = match from {
            Some(cursor) if !cursor.as_str().contains('/') => self.unknown.map(StoreCursor::new),
            from => from,
        };
        self.store.follow(from, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.store.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.store.remove(key).await
    }
}

async fn check_with_replaced_cursor(
    unknown: Option<&'static str>,
) -> Result<(), store_contract::ContractViolation> {
    let store = MemoryStore::new();
    let client = async || {
        Ok(ReplacedCursor {
            store: store.clone(),
            unknown,
        })
    };
    store_contract::check(client).await
}

/// Any cursor that is no position of the store is a gap.
#[tokio::test(start_paused = true)]
async fn memory_store_reports_a_gap_for_each_unknown_cursor() {
    for unknown in ["", "0", "0/x", "9/1"] {
        let checked = check_with_replaced_cursor(Some(unknown)).await;
        assert_eq!(checked, Ok(()), "{unknown}");
    }
}

/// The contract is a check only if it finds defects.
#[tokio::test(start_paused = true)]
async fn contract_finds_defects() {
    let store = MemoryStore::new();
    let violation = store_contract::check(async || Ok(LastWins(store.clone()))).await;
    let requirement = violation.unwrap_err().requirement;
    assert!(
        requirement.contains("the later expiry wins"),
        "{requirement}"
    );
    let store = MemoryStore::new();
    let violation = store_contract::check(async || Ok(WithoutCursor(store.clone()))).await;
    let requirement = violation.unwrap_err().requirement;
    assert!(requirement.contains("with a cursor"), "{requirement}");
    // All entries are sent again without a gap.
    let violation = check_with_replaced_cursor(None).await;
    let requirement = violation.unwrap_err().requirement;
    assert!(
        requirement.contains("an unknown cursor is a gap"),
        "{requirement}"
    );
    let violation = store_contract::check(async || {
        let store = MemoryStore::new();
        store.set_down();
        Ok(store)
    });
    assert!(violation.await.is_err());
}
