//! Opaque credentials that no server may accept.
//!
//! | function | what it changes | the valid credential |
//! |---|---|---|
//! | [`strings`] | the characters of a credential | an API key or an opaque token |
//! | [`api_keys`] | what Kinde reports about an API key | an [`ApiKey`] of an organization |
//! | [`tokens`] | the introspection response (RFC 7662) | a [`TokenBuilder`] |
//!
//! The last two register each credential at the [`LocalIssuer`], so the server under test must
//! trust it. Send them with [`attack_credential`](super::attack_credential):
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
//! let issuer = LocalIssuer::start().await?;
//! let good = issuer.api_key("org_a").scopes(["read:invoices"]);
//! let mut forgeries = forged::opaque::strings::all(good.secret());
//! forgeries.extend(forged::opaque::api_keys::all(&good));
//!
//! // `call_my_api` sends the header value and returns status, `WWW-Authenticate` and body.
//! let report = forged::attack_credential(good.bearer(), &forgeries, call_my_api).await;
//! println!("{report}");
//! // In a test: report.assert_all_rejected();
//! # Ok(())
//! # }
//! ```
//!
//! [`ApiKey`]: crate::testing::ApiKey
//! [`LocalIssuer`]: crate::testing::LocalIssuer
//! [`TokenBuilder`]: crate::testing::TokenBuilder

pub mod api_keys;
pub mod strings;
pub mod tokens;

/// Defines each forgery once, as `forgeries!` does, for functions with these parameters. `all`
/// returns every forgery of the file.
macro_rules! opaque_forgeries {
    ($(#[doc = $all:literal])* fn $parameters:tt = $arguments:tt; $(#[doc = $about:literal] $name:ident -> $expected:ident $token:block)*) => {
        $(#[doc = $all])*
        #[must_use]
        pub fn all $parameters -> Vec<crate::testing::forged::forgery::Forgery> {
            vec![$($name $arguments),*]
        }

        $(
            #[doc = $about]
            #[must_use]
            pub fn $name $parameters -> crate::testing::forged::forgery::Forgery {
                let token: String = $token;
                crate::testing::forged::forgery::Forgery::new(
                    stringify!($name),
                    $about.trim_ascii(),
                    &token,
                    crate::testing::forged::forgery::Expected::$expected,
                )
            }
        )*
    };
}
pub(super) use opaque_forgeries;
