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
        self.0.remove(record.key()).await?;
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
    let violation = store_contract::check(async || {
        let store = MemoryStore::new();
        store.set_down();
        Ok(store)
    });
    assert!(violation.await.is_err());
}
