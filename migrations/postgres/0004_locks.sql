-- Named locks with a lease. A released lock keeps its row, so that its fence never goes back.

create table locks (
    name text collate "C" primary key,
    owner text,
    fence bigint not null,
    expires_at timestamptz
);
