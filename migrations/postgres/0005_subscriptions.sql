-- Tenants, what they pay for, and the audit trail.

create table tenants (
    id text collate "C" primary key,
    name text collate "C" not null,
    email text not null,
    timezone text not null,
    locale text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table subscriptions (
    id text collate "C" primary key,
    tenant_id text collate "C" not null references tenants (id),
    expires_at timestamptz not null,
    status text not null check (status in ('active', 'expired', 'cancelled')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index subscriptions_by_tenant on subscriptions (tenant_id);
create index subscriptions_by_expiry on subscriptions (expires_at, id);
create index subscriptions_by_status on subscriptions (status, expires_at, id);

create table audit_logs (
    id text collate "C" primary key,
    created_at timestamptz not null,
    tenant_id text collate "C",
    operation text collate "C" not null,
    new_data jsonb not null,
    plugin text,
    run_id text collate "C"
);

create index audit_logs_by_age on audit_logs (created_at, id);
create index audit_logs_by_operation on audit_logs (operation, created_at, id);
create index audit_logs_by_tenant on audit_logs (tenant_id, created_at, id);
