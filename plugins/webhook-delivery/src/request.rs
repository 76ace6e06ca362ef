//! What goes out: the headers of one attempt, signed. Pure: the signer is handed in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::exports::zelador::plugin::delivery::{
    Attempt, Endpoint, Failure, Header, Message, Method, Request,
};
use crate::zelador::plugin::signer::{Algorithm, SignerError};

/// Headers that only the specification, the message itself or the connection may set. The user's are left out.
const RESERVED: [&str; 16] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "content-length",
    "content-encoding",
    "host",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How requests look.
pub struct Style {
    pub schemes: Vec<Scheme>,
    /// Whether a message without a signature is refused.
    pub signature_required: bool,
    pub user_agent: String,
}

impl Default for Style {
    fn default() -> Self {
        Self { schemes: vec![Scheme::V1], signature_required: false, user_agent: "Zelador".into() }
    }
}

/// A kind of signature that the specification knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheme {
    V1,
    V1a,
}

impl Scheme {
    /// By the identifier that stands before the signature.
    pub fn named(name: &str) -> Option<Self> {
        [Self::V1, Self::V1a].into_iter().find(|scheme| scheme.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::V1 => Algorithm::HmacSha256,
            Self::V1a => Algorithm::Ed25519,
        }
    }
}

impl Style {
    /// The request of this attempt. `sign` signs a prefix and the message's body with every active key.
    pub fn prepare(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        attempt: &Attempt,
        sign: impl Fn(Algorithm, &str) -> Result<Vec<Vec<u8>>, SignerError>,
    ) -> Result<Request, Failure> {
        check_id(&message.id)?;
        let timestamp = attempt.at.div_euclid(1000).to_string();
        let signatures = self.signatures(&format!("{}.{timestamp}.", message.id), sign)?;
        let mut headers = merged(&endpoint.headers, &message.headers)?;
        if !headers.iter().any(|header| same(&header.name, "user-agent")) {
            headers.push(checked("user-agent", &self.user_agent)?);
        }
        headers.push(checked("content-type", &message.content_type)?);
        headers.push(checked("webhook-id", &message.id)?);
        headers.push(checked("webhook-timestamp", &timestamp)?);
        if !signatures.is_empty() {
            headers.push(checked("webhook-signature", &signatures.join(" "))?);
        }
        Ok(Request { method: Method::Post, headers, extensions: vec![] })
    }

    /// One for each scheme and active key. None at all only where the endpoint has no key and needs none.
    fn signatures(
        &self,
        prefix: &str,
        sign: impl Fn(Algorithm, &str) -> Result<Vec<Vec<u8>>, SignerError>,
    ) -> Result<Vec<String>, Failure> {
        let mut signatures = Vec::new();
        for scheme in &self.schemes {
            let keyed = match sign(scheme.algorithm(), prefix) {
                Err(SignerError::NoKey(_)) => vec![],
                Err(SignerError::Other(reason)) => return Err(Failure::Unavailable(reason)),
                Ok(keyed) => keyed,
            };
            signatures
                .extend(keyed.iter().map(|bytes| format!("{},{}", scheme.name(), STANDARD.encode(bytes))));
        }
        if signatures.is_empty() && self.signature_required {
            return Err(Failure::InvalidSettings(
                "`require-signature` is set, and the endpoint has no secret for any of `signatures`".into(),
            ));
        }
        Ok(signatures)
    }
}

/// A full stop in the id would let one id and timestamp be read as another.
fn check_id(id: &str) -> Result<(), Failure> {
    if id.is_empty() || id.contains('.') {
        return Err(Failure::InvalidInput(format!("the message id `{id}` is empty or has a full stop")));
    }
    Ok(())
}

/// The user's headers; the message's take the place of the endpoint's of the same name.
fn merged(endpoint: &[Header], message: &[Header]) -> Result<Vec<Header>, Failure> {
    let replaced = |header: &Header| message.iter().any(|own| same(&own.name, &header.name));
    let kept = endpoint.iter().filter(|header| !replaced(header)).chain(message);
    kept.filter(|header| !is_reserved(&header.name))
        .map(|header| checked(&header.name, &header.value))
        .collect()
}

fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| same(reserved, name))
}

/// Whether a receiver may take two names for one: many gateways hand `webhook_id` and `Webhook-Id` to the application
/// under the same name.
fn same(a: &str, b: &str) -> bool {
    let folded = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    a.bytes().map(folded).eq(b.bytes().map(folded))
}

/// A header that HTTP can carry. The value may be a secret: no error shows it.
fn checked(name: &str, value: &str) -> Result<Header, Failure> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(Failure::InvalidInput(format!("`{}` is no name of a header", name.escape_debug())));
    }
    if value.chars().any(|character| character.is_control() && character != '\t') {
        return Err(Failure::InvalidInput(format!(
            "the value of the header `{name}` has a control character"
        )));
    }
    Ok(Header { name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const AT: i64 = 1_614_265_330_000;
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn header(name: &str, value: &str) -> Header {
        Header { name: name.into(), value: value.into() }
    }

    fn message(headers: Vec<Header>) -> Message {
        Message {
            id: ID.into(),
            event: "payment.received".into(),
            tenant_id: None,
            content_type: "application/json".into(),
            body_bytes: BODY.len() as u64,
            accepted_at: AT,
            headers,
            extensions: vec![],
        }
    }

    fn endpoint(headers: Vec<Header>) -> Endpoint {
        Endpoint {
            id: Some("ep_1".into()),
            url: "https://example.com/".into(),
            headers,
            failures_in_a_row: 0,
            failing_since: None,
            extensions: vec![],
        }
    }

    fn attempt(at: i64) -> Attempt {
        Attempt { number: 1, at, extensions: vec![] }
    }

    fn hmac(secret: &str, prefix: &str) -> Vec<u8> {
        let key = STANDARD.decode(secret).expect("a secret");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
        mac.update(prefix.as_bytes());
        mac.update(BODY.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn signed(algorithm: Algorithm, prefix: &str) -> Result<Vec<Vec<u8>>, SignerError> {
        match algorithm {
            Algorithm::HmacSha256 => Ok(vec![hmac(SECRET, prefix)]),
            Algorithm::Ed25519 => Ok(vec![vec![0; 64]]),
        }
    }

    fn keyless(_: Algorithm, _: &str) -> Result<Vec<Vec<u8>>, SignerError> {
        Err(SignerError::NoKey("no key".into()))
    }

    fn values<'a>(request: &'a Request, name: &str) -> Vec<&'a str> {
        request.headers.iter().filter(|header| header.name == name).map(|header| &*header.value).collect()
    }

    fn prepared(message: &Message, endpoint: &Endpoint) -> Request {
        Style::default().prepare(message, endpoint, &attempt(AT), signed).expect("a request")
    }

    #[test]
    fn the_known_answer_of_the_specification_comes_out() {
        let request = prepared(&message(vec![]), &endpoint(vec![]));
        assert!(matches!(request.method, Method::Post));
        assert_eq!(values(&request, "webhook-id"), [ID]);
        assert_eq!(values(&request, "webhook-timestamp"), ["1614265330"]);
        assert_eq!(values(&request, "webhook-signature"), [SIGNATURE]);
        assert_eq!(values(&request, "content-type"), ["application/json"]);
        assert_eq!(values(&request, "user-agent"), ["Zelador"]);
    }

    #[test]
    fn a_later_attempt_keeps_the_id_and_has_another_timestamp_and_signature() {
        let later = Style::default()
            .prepare(&message(vec![]), &endpoint(vec![]), &attempt(AT + 60_000), signed)
            .expect("a request");
        assert_eq!(values(&later, "webhook-id"), [ID]);
        assert_eq!(values(&later, "webhook-timestamp"), ["1614265390"]);
        assert_ne!(values(&later, "webhook-signature"), [SIGNATURE]);
    }

    #[test]
    fn during_a_rotation_every_active_secret_signs_the_newest_first() {
        let rotating = |_, prefix: &str| Ok(vec![hmac("bmV3", prefix), hmac(SECRET, prefix)]);
        let request = Style::default()
            .prepare(&message(vec![]), &endpoint(vec![]), &attempt(AT), rotating)
            .expect("a request");
        let signatures = values(&request, "webhook-signature")[0].split(' ').collect::<Vec<_>>();
        assert_eq!(signatures.len(), 2);
        assert_eq!(signatures[1], SIGNATURE);
    }

    #[test]
    fn both_schemes_stand_side_by_side() {
        let style = Style { schemes: vec![Scheme::V1, Scheme::V1a], ..Style::default() };
        let request =
            style.prepare(&message(vec![]), &endpoint(vec![]), &attempt(AT), signed).expect("a request");
        let expected = format!("{SIGNATURE} v1a,{}", STANDARD.encode([0; 64]));
        assert_eq!(values(&request, "webhook-signature"), [expected]);
    }

    #[test]
    fn without_a_secret_the_message_goes_unsigned_unless_that_is_forbidden() {
        let request = Style::default()
            .prepare(&message(vec![]), &endpoint(vec![]), &attempt(AT), keyless)
            .expect("a request");
        assert!(values(&request, "webhook-signature").is_empty());
        assert_eq!(values(&request, "webhook-id"), [ID]);
        let strict = Style { signature_required: true, ..Style::default() };
        let refused = strict.prepare(&message(vec![]), &endpoint(vec![]), &attempt(AT), keyless);
        assert!(
            matches!(refused, Err(Failure::InvalidSettings(reason)) if reason.contains("require-signature"))
        );
    }

    #[test]
    fn headers_of_the_user_pass_and_those_of_the_message_win() {
        let request = prepared(
            &message(vec![header("X-Webhook-Secret", "of the message"), header("User-Agent", "mine")]),
            &endpoint(vec![header("x-webhook-secret", "of the endpoint"), header("X-Plan", "pro")]),
        );
        assert_eq!(values(&request, "X-Webhook-Secret"), ["of the message"]);
        assert_eq!(values(&request, "X-Plan"), ["pro"]);
        assert_eq!(values(&request, "User-Agent"), ["mine"]);
        assert!(values(&request, "x-webhook-secret").is_empty() && values(&request, "user-agent").is_empty());
    }

    #[test]
    fn no_header_of_the_user_takes_the_place_of_a_signed_one() {
        for name in ["webhook-id", "Webhook-Signature", "WEBHOOK_TIMESTAMP", "Content_Type", "host"] {
            let forged = vec![header(name, "forged")];
            let request = prepared(&message(forged.clone()), &endpoint(forged));
            assert!(request.headers.iter().all(|header| header.value != "forged"), "{name}");
        }
    }

    #[test]
    fn a_header_that_http_cannot_carry_is_refused_without_showing_its_value() {
        for (name, value) in [("x y", "v"), ("", "v"), ("x", "secret\r\nwebhook-id: 1"), ("x", "secret\0")] {
            let refused = Style::default().prepare(
                &message(vec![header(name, value)]),
                &endpoint(vec![]),
                &attempt(AT),
                signed,
            );
            assert!(matches!(refused, Err(Failure::InvalidInput(reason)) if !reason.contains("secret")));
        }
    }

    #[test]
    fn an_id_with_a_full_stop_is_refused() {
        let message = Message { id: "a.1".into(), ..message(vec![]) };
        let refused = Style::default().prepare(&message, &endpoint(vec![]), &attempt(AT), signed);
        assert!(matches!(refused, Err(Failure::InvalidInput(_))));
    }

    proptest! {
        #[test]
        fn whatever_the_user_asks_each_signed_header_is_there_once_and_ours(
            names in prop::collection::vec("[wW](ebhook|EBHOOK)[-_](id|ID|timestamp|signature)|x-[a-z]{1,8}", 0..8),
            at in any::<i64>(),
        ) {
            let headers: Vec<Header> = names.iter().map(|name| header(name, "theirs")).collect();
            let request = Style::default()
                .prepare(&message(headers.clone()), &endpoint(headers), &attempt(at), signed)
                .expect("a request");
            for signed in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
                let found: Vec<_> = request.headers.iter().filter(|header| same(&header.name, signed)).collect();
                prop_assert!(found.len() == 1 && found[0].value != "theirs");
            }
        }
    }
}
