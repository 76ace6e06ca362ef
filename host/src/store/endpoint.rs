//! Endpoints: where webhooks of a tenant go, with what they want to hear of and how they are doing.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

use super::batch::{Batch, Column, Columns};
use super::cursor::Cursor;
use super::delivery::DeliveryState;
use super::endpoint_secret::EndpointSecret;
use super::headers::StoredHeaders;
use super::row::Row;
use super::statement::{Statement, Value};
use super::word::words;
use super::{Store, StoreError, page_size};
use crate::clock::Timestamp;

words! {
    /// Whether an endpoint takes part.
    EndpointState {
        /// Deliveries go there.
        Enabled = "enabled",
        /// Its deliveries are parked until a person enables it.
        Disabled = "disabled",
    }
}

words! {
    /// Whether the deliveries of one ordering key keep their order.
    Ordering {
        /// They do not.
        None = "none",
        /// They do: while one waits for its next try, the later ones wait too.
        Block = "block",
        /// They do until one fails: it goes on alone, and the later ones go past it.
        Park = "park",
    }
}

/// What a person says of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEndpoint {
    /// Whose it is; one without a tenant hears the events of all.
    pub tenant_id: Option<String>,
    /// Where requests go. It was checked.
    pub url: String,
    /// Which events it wants: `payment.received`, `payment.*`, `*`.
    pub events: Vec<String>,
    /// Sent with every request.
    pub headers: StoredHeaders,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// The retry policy; without one that of the configuration.
    pub policy: Option<String>,
    /// Settings over the policy's own: a JSON object.
    pub policy_settings: Json,
    /// Requests a minute at most.
    pub rate_per_minute: Option<u32>,
    /// Requests at one time at most.
    pub concurrency: Option<u32>,
    /// Whether order is kept.
    pub ordering: Ordering,
}

/// An endpoint with how it is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// UUID version 7.
    pub id: String,
    /// What a person said.
    pub spec: NewEndpoint,
    /// Whether it takes part.
    pub state: EndpointState,
    /// Why it does not.
    pub disabled_reason: Option<String>,
    /// Since when it does not.
    pub disabled_at: Option<Timestamp>,
    /// Nothing is sent there before.
    pub paused_until: Option<Timestamp>,
    /// Since when every attempt failed.
    pub failing_since: Option<Timestamp>,
    /// How many did.
    pub failures_in_a_row: u32,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

/// Which events an endpoint wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The endpoint.
    pub endpoint_id: String,
    /// Whose it is; one without a tenant hears the events of all.
    pub tenant_id: Option<String>,
    /// Its patterns.
    pub events: Vec<String>,
}

impl Listener {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let (endpoint_id, tenant_id) = (row.get("id")?, row.get("tenant_id")?);
        Ok(Self { endpoint_id, tenant_id, events: row.decoded_json("events")? })
    }
}

/// Which endpoints are meant. Every field narrows.
#[derive(Debug, Clone, Default)]
pub struct EndpointFilter {
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// In this state.
    pub state: Option<EndpointState>,
    /// Behind the last one of the page before.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// What attempts say of an endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The last one was delivered.
    Well,
    /// So many failed, and none was delivered since.
    Failing {
        /// How many more.
        more: u32,
        /// When the first of them failed.
        since: Timestamp,
    },
}

macro_rules! endpoint_columns {
    () => {
        "id, tenant_id, url, events, headers, timeout_ms, policy, policy_settings, rate_per_minute, concurrency, \
         ordering, state, disabled_reason, disabled_at, paused_until, failing_since, failures_in_a_row, created_at, \
         updated_at"
    };
}

impl Store {
    /// Adds an endpoint with its first signing key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn insert_endpoint(&self, new: &NewEndpoint, key: &str) -> Result<Endpoint, StoreError> {
        const INSERT: &str = concat!(
            "insert into endpoints (id, tenant_id, url, events, headers, timeout_ms, policy, policy_settings, \
             rate_per_minute, concurrency, ordering, state, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'enabled', $12, $12) returning ",
            endpoint_columns!()
        );
        let id = self.new_id();
        let insert = new.bind_to(Statement::new(INSERT).bind(&id)).bind(self.now());
        let mut transaction = self.database.begin().await?;
        let endpoint = transaction.one(insert, Endpoint::from_row).await?;
        transaction.change(self.insert_key(&id, key)).await?;
        transaction.commit().await?;
        Ok(endpoint)
    }

    /// Changes what a person says of an endpoint. `None`: there is no such endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn update_endpoint(&self, id: &str, new: &NewEndpoint) -> Result<Option<Endpoint>, StoreError> {
        const UPDATE: &str = concat!(
            "update endpoints set tenant_id = $2, url = $3, events = $4, headers = $5, timeout_ms = $6, policy = $7, \
             policy_settings = $8, rate_per_minute = $9, concurrency = $10, ordering = $11, updated_at = $12 \
             where id = $1 returning ",
            endpoint_columns!()
        );
        let update = new.bind_to(Statement::new(UPDATE).bind(id)).bind(self.now());
        Ok(self.database.write(update, Endpoint::from_row).await?.pop())
    }

    /// One endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        const SELECT: &str = concat!("select ", endpoint_columns!(), " from endpoints where id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), Endpoint::from_row).await
    }

    /// Endpoints, newest first, a page at a time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn endpoints(&self, filter: &EndpointFilter) -> Result<Vec<Endpoint>, StoreError> {
        let mut select =
            Statement::new(concat!("select ", endpoint_columns!(), " from endpoints where true"));
        if let Some(tenant) = &filter.tenant_id {
            select.push(" and tenant_id = ").push_bind(tenant);
        }
        if let Some(state) = filter.state {
            select.push(" and state = ").push_bind(state);
        }
        if let Some(after) = &filter.after {
            select
                .push(" and (created_at, id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by created_at desc, id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, Endpoint::from_row).await
    }

    /// Who may want to hear of the events of these tenants: their endpoints, and those without a tenant.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn listeners(&self, tenants: &[&str]) -> Result<Vec<Listener>, StoreError> {
        const TENANTS: Columns = &[("tenant", Column::Text)];
        #[derive(Serialize)]
        struct TenantRow<'a> {
            tenant: &'a str,
        }
        let rows: Vec<_> = tenants.iter().map(|tenant| TenantRow { tenant }).collect();
        let select = Batch::new(TENANTS, &rows).statement(
            self.database.dialect(),
            "select id, tenant_id, events from endpoints where tenant_id in (select tenant from",
            ") union all select id, tenant_id, events from endpoints where tenant_id is null",
        );
        self.database.read(select, Listener::from_row).await
    }

    /// Endpoints by their ids, with the keys that sign now; those that are not there are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn endpoints_by_id(
        &self,
        ids: &[&str],
    ) -> Result<Vec<(Endpoint, Vec<EndpointSecret>)>, StoreError> {
        const IDS: Columns = &[("wanted", Column::Text)];
        #[derive(Serialize)]
        struct IdRow<'a> {
            wanted: &'a str,
        }
        let rows: Vec<_> = ids.iter().map(|id| IdRow { wanted: id }).collect();
        let wanted = Batch::new(IDS, &rows);
        let dialect = self.database.dialect();
        let select = wanted.statement(
            dialect,
            concat!("select ", endpoint_columns!(), " from endpoints where id in (select wanted from"),
            ")",
        );
        let keys = wanted.statement(
            dialect,
            "select endpoint_id, id, key, created_at, expires_at from endpoint_secrets \
             where endpoint_id in (select wanted from",
            ") and (expires_at is null or expires_at > $2) order by id desc",
        );
        let endpoints = self.database.read(select, Endpoint::from_row).await?;
        let keys = self.database.read(keys.bind(self.now()), EndpointSecret::from_row).await?;
        let with_keys = endpoints.into_iter().map(|endpoint| {
            let own = keys.iter().filter(|key| key.endpoint_id == endpoint.id).cloned().collect();
            (endpoint, own)
        });
        Ok(with_keys.collect())
    }

    /// Lets deliveries go to an endpoint again, those that were parked first. Returns how many were; `None`: there is
    /// no such endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn enable_endpoint(&self, id: &str) -> Result<Option<u64>, StoreError> {
        let now = self.now();
        let mut transaction = self.database.begin().await?;
        let enable = Statement::new(
            "update endpoints set state = 'enabled', disabled_reason = null, disabled_at = null, paused_until = null, \
             failing_since = null, failures_in_a_row = 0, updated_at = $2 where id = $1",
        );
        if transaction.change(enable.bind(id).bind(now)).await? == 0 {
            return Ok(None);
        }
        let release = Statement::new(
            "update deliveries set state = case when attempts > 0 then 'failed' else 'pending' end, due_at = $2 \
             where endpoint_id = $1 and state = 'parked'",
        );
        let released = transaction.change(release.bind(id).bind(now)).await?;
        transaction.commit().await?;
        Ok(Some(released))
    }

    /// Releases deliveries that are parked although their endpoint is enabled, or gone: parked by a process that did not
    /// know it yet. Returns how many.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn release_parked(&self) -> Result<u64, StoreError> {
        let release = Statement::new(
            "update deliveries set state = case when attempts > 0 then 'failed' else 'pending' end, due_at = $1 \
             where state = 'parked' and not exists \
             (select 1 from endpoints e where e.id = deliveries.endpoint_id and e.state = 'disabled')",
        );
        self.database.change(release.bind(self.now())).await
    }

    /// Stops deliveries to an endpoint until it is enabled. `false`: it was disabled before, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn disable_endpoint(&self, id: &str, reason: &str) -> Result<bool, StoreError> {
        let disable = Statement::new(
            "update endpoints set state = 'disabled', disabled_reason = $2, disabled_at = $3 \
             where id = $1 and state = 'enabled'",
        );
        Ok(self.database.change(disable.bind(id).bind(reason).bind(self.now())).await? == 1)
    }

    /// Sends nothing to an endpoint before an instant; an earlier pause that lasts longer stays.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn pause_endpoint(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let pause = Statement::new(
            "update endpoints set paused_until = $2 where id = $1 and (paused_until is null or paused_until < $2)",
        );
        self.database.change(pause.bind(id).bind(until)).await?;
        Ok(())
    }

    /// Records how an endpoint is doing.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn record_health(&self, id: &str, health: Health) -> Result<(), StoreError> {
        let update = match health {
            Health::Well => Statement::new(
                "update endpoints set failing_since = null, failures_in_a_row = 0 \
                 where id = $1 and failures_in_a_row > 0",
            )
            .bind(id),
            Health::Failing { more, since } => Statement::new(
                "update endpoints set failures_in_a_row = failures_in_a_row + $2, \
                 failing_since = coalesce(failing_since, $3) where id = $1",
            )
            .bind(id)
            .bind(more)
            .bind(since),
        };
        self.database.change(update).await?;
        Ok(())
    }

    /// Forgets an endpoint and its keys. What still waited to go there becomes dead letters of the class
    /// `endpoint-removed`, or is delivered if it is on its way. `false`: there is no such endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn remove_endpoint(&self, id: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let remove = Statement::new("delete from endpoints where id = $1").bind(id);
        if transaction.change(remove).await? == 0 {
            return Ok(false);
        }
        let release = Statement::new(
            "update deliveries set state = case when attempts > 0 then 'failed' else 'pending' end, due_at = $2 \
             where endpoint_id = $1 and state = ",
        );
        let mut release = release.bind(id).bind(self.now());
        release.push_bind(DeliveryState::Parked);
        transaction.change(release).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

impl NewEndpoint {
    /// Binds what a person says, in the order of the columns from `tenant_id` to `ordering`.
    fn bind_to(&self, statement: Statement) -> Statement {
        let events = Json::from(self.events.clone());
        statement
            .bind(&self.tenant_id)
            .bind(&self.url)
            .bind(&events)
            .bind(&self.headers.to_json())
            .bind(millis(self.timeout))
            .bind(&self.policy)
            .bind(&self.policy_settings)
            .bind(Value::Integer(self.rate_per_minute.map(i64::from)))
            .bind(Value::Integer(self.concurrency.map(i64::from)))
            .bind(self.ordering)
    }
}

/// A span as it is stored.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Endpoint {
    /// The place of this endpoint in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.created_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let optional = |column| {
            let number: Option<i64> = row.get(column)?;
            Ok::<_, sqlx::Error>(number.and_then(|number| u32::try_from(number).ok()))
        };
        Ok(Self {
            id: row.get("id")?,
            spec: NewEndpoint {
                tenant_id: row.get("tenant_id")?,
                url: row.get("url")?,
                events: row.decoded_json("events")?,
                headers: row.decoded_json("headers")?,
                timeout: Duration::from_millis(row.unsigned("timeout_ms")?),
                policy: row.get("policy")?,
                policy_settings: row.json("policy_settings")?,
                rate_per_minute: optional("rate_per_minute")?,
                concurrency: optional("concurrency")?,
                ordering: row.word("ordering")?,
            },
            state: row.word("state")?,
            disabled_reason: row.get("disabled_reason")?,
            disabled_at: row.optional_instant("disabled_at")?,
            paused_until: row.optional_instant("paused_until")?,
            failing_since: row.optional_instant("failing_since")?,
            failures_in_a_row: row.unsigned("failures_in_a_row")?,
            created_at: row.instant("created_at")?,
            updated_at: row.instant("updated_at")?,
        })
    }
}
