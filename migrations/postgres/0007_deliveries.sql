-- The queue: deliveries of every lane, the processes that work on them, what each try met, and what was given up.
--
-- pending: waits for its first try. failed: the last try failed, waits for the next. delivering: a worker has it.
-- held: waits for its target's turn. parked: waits for a person to enable its endpoint. The rest are ends.

create table workers (
    id text collate "C" primary key,
    host text not null,
    started_at timestamptz not null,
    lease_expires_at timestamptz not null
);

create table deliveries (
    id text collate "C" primary key,
    lane text collate "C" not null,
    state text collate "C" not null check (
        state in ('pending', 'delivering', 'failed', 'held', 'parked', 'delivered', 'dead_letter')
    ),
    message_id text collate "C" not null,
    tenant_id text collate "C",
    target text collate "C" not null,
    endpoint_id text collate "C",
    url text,
    timeout_ms bigint,
    due_at timestamptz not null,
    attempts bigint not null default 0,
    attempts_in_all bigint not null default 0,
    first_attempt_at timestamptz,
    worker_id text collate "C",
    fence bigint not null default 0,
    created_at timestamptz not null,
    finished_at timestamptz
);

-- The claims read these two in order, from where they stopped.
create index deliveries_pending on deliveries (lane, due_at, id) where state = 'pending';
create index deliveries_failed on deliveries (lane, due_at, id) where state = 'failed';
create index deliveries_held on deliveries (lane, target, due_at, id) where state = 'held';
create index deliveries_parked on deliveries (endpoint_id, id) where state = 'parked';
create index deliveries_delivering on deliveries (worker_id) where state = 'delivering';
create index deliveries_failing on deliveries (created_at) where state in ('failed', 'dead_letter');

-- `number` counts on when a dead letter is tried again.
create table attempts (
    delivery_id text collate "C" not null,
    number bigint not null,
    at timestamptz not null,
    class text not null,
    status bigint,
    reason text not null,
    dns_us bigint,
    connect_us bigint,
    tls_us bigint,
    first_byte_us bigint,
    body_us bigint,
    total_us bigint not null,
    response text,
    primary key (delivery_id, number)
);

create table dead_letter_queue (
    id text collate "C" primary key,
    type text collate "C" not null check (type in ('webhook', 'email', 'job')),
    status text collate "C" not null check (status in ('waiting', 'reprocessed', 'discarded')),
    reason_class text collate "C" not null,
    reason text not null,
    delivery_id text collate "C" not null,
    message_id text collate "C" not null,
    tenant_id text collate "C",
    endpoint_id text collate "C",
    event text collate "C" not null,
    target text not null,
    attempts bigint not null,
    last_status bigint,
    last_response text,
    created_at timestamptz not null,
    processed_at timestamptz
);

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

-- Enqueues a webhook in the caller's own transaction: it exists if and only if that commits, and is picked up at once.
-- Without `url` it goes to the endpoints whose filter matches. The same key again returns the first message's id.
create function enqueue_webhook(
    event text,
    payload text,
    tenant text default null,
    idempotency_key text default null,
    url text default null,
    content_type text default 'application/json'
) returns text
language plpgsql
security definer
set search_path = zelador, pg_temp
as $$
#variable_conflict use_column
declare
    now_ms timestamptz := date_trunc('milliseconds', clock_timestamp());
    -- UUID version 7: 48 bits of milliseconds, the rest random.
    new_id text := encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from now_ms) * 1000)::bigint) from 3) from 1 for 6),
        52, 1), 53, 1), 'hex')::uuid::text;
    print text := encode(sha256(convert_to(enqueue_webhook.event || e'\n' || coalesce(enqueue_webhook.url, '')
        || e'\n' || enqueue_webhook.content_type || e'\n' || enqueue_webhook.payload, 'UTF8')), 'hex');
    first record;
begin
    if enqueue_webhook.event is null or enqueue_webhook.event !~ '^[A-Za-z0-9_.:/-]{1,200}$' then
        raise exception 'the event of a webhook is 1 to 200 letters, digits and any of . _ - : /'
            using errcode = 'invalid_parameter_value';
    end if;
    if enqueue_webhook.payload is null then
        raise exception 'the payload of a webhook is null' using errcode = 'invalid_parameter_value';
    end if;
    insert into messages (id, event, tenant_id, content_type, headers, body, idempotency_key, fingerprint,
        policy_settings, accepted_at)
    values (new_id, enqueue_webhook.event, enqueue_webhook.tenant, enqueue_webhook.content_type, '[]',
        convert_to(enqueue_webhook.payload, 'UTF8'), enqueue_webhook.idempotency_key, print, '{}', now_ms)
    on conflict (coalesce(tenant_id, ''), idempotency_key) where idempotency_key is not null do nothing;
    if not found then
        select id, fingerprint into first from messages
        where coalesce(tenant_id, '') = coalesce(enqueue_webhook.tenant, '')
            and idempotency_key = enqueue_webhook.idempotency_key;
        if first.fingerprint is distinct from print then
            raise exception 'idempotency key % was used for another webhook', enqueue_webhook.idempotency_key
                using errcode = 'unique_violation';
        end if;
        return first.id;
    end if;
    insert into message_outbox (message_id, url) values (new_id, enqueue_webhook.url);
    perform pg_notify('zelador_queue', 'webhook');
    return new_id;
end
$$;

-- The same for a document: its text as PostgreSQL writes it is what is sent.
create function enqueue_webhook(
    event text,
    payload jsonb,
    tenant text default null,
    idempotency_key text default null,
    url text default null
) returns text
language sql
as $$ select zelador.enqueue_webhook($1, $2::text, $3, $4, $5, 'application/json') $$;
