//! All forgeries of one good token.

use super::forgery::{Forge, Forgery};
use super::{algorithms, audiences, keys, kinds, orgs, shapes, signatures, times};
use crate::testing::mint::TokenBuilder;
use crate::testing::profile::Profile;

/// Every forgery, except those that are no forgery for the good token's [`Profile`]: outside Kinde a user's token
/// cannot be told from a machine's by its grant type.
#[must_use]
pub fn all(good: &TokenBuilder) -> Vec<Forgery> {
    let everywhere = [
        algorithms::ALL,
        signatures::ALL,
        keys::ALL,
        times::ALL,
        audiences::ALL,
        orgs::ALL,
        kinds::ALL,
        shapes::ALL,
    ];
    let of_profile: &[Forge] = if good.profile() == Profile::Kinde {
        kinds::kinde_only::ALL
    } else {
        &[]
    };
    let forges = everywhere.into_iter().flatten().chain(of_profile);
    forges.map(|forge| forge(good)).collect()
}
