-- A small MedManager: a database of the application, one database a tenant.
create role medmanager login;

create database medmanager owner medmanager;
\connect medmanager
create table tenants (
    id text primary key,
    name text not null,
    email text not null,
    timezone text not null,
    created_at timestamptz not null default now()
);
create table subscriptions (
    id text primary key,
    tenant_id text not null references tenants (id),
    plan text not null,
    status text not null,
    expires_at timestamptz not null
);
insert into tenants (id, name, email, timezone) values
    ('tenant_12345678000195', 'Clínica São Lucas', 'contato@saolucas.example', 'America/Sao_Paulo'),
    ('tenant_98765432000110', 'Farmácia Boa Vista', 'contato@boavista.example', 'America/Manaus'),
    ('tenant_45678912000133', 'Hospital Santa Clara', 'contato@santaclara.example', 'America/Noronha');
insert into subscriptions (id, tenant_id, plan, status, expires_at) values
    ('sub_1', 'tenant_12345678000195', 'pro', 'active', now() + interval '1 day'),
    ('sub_2', 'tenant_98765432000110', 'basic', 'active', now() + interval '3 days'),
    ('sub_3', 'tenant_45678912000133', 'enterprise', 'active', now() + interval '90 days');

create database tenant_12345678000195 owner medmanager;
\connect tenant_12345678000195
create table patients (id bigint primary key, name text not null, born_on date not null);
create table prescriptions (
    id bigint primary key,
    patient_id bigint not null references patients (id),
    medicine text not null,
    dose_mg integer not null,
    prescribed_at timestamptz not null
);
insert into patients
    select n, 'Paciente ' || n, date '1940-01-01' + n * 5 from generate_series(1, 5000) n;
insert into prescriptions
    select n, 1 + n % 5000, 'Medicamento ' || n % 300, 5 * (1 + n % 100), timestamptz '2025-01-01Z' + n * interval '9 min'
    from generate_series(1, 50000) n;

create database tenant_98765432000110 owner medmanager;
\connect tenant_98765432000110
create table sales (id bigint primary key, medicine text not null, amount_cents bigint not null, sold_at timestamptz not null);
insert into sales
    select n, 'Medicamento ' || n % 300, 990 + n % 5000, timestamptz '2025-01-01Z' + n * interval '4 min'
    from generate_series(1, 100000) n;
