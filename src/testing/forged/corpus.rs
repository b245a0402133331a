//! All forgeries of one valid token.

use super::forgery::{Forge, Forgery};
use super::{algorithms, audiences, keys, kinds, orgs, shapes, signatures, times};
use crate::testing::mint::TokenBuilder;
use crate::testing::profile::Profile;

/// Returns every forgery that applies to the valid token's [`Profile`]. For profiles other than
/// Kinde's, the grant type does not distinguish user tokens from machine tokens, so those forgeries
/// are left out.
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
