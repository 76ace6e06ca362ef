//! Access tokens: `zelador_ID_SECRET`. The id finds the record, whose hash then judges the secret. The secret is 32 random
//! bytes, so that a plain SHA-256 is enough: there is nothing to guess from.

use aws_lc_rs::{constant_time, rand};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::store::{NewToken, Role, Store, StoreError, Token};

const PREFIX: &str = "zelador_";

/// Bytes of randomness in a token.
const SECRET_BYTES: usize = 32;

/// Makes a token and records it. The text is to be shown once: nothing can tell it again.
///
/// # Errors
/// Any [`StoreError`].
pub async fn create(
    store: &Store,
    role: Role,
    tenant_id: Option<String>,
) -> Result<(Token, SecretString), StoreError> {
    let mut secret = [0; SECRET_BYTES];
    rand::fill(&mut secret).expect("the system's random numbers do not fail");
    let token = store.insert_token(&NewToken { role, tenant_id, hash: hash(&secret) }).await?;
    let text = format!("{PREFIX}{}_{}", token.id, hex::encode(secret));
    Ok((token, text.into()))
}

/// The token whose text this is, if it opens anything.
///
/// # Errors
/// Any [`StoreError`].
pub async fn find(store: &Store, text: &str) -> Result<Option<Token>, StoreError> {
    let Some((id, secret)) = parse(text) else { return Ok(None) };
    let Some(token) = store.token(id).await? else { return Ok(None) };
    let right = constant_time::verify_slices_are_equal(token.spec.hash.as_bytes(), hash(&secret).as_bytes());
    Ok(Some(token).filter(|token| right.is_ok() && token.revoked_at.is_none()))
}

fn parse(text: &str) -> Option<(&str, [u8; SECRET_BYTES])> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let mut bytes = [0; SECRET_BYTES];
    hex::decode_to_slice(secret, &mut bytes).ok()?;
    Some((id, bytes))
}

fn hash(secret: &[u8]) -> String {
    hex::encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_token_only_if_every_part_is_right() {
        let secret = "00".repeat(SECRET_BYTES);
        assert_eq!(parse(&format!("zelador_an-id_{secret}")), Some(("an-id", [0; SECRET_BYTES])));
        for text in [
            String::new(),
            "zelador_".into(),
            format!("an-id_{secret}"),
            format!("zelador_an-id_{secret}00"),
            format!("zelador_an-id_{}", "0g".repeat(SECRET_BYTES)),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
