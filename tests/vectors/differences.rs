//! The cases in which this crate differs from a vector file, with the reasons. A test fails if a
//! case is missing from the list or is listed without need.

/// The cases of a file.
pub(crate) struct Difference {
    pub(crate) file: &'static str,
    pub(crate) cases: &'static [u64],
    pub(crate) reason: &'static str,
}

const HMAC: &str =
    "HMAC is not supported: a resource server has no secret of the issuer (RFC 8725 §3.1)";
const JWE: &str = "encrypted tokens (JWE) are not supported";
const ES521: &str =
    "the key's alg is ES521, which is no algorithm: P-521 signs ES512 (RFC 7518 §3.1)";
const ALG_OF_KEY: &str = "the key's alg is PS256 and the token's PS384: a key is used with its own algorithm only (RFC 8725 §3.1)";
const ROCA: &str = "the weak primes of ROCA are not detected: the issuer is responsible for the quality of its keys, and the set is fetched from it";

/// All differences.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        file: "json_web_signature",
        cases: &[1, 348, 352, 357, 358, 359, 372, 373, 376, 377],
        reason: HMAC,
    },
    Difference {
        file: "json_web_signature",
        cases: &[346, 350],
        reason: ALG_OF_KEY,
    },
    Difference {
        file: "json_web_signature",
        cases: &[347, 351],
        reason: ES521,
    },
    Difference {
        file: "json_web_key",
        cases: &[2, 13, 14, 15],
        reason: HMAC,
    },
    Difference {
        file: "json_web_key",
        cases: &[7],
        reason: ROCA,
    },
    Difference {
        file: "json_web_crypto",
        cases: &[1, 48],
        reason: HMAC,
    },
    Difference {
        file: "json_web_crypto",
        cases: &[46],
        reason: ROCA,
    },
    Difference {
        file: "json_web_crypto",
        cases: &[50, 67],
        reason: JWE,
    },
];
