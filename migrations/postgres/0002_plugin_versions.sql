-- Every content of every plugin file that was ever seen.

create table plugin_versions (
    name text collate "C" not null,
    hash text collate "C" not null,
    kind text,
    version text,
    state text not null check (state in ('active', 'superseded', 'refused', 'removed')),
    reason text,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (name, hash)
);

create index plugin_versions_by_age on plugin_versions (last_seen_at);
