-- Tenants, what they pay for, and the audit trail.

create table tenants (
    id text primary key not null,
    name text not null,
    email text not null,
    timezone text not null,
    locale text not null,
    created_at integer not null,
    updated_at integer not null
) strict;

create table subscriptions (
    id text primary key not null,
    tenant_id text not null references tenants (id),
    expires_at integer not null,
    status text not null check (status in ('active', 'expired', 'cancelled')),
    created_at integer not null,
    updated_at integer not null
) strict;

create index subscriptions_by_tenant on subscriptions (tenant_id);
create index subscriptions_by_expiry on subscriptions (expires_at, id);
create index subscriptions_by_status on subscriptions (status, expires_at, id);

create table audit_logs (
    id text primary key not null,
    created_at integer not null,
    tenant_id text,
    operation text not null,
    new_data text not null,
    plugin text,
    run_id text
) strict;

create index audit_logs_by_age on audit_logs (created_at, id);
create index audit_logs_by_operation on audit_logs (operation, created_at, id);
create index audit_logs_by_tenant on audit_logs (tenant_id, created_at, id);
