-- What has been paid.
create type payment_state as enum ('authorised', 'captured', 'refunded', 'failed');

create table payments (
  id          uuid primary key default gen_random_uuid(),
  order_id    bigint not null references orders (id) on delete cascade,
  provider    text not null check (provider in ('card', 'paypal', 'invoice')),
  amount      numeric(12, 2) not null check (amount > 0),
  state       payment_state not null default 'authorised',
  reference   text unique,
  raw         jsonb not null default '{}',
  created_at  timestamptz not null default now()
);
create index on payments (order_id);

create table refunds (
  id         bigint generated always as identity primary key,
  payment_id uuid not null references payments (id) on delete cascade,
  amount     numeric(12, 2) not null check (amount > 0),
  reason     text not null,
  created_at timestamptz not null default now()
);
create index on refunds (payment_id);
