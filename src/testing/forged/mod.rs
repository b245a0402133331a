//! Tokens that no server may accept. Each is a valid token with one error.
//!
//! Every function takes a valid token that your API accepts and returns a [`Forgery`]: the header
//! value to send and the response of a correct server. [`attack`] sends all of them and reports.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use tower_m2m::testing::{LocalIssuer, forged};
//!
//! # async fn call_my_api(authorization: String) -> (u16, Option<String>, String) {
//! #     if authorization.contains("control") { return (200, None, String::new()) }
//! #     (401, Some("Bearer error=\"invalid_token\"".into()), String::new())
//! # }
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let good = issuer.org("org_a").scopes(["read:invoices"]);
//!
//! // `call_my_api` sends the header value and returns status, `WWW-Authenticate` and body.
//! let report = forged::attack(&good, call_my_api).await;
//! println!("{report}");
//! // In a test: report.assert_all_rejected();
//!
//! let one = forged::key_confusion_hs256(&good);
//! assert_eq!((one.expected().status(), one.expected().error()), (401, "invalid_token"));
//! # Ok(())
//! # }
//! ```
//!
//! The forgeries of events are in [`webhooks`] and [`security_events`].
//!
//! The forgeries of API keys and opaque tokens are in [`opaque`], those of DPoP proofs in
//! [`proofs`], those of client certificates in `certificates` (feature `mtls`).
//!
//! The forgeries have the times of the valid token. If your server uses the system clock, create
//! that token immediately before the attack. Some forgeries name a key server below the issuer's
//! URL. If the server under attack fetches from it, [`LocalIssuer::hits`](super::LocalIssuer::hits)
//! of [`Endpoint::Other`](super::Endpoint::Other) is not zero.

#[cfg(feature = "mtls")]
pub mod certificates;
pub mod opaque;
pub mod proofs;
pub mod security_events;
pub mod webhooks;

mod algorithms;
mod assessment;
mod audiences;
mod corpus;
mod forge;
mod forgery;
mod keys;
mod kinds;
mod orgs;
mod report;
mod shapes;
mod signatures;
mod times;

pub use algorithms::*;
pub use assessment::Assessment;
pub use audiences::*;
pub use corpus::all;
pub use forgery::{Expected, Forgery};
pub use keys::*;
pub use kinds::*;
pub use orgs::*;
pub use report::{CorpusReport, attack, attack_credential, attack_with};
pub use shapes::*;
pub use signatures::*;
pub use times::*;
