-- Finished backup files. A null proof means that the last verification failed.

create table artifacts (
    id text primary key not null,
    name text not null,
    server text not null,
    database text,
    location text not null,
    created_at integer not null,
    finished_at integer not null,
    size_bytes integer not null,
    sha256 text not null,
    proof text check (
        proof in ('present', 'hash', 'decompressed', 'structure', 'restored', 'contents', 'cluster-restored')
    ),
    proof_at integer not null,
    run_id text,
    manifest text not null,
    unique (name, location)
) strict;

create index artifacts_by_age on artifacts (created_at, id);
create index artifacts_by_server on artifacts (server, created_at, id);
