-- Runs of jobs, their log, and the schedule's memory.
-- Keys compare byte by byte ("C"): as in SQLite, and safe from changes of the operating system's collations.

create table runs (
    id text collate "C" primary key,
    job text collate "C" not null,
    plugin text not null,
    trigger text not null check (trigger in ('schedule', 'manual')),
    scheduled_for timestamptz,
    attempt bigint not null,
    retry_of text collate "C",
    state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'interrupted', 'skipped')),
    not_before timestamptz not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    owner text,
    lease_expires_at timestamptz,
    fence bigint not null default 0,
    plugin_version text,
    plugin_hash text,
    failure_class text,
    failure_message text,
    report jsonb,
    progress_done bigint,
    progress_total bigint,
    progress_message text,
    log_lines bigint not null default 0
);

create index runs_by_job on runs (job, id);
create index runs_by_state on runs (state, id);
create index runs_queued on runs (not_before, id) where state = 'queued';
create index runs_unfinished on runs (job) where state in ('queued', 'running');
create index runs_finished on runs (finished_at) where finished_at is not null;
-- Two runs of one job never execute together: the claim avoids it, this makes it impossible.
create unique index runs_running on runs (job) where state = 'running';

create table run_logs (
    run_id text collate "C" not null references runs (id) on delete cascade,
    seq bigint not null,
    at timestamptz not null,
    level text not null check (level in ('debug', 'info', 'warn', 'error')),
    message text not null,
    fields jsonb not null,
    primary key (run_id, seq)
);

-- One row for each instant of a job's schedule that was answered: there is no leader, the first to write it wins.
create table firings (
    job text collate "C" not null,
    instant timestamptz not null,
    run_id text collate "C" not null references runs (id) on delete cascade,
    primary key (job, instant)
);

create index firings_by_run on firings (run_id);

create table schedule_cursors (
    job text collate "C" primary key,
    instant timestamptz not null,
    fingerprint text not null
);
