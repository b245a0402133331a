//! Certificate-bound tokens in a configuration: the same settings as in code.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, MtlsClient};
use tower_m2m::{Config, PeerAddress};

fn read(issuer: &LocalIssuer, mtls: &Value) -> Result<Config, String> {
    let issuer = json!({
        "issuer": issuer.url(), "profile": "kinde", "audience": AUDIENCE, "jwk_set": issuer.jwks(), "mtls": mtls,
    });
    let config = json!({ "issuers": [issuer] });
    serde_json::from_value(config).map_err(|error: serde_json::Error| error.to_string())
}

fn local_issuer() -> LocalIssuer {
    LocalIssuer::in_process("https://acme.kinde.com").unwrap()
}

/// Returns the code of the rejection of a request that came from this peer with the header.
async fn code(config: &Config, issuer: &LocalIssuer, peer: &str) -> &'static str {
    let client = MtlsClient::new().unwrap();
    let token = issuer.org("org_a").bound_to_certificate(&client).token();
    let request = http::Request::get("/")
        .header("authorization", format!("Bearer {token}"))
        .header("client-cert", client.header())
        .extension(PeerAddress::new(peer.parse().unwrap()));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let verifier = config.build().unwrap();
    match verifier.verify_request(&parts).await {
        Ok(claims) => {
            assert!(claims.is_bound());
            "none"
        }
        Err(rejection) => rejection.code(),
    }
}

/// Rule 254.
#[tokio::test]
async fn file_names_the_proxies() {
    let issuer = local_issuer();
    for (mtls, expected) in [
        (json!({}), ["certificate_missing"; 2]),
        (
            json!({ "client_cert_header_from": "10.0.0.0/8" }),
            ["none", "certificate_missing"],
        ),
        (
            json!({ "client_cert_header_from": ["192.0.2.7", "fd00::/8"] }),
            ["certificate_missing", "none"],
        ),
    ] {
        let config = read(&issuer, &mtls).unwrap();
        for (peer, expected) in ["10.0.0.1:1", "192.0.2.7:1"].into_iter().zip(expected) {
            assert_eq!(
                code(&config, &issuer, peer).await,
                expected,
                "{mtls} {peer}"
            );
        }
    }
}

#[test]
fn invalid_range_is_an_error_that_names_the_setting() {
    let issuer = local_issuer();
    let setting = "issuers[0].mtls.client_cert_header_from: ";
    for range in [json!([]), json!("10.0.0.1/8"), json!(["10.0.0.0/8", "any"])] {
        let error = read(&issuer, &json!({ "client_cert_header_from": range })).unwrap_err();
        assert!(error.starts_with(setting), "{error}");
    }
    let error = read(&issuer, &json!({ "client_cert_from": "10.0.0.0/8" })).unwrap_err();
    assert!(error.contains("client_cert_header_from"), "{error}");
    assert!(read(&issuer, &json!("yes")).is_err());
}

/// Rule 254.
#[tokio::test]
async fn environment_has_the_same_settings() {
    const ENABLED: &str = "M2M_MTLS";
    const FROM: &str = "M2M_MTLS_CLIENT_CERT_HEADER_FROM";
    let issuer = local_issuer();
    let from_vars = |vars: &[(&str, &str)]| {
        let base = [("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", AUDIENCE)];
        let config = Config::from_vars(base.iter().chain(vars).copied());
        config.map_err(|error| error.setting().to_owned())
    };
    let dpop = ("M2M_DPOP_BASE_URL", "https://api.acme.com");
    for (vars, count) in [
        (&[(ENABLED, "yes")][..], 1),
        (&[(FROM, "10.0.0.0/8, fd00::/8")], 1),
        (&[(ENABLED, "yes"), (FROM, "10.0.0.0/8 192.0.2.7"), dpop], 2),
        (&[(ENABLED, ""), (FROM, "")], 0),
    ] {
        let builder = from_vars(vars).unwrap().builder().unwrap();
        let shown = format!("{builder:?}");
        let methods = shown.matches("ProofOfPossession(").count();
        assert_eq!(methods, count, "{vars:?} {shown}");
    }
    for (vars, variable) in [
        (&[(ENABLED, "true")][..], ENABLED),
        (&[(FROM, "10.0.0.1/8")], FROM),
        (&[(ENABLED, "yes"), (FROM, "10.0.0.0/8,any")], FROM),
        (&[(FROM, ",")], FROM),
        (
            &[("M2M_MTLS_CLIENT_CERT_FROM", "10.0.0.0/8")],
            "M2M_MTLS_CLIENT_CERT_FROM",
        ),
    ] {
        assert_eq!(from_vars(vars).unwrap_err(), variable, "{vars:?}");
    }
    drop(issuer);
}
