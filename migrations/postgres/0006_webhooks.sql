-- Where webhooks go, and what was accepted for them.

create table endpoints (
    id text collate "C" primary key,
    tenant_id text collate "C",
    url text not null,
    events jsonb not null,
    headers jsonb not null,
    timeout_ms bigint not null,
    policy text,
    policy_settings jsonb not null,
    rate_per_minute bigint,
    concurrency bigint,
    ordering text not null check (ordering in ('none', 'block', 'park')),
    state text not null check (state in ('enabled', 'disabled')),
    disabled_reason text,
    disabled_at timestamptz,
    paused_until timestamptz,
    failing_since timestamptz,
    failures_in_a_row bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index endpoints_by_age on endpoints (created_at, id);
create index endpoints_by_tenant on endpoints (tenant_id, created_at, id);

-- Several keys of one endpoint sign at one time while one of them is being replaced.
create table endpoint_secrets (
    endpoint_id text collate "C" not null references endpoints (id) on delete cascade,
    id text collate "C" not null,
    key text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    primary key (endpoint_id, id)
);

create table messages (
    id text collate "C" primary key,
    event text collate "C" not null,
    tenant_id text collate "C",
    content_type text not null,
    headers jsonb not null,
    body bytea not null,
    idempotency_key text collate "C",
    fingerprint text not null,
    policy text,
    policy_settings jsonb not null,
    ordering_key text,
    accepted_at timestamptz not null
);

create index messages_by_age on messages (accepted_at, id);
create index messages_by_tenant on messages (tenant_id, id);
create unique index messages_by_idempotency on messages (coalesce(tenant_id, ''), idempotency_key)
    where idempotency_key is not null;

-- Messages that an application enqueued in a transaction of its own, until their deliveries are made.
create table message_outbox (
    message_id text collate "C" primary key references messages (id) on delete cascade,
    url text,
    timeout_ms bigint
);
