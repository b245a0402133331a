//! The fetch budgets of issuers that were evicted, by name.

use std::collections::{HashMap, VecDeque};

use crate::jwks::{FetchAllowance, keyed_hash};

/// A bounded number of fetch budgets. Only issuers that the application trusts have one.
#[derive(Debug)]
pub(super) struct Allowances {
    by_name: HashMap<u64, FetchAllowance>,
    /// The oldest first.
    order: VecDeque<u64>,
    capacity: usize,
}

impl Allowances {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn insert(&mut self, iss: &str, allowance: FetchAllowance) {
        let name = keyed_hash(iss);
        if self.by_name.insert(name, allowance).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }

    /// Returns the budget of this name. It stays, because the issuer may be evicted again before
    /// its next fetch.
    pub(super) fn get(&self, iss: &str) -> Option<FetchAllowance> {
        self.by_name.get(&keyed_hash(iss)).cloned()
    }
}
