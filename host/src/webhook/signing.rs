//! Signatures of the Standard Webhooks specification. The host signs: a plugin says what surrounds the body and gets
//! signatures back, never a key.
//!
//! A key is written as the specification writes it: `whsec_` and base64 for a shared secret, `whsk_` and base64 for an
//! Ed25519 seed followed by its public key. HMAC and Ed25519 are those of aws-lc, the library that also does our TLS; it
//! compares and signs in constant time and clears its keys when they are dropped.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// What the specification allows for a shared secret.
const SHORTEST_SECRET_BYTES: usize = 24;
/// What the specification allows for a shared secret.
const LONGEST_SECRET_BYTES: usize = 64;
/// The length of a new shared secret: that of the hash.
const NEW_SECRET_BYTES: usize = 32;
const ED25519_SEED_BYTES: usize = 32;

/// Keys that sign at one time, the newest and those it replaces. Each adds a signature to a header of bounded size.
pub const MOST_ACTIVE_KEYS: usize = 10;

const SECRET_PREFIX: &str = "whsec_";
const PRIVATE_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";

/// Reads base64 with or without its padding: some dashboards strip it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 2104): `v1`.
    HmacSha256,
    /// Ed25519 (RFC 8032): `v1a`.
    Ed25519,
}

/// Why a text is not a key. Never holds any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither kind of key.
    #[error("a webhook's signing key begins with `whsec_` (shared secret) or `whsk_` (Ed25519)")]
    Prefix,
    /// The rest is not base64.
    #[error("behind its prefix, a webhook's signing key is base64 (RFC 4648) and nothing else")]
    Base64,
    /// Too short or too long.
    #[error(
        "a webhook's shared secret has {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} bytes, this one has {0}"
    )]
    SecretLength(usize),
    /// Not a pair of Ed25519.
    #[error("an Ed25519 key is its 32-byte seed, or the seed and the public key that belongs to it")]
    Ed25519,
    /// Too many at once.
    #[error("{0} signing keys are active; at most {MOST_ACTIVE_KEYS} may be, retire the oldest")]
    TooMany(usize),
}

/// No key signs that way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no active key signs with {algorithm:?}")]
pub struct NoKey {
    /// What was asked for.
    pub algorithm: Algorithm,
}

/// One signing key.
pub struct SigningKey {
    text: SecretString,
    kind: Kind,
}

enum Kind {
    Hmac(Box<hmac::Key>),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads `whsec_...` or `whsk_...`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let kind = if let Some(encoded) = text.strip_prefix(SECRET_PREFIX) {
            Kind::Hmac(Box::new(shared_secret(&decoded(encoded)?)?))
        } else if let Some(encoded) = text.strip_prefix(PRIVATE_PREFIX) {
            Kind::Ed25519(ed25519_pair(&decoded(encoded)?)?)
        } else {
            return Err(KeyError::Prefix);
        };
        Ok(Self { text: text.into(), kind })
    }

    /// A new key from the system's randomness.
    pub fn generate(algorithm: Algorithm) -> Self {
        let mut seed = Zeroizing::new([0; NEW_SECRET_BYTES]);
        SystemRandom::new().fill(seed.as_mut()).expect("the system has randomness");
        let text = match algorithm {
            Algorithm::HmacSha256 => format!("{SECRET_PREFIX}{}", STANDARD.encode(seed.as_ref())),
            Algorithm::Ed25519 => {
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("any 32 bytes are a seed");
                let both = Zeroizing::new([seed.as_ref(), pair.public_key().as_ref()].concat());
                format!("{PRIVATE_PREFIX}{}", STANDARD.encode(&both))
            }
        };
        Self::parse(&Zeroizing::new(text)).expect("what is written here can be read")
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.kind {
            Kind::Hmac(_) => Algorithm::HmacSha256,
            Kind::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The key as it is stored, and shown once to the person who asked for it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// What a receiver verifies with, if that may be public: `whpk_...` of an Ed25519 key.
    pub fn public_key(&self) -> Option<String> {
        match &self.kind {
            Kind::Hmac(_) => None,
            Kind::Ed25519(pair) => Some(format!("{PUBLIC_PREFIX}{}", STANDARD.encode(pair.public_key()))),
        }
    }

    fn sign(&self, parts: [&[u8]; 3]) -> Vec<u8> {
        match &self.kind {
            Kind::Hmac(key) => {
                let mut context = hmac::Context::with_key(key);
                parts.iter().for_each(|part| context.update(part));
                context.sign().as_ref().to_vec()
            }
            // Ed25519 hashes what it signs twice, so that it needs the whole.
            Kind::Ed25519(pair) => pair.sign(&parts.concat()).as_ref().to_vec(),
        }
    }
}

fn decoded(encoded: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    LENIENT.decode(encoded).map(Zeroizing::new).map_err(|_| KeyError::Base64)
}

fn shared_secret(bytes: &[u8]) -> Result<hmac::Key, KeyError> {
    if !(SHORTEST_SECRET_BYTES..=LONGEST_SECRET_BYTES).contains(&bytes.len()) {
        return Err(KeyError::SecretLength(bytes.len()));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

fn ed25519_pair(bytes: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    let pair = match bytes.split_at_checked(ED25519_SEED_BYTES) {
        Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed),
        Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
        None => return Err(KeyError::Ed25519),
    };
    pair.map_err(|_| KeyError::Ed25519)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm())
    }
}

/// The active keys of one endpoint, the newest first. While a key is being replaced both sign, so that a receiver may
/// change over when it likes.
#[derive(Debug, Default)]
pub struct Keyring(Vec<SigningKey>);

impl Keyring {
    /// The keys given, the newest first.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, KeyError> {
        if keys.len() > MOST_ACTIVE_KEYS {
            return Err(KeyError::TooMany(keys.len()));
        }
        Ok(Self(keys))
    }

    /// Signs `prefix`, `body` and `suffix` as one text, once with each key of that kind, the newest first.
    pub fn sign(
        &self,
        algorithm: Algorithm,
        prefix: &[u8],
        body: &[u8],
        suffix: &[u8],
    ) -> Result<Vec<Vec<u8>>, NoKey> {
        let able = self.0.iter().filter(|key| key.algorithm() == algorithm);
        let signatures: Vec<_> = able.map(|key| key.sign([prefix, body, suffix])).collect();
        if signatures.is_empty() { Err(NoKey { algorithm }) } else { Ok(signatures) }
    }
}

#[cfg(test)]
mod tests;
