-- The queue: deliveries of every lane, the processes that work on them, what each try met, and what was given up.
--
-- pending: waits for its first try. failed: the last try failed, waits for the next. delivering: a worker has it.
-- held: waits for its target's turn. parked: waits for a person to enable its endpoint. The rest are ends.

create table workers (
    id text primary key not null,
    host text not null,
    started_at integer not null,
    lease_expires_at integer not null
) strict;

create table deliveries (
    id text primary key not null,
    lane text not null,
    state text not null check (
        state in ('pending', 'delivering', 'failed', 'held', 'parked', 'delivered', 'dead_letter')
    ),
    message_id text not null,
    tenant_id text,
    target text not null,
    endpoint_id text,
    url text,
    timeout_ms integer,
    due_at integer not null,
    attempts integer not null default 0,
    attempts_in_all integer not null default 0,
    first_attempt_at integer,
    worker_id text,
    fence integer not null default 0,
    created_at integer not null,
    finished_at integer
) strict, without rowid;

-- The claims read these two in order, from where they stopped.
create index deliveries_pending on deliveries (lane, due_at, id) where state = 'pending';
create index deliveries_failed on deliveries (lane, due_at, id) where state = 'failed';
create index deliveries_held on deliveries (lane, target, due_at, id) where state = 'held';
create index deliveries_parked on deliveries (endpoint_id, id) where state = 'parked';
create index deliveries_delivering on deliveries (worker_id) where state = 'delivering';
create index deliveries_failing on deliveries (created_at) where state in ('failed', 'dead_letter');

-- `number` counts on when a dead letter is tried again.
create table attempts (
    delivery_id text not null,
    number integer not null,
    at integer not null,
    class text not null,
    status integer,
    reason text not null,
    dns_us integer,
    connect_us integer,
    tls_us integer,
    first_byte_us integer,
    body_us integer,
    total_us integer not null,
    response text,
    primary key (delivery_id, number)
) strict, without rowid;

create table dead_letter_queue (
    id text primary key not null,
    type text not null check (type in ('webhook', 'email', 'job')),
    status text not null check (status in ('waiting', 'reprocessed', 'discarded')),
    reason_class text not null,
    reason text not null,
    delivery_id text not null,
    message_id text not null,
    tenant_id text,
    endpoint_id text,
    event text not null,
    target text not null,
    attempts integer not null,
    last_status integer,
    last_response text,
    created_at integer not null,
    processed_at integer
) strict;

create index dead_letter_queue_by_age on dead_letter_queue (created_at, id);
create index dead_letter_queue_waiting on dead_letter_queue (created_at, id) where status = 'waiting';
create index dead_letter_queue_processed on dead_letter_queue (processed_at) where processed_at is not null;
create index dead_letter_queue_by_tenant on dead_letter_queue (tenant_id, created_at, id);
create index dead_letter_queue_by_delivery on dead_letter_queue (delivery_id);

-- Every delivery of a webhook as people look for it. One that is held counts as what it was before.
create view webhook_logs as
select
    d.id,
    m.event,
    case when d.state <> 'held' then d.state when d.attempts > 0 then 'failed' else 'pending' end as status,
    d.attempts_in_all as attempts,
    d.created_at,
    d.finished_at,
    d.tenant_id,
    d.message_id,
    d.endpoint_id,
    d.url
from deliveries d
join messages m on m.id = d.message_id
where d.lane = 'webhook';
