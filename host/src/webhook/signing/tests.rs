//! Signatures: known answers of the specification, keys and their refusals.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::*;

/// The specification's own example.
const PREFIX: &[u8] = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PRIVATE: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

fn signatures(keys: &[&str], algorithm: Algorithm) -> Vec<String> {
    let keys = keys.iter().map(|text| SigningKey::parse(text).unwrap()).collect();
    let signed = Keyring::new(keys).unwrap().sign(algorithm, PREFIX, BODY, b"").unwrap();
    signed.iter().map(|signature| STANDARD.encode(signature)).collect()
}

#[test]
fn a_shared_secret_signs_as_the_specification_says() {
    let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(signatures(&[SECRET], Algorithm::HmacSha256), [expected]);
}

#[test]
fn an_ed25519_key_signs_as_the_specification_says() {
    let expected = "hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    assert_eq!(signatures(&[PRIVATE], Algorithm::Ed25519), [expected]);
    let public = SigningKey::parse(PRIVATE).unwrap().public_key().unwrap();
    assert_eq!(public, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
}

#[test]
fn during_a_rotation_every_key_of_the_kind_signs_the_newest_first() {
    let newer = SigningKey::generate(Algorithm::HmacSha256);
    let both = signatures(&[newer.expose(), PRIVATE, SECRET], Algorithm::HmacSha256);
    assert_eq!(
        both,
        [signatures(&[newer.expose()], Algorithm::HmacSha256), signatures(&[SECRET], Algorithm::HmacSha256)]
            .concat()
    );
}

#[test]
fn a_suffix_is_signed_behind_the_body() {
    let ring = Keyring::new(vec![SigningKey::parse(SECRET).unwrap()]).unwrap();
    let whole = [PREFIX, BODY].concat();
    let (begin, end) = whole.split_at(7);
    let split = ring.sign(Algorithm::HmacSha256, begin, &end[..9], &end[9..]).unwrap();
    assert_eq!(STANDARD.encode(&split[0]), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_new_key_can_be_read_back_and_verified_and_is_never_the_same() {
    for algorithm in [Algorithm::HmacSha256, Algorithm::Ed25519] {
        let (one, other) = (SigningKey::generate(algorithm), SigningKey::generate(algorithm));
        assert_ne!(one.expose(), other.expose());
        let read = SigningKey::parse(one.expose()).unwrap();
        assert_eq!((read.algorithm(), read.public_key()), (algorithm, one.public_key()));
    }
    let key = SigningKey::generate(Algorithm::Ed25519);
    let public = STANDARD.decode(&key.public_key().unwrap()[PUBLIC_PREFIX.len()..]).unwrap();
    let signature = key.sign([PREFIX, BODY, b""]);
    UnparsedPublicKey::new(&ED25519, public).verify(&[PREFIX, BODY].concat(), &signature).unwrap();
}

#[test]
fn an_endpoint_without_such_a_key_gets_no_signature() {
    let ring = Keyring::new(vec![SigningKey::parse(SECRET).unwrap()]).unwrap();
    let refused = ring.sign(Algorithm::Ed25519, PREFIX, BODY, b"");
    assert_eq!(refused, Err(NoKey { algorithm: Algorithm::Ed25519 }));
    assert!(Keyring::default().sign(Algorithm::HmacSha256, PREFIX, BODY, b"").is_err());
}

#[test]
fn what_is_not_a_key_is_refused_without_being_repeated() {
    let of = |bytes: usize| format!("{SECRET_PREFIX}{}", STANDARD.encode(vec![7; bytes]));
    let mismatched = format!("{PRIVATE_PREFIX}{}", STANDARD.encode([7; 64]));
    let refusals = [
        ("hunter2", KeyError::Prefix),
        ("", KeyError::Prefix),
        ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", KeyError::Prefix),
        ("whsec_not base64 at all, is it?", KeyError::Base64),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", KeyError::Base64),
        ("whsec_", KeyError::SecretLength(0)),
        (&of(23), KeyError::SecretLength(23)),
        (&of(65), KeyError::SecretLength(65)),
        ("whsk_AAAA", KeyError::Ed25519),
        (&mismatched, KeyError::Ed25519),
    ];
    for (text, expected) in refusals {
        assert_eq!(SigningKey::parse(text).unwrap_err(), expected, "{text:?}");
        assert!(text.is_empty() || !expected.to_string().contains(text), "{expected}");
    }
    SigningKey::parse(&of(24)).unwrap();
    SigningKey::parse(&of(64)).unwrap();
    SigningKey::parse(of(32).trim_end_matches('=')).unwrap();
}

#[test]
fn the_number_of_active_keys_is_bounded() {
    let keys = (0..=MOST_ACTIVE_KEYS).map(|_| SigningKey::generate(Algorithm::HmacSha256)).collect();
    assert_eq!(Keyring::new(keys).unwrap_err(), KeyError::TooMany(MOST_ACTIVE_KEYS + 1));
}

#[test]
fn debug_output_holds_no_key() {
    let ring =
        Keyring::new(vec![SigningKey::parse(SECRET).unwrap(), SigningKey::parse(PRIVATE).unwrap()]).unwrap();
    assert_eq!(format!("{ring:?}"), "Keyring([SigningKey(HmacSha256), SigningKey(Ed25519)])");
}
