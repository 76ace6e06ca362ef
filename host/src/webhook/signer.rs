//! The host side of WIT `signer`: signs the message of the call with the keys of its endpoint, which stay here.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime::component::{HasSelf, Linker};

use super::signing::{Algorithm, Keyring};
use crate::plugin::bindings::webhook_delivery::zelador::plugin::signer::{self, SignerError};
use crate::plugin::{CallContext, CallState, Capability};

/// Its name in grants.
const NAME: &str = "signer";

/// The capability `signer`. Clones share what is open.
#[derive(Clone, Default)]
pub struct SignerCapability {
    open: Arc<Mutex<HashMap<Arc<str>, Signable>>>,
}

/// What one call may have signed, with what.
#[derive(Clone)]
struct Signable {
    keys: Arc<Keyring>,
    body: Bytes,
}

/// Lets a call sign, for as long as it is kept.
pub(super) struct Open {
    open: Arc<Mutex<HashMap<Arc<str>, Signable>>>,
    call: Arc<str>,
}

impl SignerCapability {
    /// Lets the call whose `run_id` is `call` have `body` signed with `keys`.
    pub(super) fn open(&self, call: Arc<str>, keys: Arc<Keyring>, body: Bytes) -> Open {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(Arc::clone(&call), Signable { keys, body });
        Open { open: Arc::clone(&self.open), call }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.call);
    }
}

impl Capability for SignerCapability {
    fn name(&self) -> &'static str {
        NAME
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        signer::add_to_linker::<_, HasSelf<Signing>>(linker, |state| state.capability::<Signing>())
    }

    fn check(&self, scopes: &[String]) -> Result<(), String> {
        match scopes {
            [] => Ok(()),
            _ => Err(format!("`{NAME}` has no scopes: it signs with the keys of the call's endpoint")),
        }
    }

    fn prepare(&self, call: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(Signing(call.info.run_id.as_ref().and_then(|call| open.get(call)).cloned()))
    }
}

/// What this call may have signed; nothing, for a call that sends nothing.
struct Signing(Option<Signable>);

impl signer::Host for Signing {
    async fn sign(
        &mut self,
        algorithm: signer::Algorithm,
        prefix: Vec<u8>,
        suffix: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<Vec<u8>>, SignerError>> {
        let Some(Signable { keys, body }) = &self.0 else {
            return Ok(Err(SignerError::NoKey("this call has nothing to sign".into())));
        };
        let algorithm = match algorithm {
            signer::Algorithm::HmacSha256 => Algorithm::HmacSha256,
            signer::Algorithm::Ed25519 => Algorithm::Ed25519,
        };
        Ok(keys.sign(algorithm, &prefix, body, &suffix).map_err(|none| SignerError::NoKey(none.to_string())))
    }
}
