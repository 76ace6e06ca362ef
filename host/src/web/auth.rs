//! Who asks, and what they may: a bearer token, its role, and the tenant that it may be bound to.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use super::{Api, token};
use crate::store::Role;

/// Somebody with a valid token, who may look.
#[derive(Debug, Clone)]
pub struct Caller {
    role: Role,
    tenant_id: Option<String>,
}

/// A caller who may send, and keep endpoints and dead letters.
#[derive(Debug, Clone)]
pub struct Operator(pub Caller);

/// A caller who may do everything.
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

impl Caller {
    /// The tenant that a request is about: the one asked for, or the token's own. One that is bound to a tenant is kept to
    /// it.
    pub fn tenant(&self, asked: Option<String>) -> Result<Option<String>, Problem> {
        match (&self.tenant_id, asked) {
            (None, asked) => Ok(asked),
            (Some(own), None) => Ok(Some(own.clone())),
            (Some(own), Some(asked)) if *own == asked => Ok(Some(asked)),
            (Some(_), Some(_)) => Err(Problem::forbidden("this token is bound to another tenant")),
        }
    }

    /// Whether something of `tenant_id` is there for the caller at all.
    pub fn sees(&self, tenant_id: Option<&str>) -> bool {
        self.tenant_id.is_none() || self.tenant_id.as_deref() == tenant_id
    }

    fn require(self, role: Role) -> Result<Self, Problem> {
        if self.role >= role {
            return Ok(self);
        }
        Err(Problem::forbidden(format!("this takes the role `{role}`, and the token has `{}`", self.role)))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let text = bearer(&parts.headers).ok_or_else(|| {
            Problem::unauthenticated(
                "send the header `authorization: Bearer TOKEN`; `zelador token create` makes one",
            )
        })?;
        let token = token::find(api.store(), text).await?;
        let token =
            token.ok_or_else(|| Problem::unauthenticated("this token is not known, or was revoked"))?;
        Ok(Self { role: token.spec.role, tenant_id: token.spec.tenant_id })
    }
}

impl FromRequestParts<Api> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self(Caller::from_request_parts(parts, api).await?.require(Role::Operator)?))
    }
}

impl FromRequestParts<Api> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self(Caller::from_request_parts(parts, api).await?.require(Role::Admin)?))
    }
}

/// The scheme's name is written in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
