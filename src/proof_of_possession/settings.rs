//! How an issuer's bound tokens are checked.

#[cfg(feature = "dpop")]
use std::time::Duration;

#[cfg(feature = "dpop")]
use super::dpop::DpopRules;
#[cfg(feature = "dpop")]
use super::htu::BaseUrl;
#[cfg(feature = "mtls")]
use super::mtls::MtlsRules;
#[cfg(feature = "mtls")]
use super::mtls_settings::Mtls;
#[cfg(feature = "dpop")]
use crate::token::Algorithm;
use crate::token::BindingMethod;

/// How the verifier checks that the sender of a bound token has what the token is bound to: see
/// [`Issuer::proof_of_possession`](crate::Issuer::proof_of_possession).
///
/// ```
/// # #[cfg(feature = "dpop")] {
/// use tower_m2m::{ProofOfPossession, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::issuer("https://issuer.example")
///     .audience("https://api.acme.com")
///     .proof_of_possession(ProofOfPossession::dpop("https://api.acme.com"))
///     .build()?;
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProofOfPossession(pub(super) Method);

#[derive(Clone, Debug)]
pub(super) enum Method {
    #[cfg(feature = "dpop")]
    Dpop(Dpop),
    #[cfg(feature = "mtls")]
    Mtls(Mtls),
}

impl ProofOfPossession {
    /// Accepts tokens that are bound to a key whose owner signs a proof for each request (DPoP, RFC
    /// 9449).
    ///
    /// The URL is the public base URL of the API: what clients write into `htu`, up to the path of
    /// the request as this service sees it. If a proxy removes a prefix of the path, the base URL
    /// ends with this prefix. `Host` and forwarded headers are never read.
    ///
    /// ```
    /// use tower_m2m::ProofOfPossession;
    ///
    /// // Clients call https://acme.com/api/invoices, and the proxy forwards /invoices.
    /// let dpop = ProofOfPossession::dpop("https://acme.com/api");
    /// ```
    #[cfg(feature = "dpop")]
    pub fn dpop(base_url: impl Into<String>) -> Dpop {
        Dpop {
            base_url: base_url.into(),
            algorithms: Algorithm::ALL.to_vec(),
            max_age: Duration::from_secs(60),
        }
    }

    /// Accepts tokens that are bound to a client certificate (mutual TLS, RFC 8705 §3).
    ///
    /// The TLS server requests the certificate and passes it as
    /// [`ClientCertificate`](crate::ClientCertificate). If a proxy ends TLS, call
    /// [`client_cert_header_from`](Mtls::client_cert_header_from).
    ///
    /// ```
    /// use tower_m2m::{ProofOfPossession, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::issuer("https://issuer.example")
    ///     .audience("https://api.acme.com")
    ///     .proof_of_possession(ProofOfPossession::mtls())
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "mtls")]
    pub fn mtls() -> Mtls {
        Mtls::new()
    }
}

/// The settings of DPoP (RFC 9449) for the tokens of one issuer. [`ProofOfPossession::dpop`]
/// creates it.
///
/// ```
/// use tower_m2m::{Algorithm, ProofOfPossession};
///
/// let dpop = ProofOfPossession::dpop("https://api.acme.com").algorithms([Algorithm::ES256]);
/// ```
#[cfg(feature = "dpop")]
#[derive(Clone, Debug)]
#[must_use = "it has no effect until it is set at an issuer"]
pub struct Dpop {
    base_url: String,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
}

#[cfg(feature = "dpop")]
impl Dpop {
    /// Sets the algorithms that proofs may be signed with. Default: all of [`Algorithm::ALL`].
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Sets how old a proof may be, by its `iat`. Default: 60 s. From 5 s to 5 min.
    ///
    /// A proof may also be up to 10 s in the future. Each used proof is stored 10 s longer than it
    /// is valid, so the capacity of the replay store, divided by this time plus 10 s, is the number
    /// of requests per second.
    pub fn max_proof_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Returns the first invalid setting, and why it is invalid.
    pub(crate) fn invalid_setting(&self) -> Option<(&'static str, &'static str)> {
        if let Err(problem) = BaseUrl::parse(&self.base_url) {
            return Some(("base_url", problem));
        }
        if self.algorithms.is_empty() {
            return Some(("algorithms", "must contain at least one algorithm"));
        }
        let ages = Duration::from_secs(5)..=Duration::from_secs(300);
        (!ages.contains(&self.max_age))
            .then_some(("max_proof_age", "must be from 5 seconds to 5 minutes"))
    }

    /// Returns why a setting is invalid.
    fn problem(&self) -> Option<String> {
        self.invalid_setting()
            .map(|(setting, problem)| match setting {
                "base_url" => format!("the base URL {problem}"),
                setting => format!("{setting} {problem}"),
            })
    }

    fn into_rules(self) -> Option<DpopRules> {
        let base = BaseUrl::parse(&self.base_url).ok()?;
        let max_age = i64::try_from(self.max_age.as_secs()).unwrap_or(60);
        Some(DpopRules::new(base, self.algorithms, max_age))
    }
}

#[cfg(feature = "dpop")]
impl From<Dpop> for ProofOfPossession {
    fn from(dpop: Dpop) -> Self {
        Self(Method::Dpop(dpop))
    }
}

#[cfg(feature = "mtls")]
impl From<Mtls> for ProofOfPossession {
    fn from(mtls: Mtls) -> Self {
        Self(Method::Mtls(mtls))
    }
}

/// What the setters of an issuer said.
#[derive(Clone, Debug, Default)]
pub(crate) struct PossessionSettings(Vec<ProofOfPossession>);

/// How the bound tokens of one issuer are checked.
#[derive(Debug, Default)]
pub(crate) struct PossessionRules {
    #[cfg(feature = "dpop")]
    pub(crate) dpop: Option<DpopRules>,
    #[cfg(feature = "mtls")]
    pub(crate) mtls: Option<MtlsRules>,
}

impl PossessionSettings {
    pub(crate) fn add(&mut self, method: ProofOfPossession) {
        self.0.push(method);
    }

    #[cfg(feature = "dpop")]
    pub(crate) fn has_dpop(&self) -> bool {
        let mut methods = self.0.iter();
        methods.any(|ProofOfPossession(method)| matches!(method, Method::Dpop(_)))
    }

    /// Returns why a setting is invalid.
    pub(crate) fn problem(&self) -> Option<String> {
        let methods = self.methods();
        let doubled = methods
            .iter()
            .enumerate()
            .any(|(at, method)| methods.iter().skip(at + 1).any(|other| other == method));
        if doubled {
            return Some("is set twice for the same method: use one of the two".to_owned());
        }
        self.0
            .iter()
            .find_map(|ProofOfPossession(method)| match method {
                #[cfg(feature = "dpop")]
                Method::Dpop(dpop) => dpop.problem(),
                #[cfg(feature = "mtls")]
                Method::Mtls(mtls) => mtls.problem(),
            })
    }

    /// Returns the bindings that are checked.
    pub(crate) fn methods(&self) -> Vec<BindingMethod> {
        let methods = self.0.iter().map(|ProofOfPossession(method)| match method {
            #[cfg(feature = "dpop")]
            Method::Dpop(_) => BindingMethod::Key,
            #[cfg(feature = "mtls")]
            Method::Mtls(_) => BindingMethod::Certificate,
        });
        methods.collect()
    }

    /// Returns the rules. The settings were checked before.
    pub(crate) fn into_rules(self) -> PossessionRules {
        let mut rules = PossessionRules::default();
        for ProofOfPossession(method) in self.0 {
            match method {
                #[cfg(feature = "dpop")]
                Method::Dpop(dpop) => rules.dpop = dpop.into_rules(),
                #[cfg(feature = "mtls")]
                Method::Mtls(mtls) => rules.mtls = Some(mtls.into_rules()),
            }
        }
        rules
    }
}
