-- Finished backup files. A null proof means that the last verification failed.

create table artifacts (
    id text collate "C" primary key,
    name text collate "C" not null,
    server text collate "C" not null,
    database text,
    location text collate "C" not null,
    created_at timestamptz not null,
    finished_at timestamptz not null,
    size_bytes bigint not null,
    sha256 text not null,
    proof text check (
        proof in ('present', 'hash', 'decompressed', 'structure', 'restored', 'contents', 'cluster-restored')
    ),
    proof_at timestamptz not null,
    run_id text collate "C",
    manifest jsonb not null,
    unique (name, location)
);

create index artifacts_by_age on artifacts (created_at, id);
create index artifacts_by_server on artifacts (server, created_at, id);
