use std::collections::HashSet;
use std::hash::BuildHasher as _;

use super::*;

/// The table of the standard library reads the highest seven bits and the lowest ones.
#[test]
fn short_keys_differ_in_the_bits_that_tables_read() {
    let hashes = |key: u32| UniformHashBuilder::default().hash_one(key);
    let highest: HashSet<u64> = (0..128).map(|key| hashes(key << 25) >> 57).collect();
    let lowest: HashSet<u64> = (0..128).map(|key| hashes(key) & 127).collect();
    assert_eq!((highest.len(), lowest.len()), (128, 128));
}

#[test]
fn long_keys_are_their_own_hashes() {
    let key = 0x0123_4567_89ab_cdef_u64;
    assert_eq!(UniformHashBuilder::default().hash_one(key), key);
    assert_eq!(UniformHashBuilder::default().hash_one(!key), !key);
}
