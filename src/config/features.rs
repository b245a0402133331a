//! Settings that need a feature of this crate.

/// A table of settings that a feature adds.
struct FeatureTable {
    name: &'static str,
    /// The beginning of the names of its variables.
    variables: &'static str,
    feature: &'static str,
    is_enabled: bool,
}

const TABLES: [FeatureTable; 6] = [
    FeatureTable {
        name: "dpop",
        variables: "M2M_DPOP_",
        feature: "dpop",
        is_enabled: cfg!(feature = "dpop"),
    },
    FeatureTable {
        name: "dpop_nonce_key",
        variables: "M2M_DPOP_",
        feature: "dpop",
        is_enabled: cfg!(feature = "dpop"),
    },
    FeatureTable {
        name: "max_proofs",
        variables: "M2M_DPOP_",
        feature: "dpop",
        is_enabled: cfg!(feature = "dpop"),
    },
    FeatureTable {
        name: "mtls",
        variables: "M2M_MTLS",
        feature: "mtls",
        is_enabled: cfg!(feature = "mtls"),
    },
    FeatureTable {
        name: "api_keys",
        variables: "M2M_API_KEYS_",
        feature: "introspection",
        is_enabled: cfg!(feature = "introspection"),
    },
    FeatureTable {
        name: "introspection",
        variables: "M2M_INTROSPECTION_",
        feature: "introspection",
        is_enabled: cfg!(feature = "introspection"),
    },
];

/// Returns the feature that a setting or variable needs, if this build does not have it.
pub(super) fn missing_feature(name: &str) -> Option<&'static str> {
    let found = TABLES
        .iter()
        .find(|table| name == table.name || name.starts_with(table.variables))?;
    (!found.is_enabled).then_some(found.feature)
}
