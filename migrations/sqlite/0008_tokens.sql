-- Who may use the HTTP API. Of a token only the hash is kept: a copy of this table opens nothing.

create table tokens (
    id text primary key not null,
    role text not null check (role in ('viewer', 'operator', 'admin')),
    tenant_id text,
    hash text not null,
    created_at integer not null,
    revoked_at integer
) strict;
