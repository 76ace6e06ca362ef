-- Runs of jobs, their log, and the schedule's memory. Instants are unix milliseconds.

create table runs (
    id text primary key not null,
    job text not null,
    plugin text not null,
    trigger text not null check (trigger in ('schedule', 'manual')),
    scheduled_for integer,
    attempt integer not null,
    retry_of text,
    state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'interrupted', 'skipped')),
    not_before integer not null,
    created_at integer not null,
    started_at integer,
    finished_at integer,
    owner text,
    lease_expires_at integer,
    fence integer not null default 0,
    plugin_version text,
    plugin_hash text,
    failure_class text,
    failure_message text,
    report text,
    progress_done integer,
    progress_total integer,
    progress_message text,
    log_lines integer not null default 0
) strict;

create index runs_by_job on runs (job, id);
create index runs_by_state on runs (state, id);
create index runs_queued on runs (not_before, id) where state = 'queued';
create index runs_unfinished on runs (job) where state in ('queued', 'running');
create index runs_finished on runs (finished_at) where finished_at is not null;
-- Two runs of one job never execute together: the claim avoids it, this makes it impossible.
create unique index runs_running on runs (job) where state = 'running';

create table run_logs (
    run_id text not null references runs (id) on delete cascade,
    seq integer not null,
    at integer not null,
    level text not null check (level in ('debug', 'info', 'warn', 'error')),
    message text not null,
    fields text not null,
    primary key (run_id, seq)
) strict;

-- One row for each instant of a job's schedule that was answered: there is no leader, the first to write it wins.
create table firings (
    job text not null,
    instant integer not null,
    run_id text not null references runs (id) on delete cascade,
    primary key (job, instant)
) strict, without rowid;

create index firings_by_run on firings (run_id);

create table schedule_cursors (
    job text primary key not null,
    instant integer not null,
    fingerprint text not null
) strict, without rowid;
