//! Who holds claims or an organization holds a proof: nothing makes one out of anything else.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower_m2m::{Claims, OrgCode, Scoped};

tower_m2m::scopes! { Api { Read = "read:x" } }

/// Whether a type has a trait: a method of the type's own goes before one of a trait's, where the bound holds.
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

/// All the ways in which a type is made of something that a request can hold.
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
/// Rule 159, beside the documentation's examples that do not compile. Nor does one proof make a greater one.
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
    // What is written out could be read in again by somebody else as if it were a proof.
    assert!(!has!(Claims: serde::Serialize) && !has!(Scoped<Read>: serde::Serialize));
}

/// The probe can tell.
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
