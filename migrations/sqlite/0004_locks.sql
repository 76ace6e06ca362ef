-- Named locks with a lease. A released lock keeps its row, so that its fence never goes back.

create table locks (
    name text primary key not null,
    owner text,
    fence integer not null,
    expires_at integer
) strict, without rowid;
