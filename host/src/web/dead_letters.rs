//! `/api/v1/dead-letters`: what was given up is looked at, taken up again, and forgotten.

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::auth::{Admin, Caller, Operator};
use super::input::{Asked, Document, Id, Span, word};
use super::listing::Listing;
use super::problem::Problem;
use super::view::{LetterDetail, LetterView, Page};
use super::{Api, details};
use crate::clock::Timestamp;
use crate::store::{DeadLetter, LetterFilter, LetterStatus, LetterType};
use crate::webhook::{Reprocess, Reprocessed};

/// How many letters are taken up where nobody says.
const USUAL_LIMIT: u32 = 50;

/// More take longer than a request may: ask again for the rest.
const MOST_REPROCESSED: u32 = 10_000;

/// The routes of this noun.
pub fn routes() -> axum::Router<Api> {
    axum::Router::new()
        .route("/dead-letters", get(list))
        .route("/dead-letters/reprocess", post(reprocess))
        .route("/dead-letters/purge", post(purge))
        .route("/dead-letters/{id}", get(show))
        .route("/dead-letters/{id}/reprocess", post(reprocess_one))
}

/// The query of the listing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    limit: Option<u32>,
    cursor: Option<String>,
    tenant: Option<String>,
    #[serde(default, deserialize_with = "word")]
    r#type: Option<LetterType>,
    #[serde(default, deserialize_with = "word")]
    status: Option<LetterStatus>,
}

async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Page<LetterView>>, Problem> {
    let filter = LetterFilter {
        letter_type: wanted.r#type,
        status: wanted.status,
        tenant_id: caller.tenant(wanted.tenant)?,
        ..LetterFilter::default()
    };
    let listing = Listing { limit: wanted.limit, cursor: wanted.cursor, tenant: None };
    let (limit, after) = (listing.limit()?, listing.cursor()?);
    let letters = api.store().dead_letters(&filter, after.as_ref(), Some(limit)).await?;
    Ok(Json(Page::new(letters, limit, DeadLetter::cursor)))
}

async fn show(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<LetterDetail>, Problem> {
    let letter = seen(&api, &caller, &id).await?;
    Ok(Json(details::dead_letter(api.store(), letter).await?))
}

/// Which letters are taken up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    limit: Option<u32>,
    #[serde(default, deserialize_with = "word")]
    r#type: Option<LetterType>,
    since: Option<Timestamp>,
    tenant: Option<String>,
    endpoint_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize)]
struct ReprocessedView {
    matching: u64,
    reprocessed: u64,
    dry_run: bool,
}

async fn reprocess(
    State(api): State<Api>,
    Operator(caller): Operator,
    Document(selection): Document<Selection>,
) -> Result<Json<ReprocessedView>, Problem> {
    let limit = selection.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MOST_REPROCESSED).contains(&limit) {
        return Err(Problem::invalid(format!("limit is 1 to {MOST_REPROCESSED}")));
    }
    let filter = LetterFilter {
        letter_type: selection.r#type,
        since: selection.since,
        tenant_id: caller.tenant(selection.tenant)?,
        endpoint_id: selection.endpoint_id,
        ..LetterFilter::default()
    };
    let wanted = Reprocess { filter, limit, rate: None, dry_run: selection.dry_run };
    let Reprocessed { matching, reprocessed } = api.webhooks.reprocess(&wanted).await?;
    Ok(Json(ReprocessedView { matching, reprocessed, dry_run: selection.dry_run }))
}

async fn reprocess_one(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
) -> Result<Json<LetterView>, Problem> {
    seen(&api, &caller, &id).await?;
    if !api.webhooks.reprocess_one(&id).await? {
        return Err(Problem::conflict(
            "this dead letter was dealt with before; only one that waits is taken up",
        ));
    }
    Ok(Json(seen(&api, &caller, &id).await?.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Purge {
    older_than: Span,
}

#[derive(Serialize)]
struct Purged {
    purged: u64,
}

async fn purge(
    State(api): State<Api>,
    Admin(caller): Admin,
    Document(purge): Document<Purge>,
) -> Result<Json<Purged>, Problem> {
    let filter = LetterFilter {
        processed_before: Some(api.before(purge.older_than.0)?),
        tenant_id: caller.tenant(None)?,
        ..LetterFilter::default()
    };
    Ok(Json(Purged { purged: api.store().purge_dead_letters(&filter).await? }))
}

/// A dead letter that is there for the caller.
async fn seen(api: &Api, caller: &Caller, id: &str) -> Result<DeadLetter, Problem> {
    let letter = api.store().dead_letter(id).await?;
    letter
        .filter(|letter| caller.sees(letter.letter.tenant_id.as_deref()))
        .ok_or_else(|| Problem::not_found("dead letter", id))
}
