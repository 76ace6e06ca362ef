-- Who may use the HTTP API. Of a token only the hash is kept: a copy of this table opens nothing.

create table tokens (
    id text collate "C" primary key,
    role text not null check (role in ('viewer', 'operator', 'admin')),
    tenant_id text collate "C",
    hash text not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);
