use super::*;
use aws_lc_rs::signature::{UnparsedPublicKey, VerificationAlgorithm};

fn verification(algorithm: SigningAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningAlgorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigningAlgorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SigningAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        SigningAlgorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        SigningAlgorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        SigningAlgorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        SigningAlgorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        SigningAlgorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        SigningAlgorithm::EdDsa => &signature::ED25519,
    }
}

#[test]
fn public_key_verifies_signature_of_every_algorithm() {
    let rsa = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    for algorithm in SigningAlgorithm::ALL {
        let key = rsa.clone().with_algorithm(algorithm);
        let key = key.unwrap_or_else(|| SigningKey::generate(algorithm).unwrap());
        let signature = key.sign(b"message").unwrap();
        let public = UnparsedPublicKey::new(verification(algorithm), key.public_der());
        public.verify(b"message", &signature).unwrap();
        assert!(
            public.verify(b"massage", &signature).is_err(),
            "{algorithm}"
        );
        assert_eq!(key.public_jwk()["alg"], algorithm.as_str());
    }
}

#[test]
fn jwk_has_the_members_of_its_key_type() {
    let rsa = SigningKey::generate(SigningAlgorithm::Rs256)
        .unwrap()
        .public_jwk();
    assert_eq!((&rsa["kty"], &rsa["e"]), (&"RSA".into(), &"AQAB".into()));
    assert_eq!(rsa["n"].as_str().unwrap().len(), 342);
    assert_eq!(rsa["kid"].as_str().unwrap().len(), 47);

    let ec = SigningKey::generate(SigningAlgorithm::Es384)
        .unwrap()
        .public_jwk();
    assert_eq!((&ec["kty"], &ec["crv"]), (&"EC".into(), &"P-384".into()));
    assert_eq!(ec["y"].as_str().unwrap().len(), 64);

    let ed = SigningKey::generate(SigningAlgorithm::EdDsa)
        .unwrap()
        .public_jwk();
    assert_eq!((&ed["kty"], &ed["crv"]), (&"OKP".into(), &"Ed25519".into()));
}

#[test]
fn key_rejects_an_incompatible_algorithm() {
    let key = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    assert!(
        key.clone()
            .with_algorithm(SigningAlgorithm::Es384)
            .is_none()
    );
    assert_eq!(key.with_kid("k1").kid(), "k1");
}
