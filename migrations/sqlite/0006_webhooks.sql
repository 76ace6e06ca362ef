-- Where webhooks go, and what was accepted for them. Instants are unix milliseconds.

create table endpoints (
    id text primary key not null,
    tenant_id text,
    url text not null,
    events text not null,
    headers text not null,
    timeout_ms integer not null,
    policy text,
    policy_settings text not null,
    rate_per_minute integer,
    concurrency integer,
    ordering text not null check (ordering in ('none', 'block', 'park')),
    state text not null check (state in ('enabled', 'disabled')),
    disabled_reason text,
    disabled_at integer,
    paused_until integer,
    failing_since integer,
    failures_in_a_row integer not null default 0,
    created_at integer not null,
    updated_at integer not null
) strict;

create index endpoints_by_age on endpoints (created_at, id);
create index endpoints_by_tenant on endpoints (tenant_id, created_at, id);

-- Several keys of one endpoint sign at one time while one of them is being replaced.
create table endpoint_secrets (
    endpoint_id text not null references endpoints (id) on delete cascade,
    id text not null,
    key text not null,
    created_at integer not null,
    expires_at integer,
    primary key (endpoint_id, id)
) strict, without rowid;

create table messages (
    id text primary key not null,
    event text not null,
    tenant_id text,
    content_type text not null,
    headers text not null,
    body blob not null,
    idempotency_key text,
    fingerprint text not null,
    policy text,
    policy_settings text not null,
    ordering_key text,
    accepted_at integer not null
) strict;

create index messages_by_age on messages (accepted_at, id);
create index messages_by_tenant on messages (tenant_id, id);
create unique index messages_by_idempotency on messages (coalesce(tenant_id, ''), idempotency_key)
    where idempotency_key is not null;

-- Messages that an application enqueued in a transaction of its own, until their deliveries are made: PostgreSQL only,
-- empty here.
create table message_outbox (
    message_id text primary key not null references messages (id) on delete cascade,
    url text,
    timeout_ms integer
) strict, without rowid;
