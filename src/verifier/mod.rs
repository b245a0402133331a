//! Token verification: `verify` has the steps of the RFCs, and `rules` has the rules for each
//! claim.

mod build;
mod build_issuer;
mod build_ready;
mod builder;
mod builder_settings;
mod cache;
mod caller_recheck;
mod callers;
mod check_setup;
mod claim;
mod config_error;
mod custom_claims;
#[cfg(feature = "dpop")]
mod dpop_builder;
#[cfg(feature = "dpop")]
mod dpop_setters;
mod explain;
mod failure;
#[cfg(feature = "introspection")]
mod introspection_rules;
mod invalidated;
mod issuer;
mod issuers;
#[cfg(feature = "introspection")]
mod opaque;
#[cfg(feature = "introspection")]
mod opaque_builder;
mod organization;
#[cfg(any(feature = "dpop", feature = "mtls"))]
mod possession;
mod precheck;
mod profile;
mod readiness;
#[cfg(feature = "introspection")]
mod rejected_response;
mod rules;
#[cfg(feature = "security-events")]
mod signed_document;
mod single_issuer;
mod start_error;
mod status;
mod token_key;
mod validated;
mod validity;
mod verification;
mod verified_claims;
#[allow(
    clippy::module_inception,
    reason = "the file is found by the name of its type"
)]
mod verifier;
mod verify;
mod weak_settings;

pub use builder::VerifierBuilder;
pub(crate) use caller_recheck::RecheckInterval;
pub use config_error::ConfigError;
pub(crate) use config_error::SettingSource;
pub use explain::{Check, Explanation, Outcome};
pub(crate) use invalidated::ClaimsWatch;
pub use invalidated::Invalidated;
pub(crate) use issuer::kinde::kinde_issuer;
pub use issuer::{Issuer, NeedsAudience};
pub use profile::{ClaimCondition, Profile};
pub use readiness::Readiness;
#[cfg(feature = "security-events")]
pub(crate) use signed_document::{DocumentError, DocumentSender};
pub use start_error::StartError;
pub(crate) use verification::{
    AcceptedCredentials, CallerVerdict, ValidToken, Verification, VerificationFailure,
};
pub use verifier::Verifier;
pub use weak_settings::WeakSetting;
