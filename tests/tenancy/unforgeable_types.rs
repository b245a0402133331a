//! Claims and organizations are proofs: they cannot be created from other values.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower_m2m::bearer::Credentials;
use tower_m2m::token::{CompactJws, JoseHeader, JsonObject, Scopes};
use tower_m2m::{Algorithm, CallerOrg, Claims, OrgCode, Rejection, Scope, Scoped};

use super::support::{self, Fixture};

tower_m2m::scopes! { Api { Read = "read:x" } }

/// Returns `true` if a type has a trait: an inherent method takes precedence over a trait's method
/// if its bound is satisfied.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        struct Probe<T>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        trait Otherwise {
            fn holds(&self) -> bool {
                false
            }
        }
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: $($bound)+> Probe<T> {
            fn holds(&self) -> bool {
                true
            }
        }
        Probe::<$type>(std::marker::PhantomData).holds()
    }};
}

/// Lists the ways to create a type from data that a request can contain.
macro_rules! ways {
    ($type:ty) => {
        [
            ("Default", has!($type: Default)),
            ("Deserialize", has!($type: Deserialize<'static>)),
            ("DeserializeOwned", has!($type: DeserializeOwned)),
            ("FromStr", has!($type: FromStr)),
            ("From<&str>", has!($type: From<&'static str>)),
            ("From<String>", has!($type: From<String>)),
            ("TryFrom<&str>", has!($type: TryFrom<&'static str>)),
            ("TryFrom<String>", has!($type: TryFrom<String>)),
            ("From<serde_json::Value>", has!($type: From<serde_json::Value>)),
            ("TryFrom<serde_json::Value>", has!($type: TryFrom<serde_json::Value>)),
        ]
    };
}

/// Rule 159.
///
/// In addition to the documentation's examples that do not compile: a proof cannot be turned into a
/// greater one.
#[test]
fn verified_types_cannot_be_constructed() {
    for (name, ways) in [
        ("OrgCode", ways!(OrgCode)),
        ("Claims", ways!(Claims)),
        ("Scoped", ways!(Scoped<Read>)),
    ] {
        for (way, open) in ways {
            assert!(!open, "{name} has {way}");
        }
    }
    assert!(!has!(Scoped<Read>: From<Claims>) && !has!(Claims: From<OrgCode>));
    // Other code could deserialize the serialized form as if it were a proof.
    assert!(!has!(Claims: serde::Serialize) && !has!(Scoped<Read>: serde::Serialize));
}

/// Row A3: a handler can write them into its response, and no request can contain one.
#[test]
fn serializable_types_are_never_deserializable() {
    macro_rules! only_serialize {
        ($($type:ty),+) => {
            $(
                assert!(has!($type: serde::Serialize), stringify!($type));
                assert!(!has!($type: Deserialize<'static>), stringify!($type));
                assert!(!has!($type: DeserializeOwned), stringify!($type));
            )+
        };
    }
    only_serialize!(OrgCode, Scope, Scopes, Algorithm);
    macro_rules! neither {
        ($($type:ty),+) => {
            $(
                assert!(!has!($type: serde::Serialize), stringify!($type));
                assert!(!has!($type: DeserializeOwned), stringify!($type));
            )+
        };
    }
    neither!(
        Claims,
        Scoped<Read>,
        CallerOrg,
        JsonObject<'static>,
        CompactJws<'static>,
        JoseHeader<'static>,
        Credentials<'static>,
        Rejection
    );
}

/// Row A3.
#[tokio::test]
async fn handler_serializes_organization_and_scopes() {
    let fixture = Fixture::new();
    let handler = async |org: OrgCode, claims: Claims| {
        axum::Json(serde_json::json!({
            "org": org,
            "scopes": claims.scopes(),
            "read": Scope::from_static("read:x"),
            "algorithms": [Algorithm::RS256, Algorithm::EdDSA],
        }))
    };
    let app = axum::Router::new()
        .route("/", axum::routing::get(handler))
        .route_layer(fixture.verifier().layer());
    let token = fixture.org("org_a").scopes(["read:x", "write:x"]);
    let body = support::text(&app, http::Method::GET, "/", &token).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let expected = serde_json::json!({
        "org": "org_a",
        "scopes": "read:x write:x",
        "read": "read:x",
        "algorithms": ["RS256", "EdDSA"],
    });
    assert_eq!(body, expected);
}

/// The probe detects a type that can be created.
#[test]
fn constructible_type_is_detected() {
    let open: Vec<_> = ways!(String)
        .into_iter()
        .filter(|(_, open)| *open)
        .map(|(way, _)| way)
        .collect();
    assert_eq!(
        open,
        [
            "Default",
            "Deserialize",
            "DeserializeOwned",
            "FromStr",
            "From<&str>",
            "From<String>",
            "TryFrom<&str>",
            "TryFrom<String>"
        ]
    );
}
