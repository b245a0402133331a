//! Tokens that no server may accept: each is a good token with one thing wrong.
//!
//! Every function takes the good token that your API would let in, and returns a [`Forgery`]: what to send, and how a
//! correct server answers. [`attack`] sends them all and reports.
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
//! The tokens are as fresh as the good one: build it just before the attack when the clock is the system's. Those that
//! name a key server of their own point below the issuer's URL, so that
//! [`LocalIssuer::hits`](super::LocalIssuer::hits) of [`Endpoint::Other`](super::Endpoint::Other) shows whether the
//! server under attack went there.

mod algorithms;
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
pub use audiences::*;
pub use corpus::all;
pub use forgery::{Expected, Forgery};
pub use keys::*;
pub use kinds::*;
pub use orgs::*;
pub use report::{CorpusReport, attack, attack_with};
pub use shapes::*;
pub use signatures::*;
pub use times::*;
