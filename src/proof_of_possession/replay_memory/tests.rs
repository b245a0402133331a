use super::{Insertion, ReplayLimits, ReplayMemory};
use crate::proof_of_possession::replay_store::UsedProof;

const NOW: i64 = 1_750_000_000;

fn proof(key: u8, jti: &str, expires_at: i64) -> UsedProof {
    UsedProof::new(&[key; 32], jti, expires_at, NOW)
}

fn store(total: usize, per_key: usize) -> ReplayMemory {
    ReplayMemory::new(ReplayLimits { total, per_key })
}

/// Rule 242.
#[test]
fn key_of_a_used_proof_is_thumbprint_and_jti() {
    let store = store(100, 100);
    let used = proof(1, "a", NOW + 70);
    assert_eq!(store.insert(&used, NOW), Insertion::Stored);
    assert!(store.contains(&used, NOW + 69));
    assert!(!store.contains(&used, NOW + 70));
    assert_eq!(store.insert(&used, NOW), Insertion::Repeated);
    // Another iat with the same ID is the same proof.
    assert_eq!(
        store.insert(&proof(1, "a", NOW + 71), NOW),
        Insertion::Repeated
    );
    assert_eq!(
        store.insert(&proof(2, "a", NOW + 70), NOW),
        Insertion::Stored
    );
    assert_eq!(
        store.insert(&proof(1, "b", NOW + 70), NOW),
        Insertion::Stored
    );
    assert_eq!(store.len(), 3);
    // The ID may be used again after the proof expired.
    assert_eq!(
        store.insert(&proof(1, "a", NOW + 140), NOW + 70),
        Insertion::Stored
    );
    assert_eq!(
        store.insert(&proof(1, "a", NOW + 140), NOW + 70),
        Insertion::Repeated
    );
}

/// Rules 114, 244.
#[test]
fn full_share_of_one_key_does_not_affect_others() {
    let store = store(1_000, 3);
    for jti in ["a", "b", "c"] {
        assert_eq!(
            store.insert(&proof(1, jti, NOW + 70), NOW),
            Insertion::Stored
        );
    }
    assert_eq!(
        store.insert(&proof(1, "d", NOW + 70), NOW + 69),
        Insertion::KeyFull
    );
    // A replay is still recognized.
    assert_eq!(
        store.insert(&proof(1, "a", NOW + 70), NOW + 69),
        Insertion::Repeated
    );
    for key in 2..250 {
        assert_eq!(
            store.insert(&proof(key, "d", NOW + 70), NOW + 69),
            Insertion::Stored
        );
    }
    assert_eq!(
        store.insert(&proof(1, "d", NOW + 140), NOW + 70),
        Insertion::Stored
    );
}

/// Rules 114, 244.
///
/// No proof that has not expired is evicted.
#[test]
fn full_store_rejects_and_evicts_nothing() {
    let store = store(100, 100);
    let name = |number: usize| number.to_string();
    for number in 0..100 {
        let used = proof(u8::try_from(number % 7).unwrap(), &name(number), NOW + 70);
        assert_eq!(store.insert(&used, NOW), Insertion::Stored);
    }
    assert_eq!(
        store.insert(&proof(9, "new", NOW + 70), NOW + 69),
        Insertion::Full
    );
    for number in 0..100 {
        let used = proof(u8::try_from(number % 7).unwrap(), &name(number), NOW + 70);
        assert_eq!(store.insert(&used, NOW + 69), Insertion::Repeated);
    }
    assert_eq!(store.len(), 100);
    assert_eq!(
        store.insert(&proof(9, "new", NOW + 140), NOW + 70),
        Insertion::Stored
    );
    assert_eq!(store.len(), 1);
}

/// Returns the bytes of all tables: for each place a byte of the table itself, and the entry.
fn bytes(store: &ReplayMemory) -> usize {
    let table = |capacity: usize, entry: usize| capacity.div_ceil(7) * 8 * (entry + 1);
    let shards = store.shards.iter().map(|shard| {
        let shard = shard.lock().unwrap();
        table(shard.proofs.capacity(), 16) + table(shard.keys.capacity(), 8)
    });
    shards.sum()
}

/// Inserts proofs of this many keys. The digests need not be SHA-256.
fn fill(store: &ReplayMemory, proofs: usize, keys: usize) {
    let number = |number: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes
    };
    let mut used = proof(1, "a", NOW + 70);
    for at in 0..proofs {
        (used.digest, used.thumbprint) = (number(at), number(at % keys));
        assert_eq!(store.insert(&used, NOW), Insertion::Stored);
    }
}

/// Goal P3.
#[test]
fn a_million_proofs_take_less_than_48_mib() {
    for keys in [1_000_000, 300_000, 10] {
        let store = store(1_000_000, 100_000);
        fill(&store, 1_000_000, keys);
        assert_eq!(store.len(), 1_000_000);
        assert!(bytes(&store) <= 39 << 20, "{keys}: {}", bytes(&store));
    }
}

/// Goal P3: memory is returned when proofs expire.
#[test]
fn expired_proofs_return_their_memory() {
    let store = store(100_000, 100_000);
    assert_eq!(bytes(&store), 0);
    fill(&store, 20_000, 20_000);
    let full = bytes(&store);
    assert!(full > 20_000 * 24);
    store.sweep(NOW + 69);
    assert_eq!((store.len(), bytes(&store)), (20_000, full));
    // A proof that stays valid does not keep the memory of the others, nor that of their keys.
    for key in 0..200 {
        let used = proof(key, "later", NOW + 79);
        assert_eq!(store.insert(&used, NOW + 69), Insertion::Stored);
    }
    store.sweep(NOW + 70);
    assert_eq!(store.len(), 200);
    assert!(bytes(&store) < full / 20, "{} of {full}", bytes(&store));
    store.sweep(NOW + 79);
    assert_eq!((store.len(), bytes(&store)), (0, 0));
}

/// Rule 117.
#[test]
fn only_one_of_many_threads_stores_a_proof() {
    let store = store(1_000, 1_000);
    let barrier = std::sync::Barrier::new(16);
    let stored = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                for number in 0..500_usize {
                    let used = proof(1, &number.to_string(), NOW + 70);
                    if store.insert(&used, NOW) == Insertion::Stored {
                        stored.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(stored.into_inner(), 500);
    assert_eq!(store.len(), 500);
}
