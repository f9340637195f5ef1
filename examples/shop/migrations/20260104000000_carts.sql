-- What somebody is about to buy.
create table carts (
  id         uuid primary key default gen_random_uuid(),
  profile_id uuid references profiles (id) on delete cascade,
  note       text,
  expires_at timestamptz not null default now() + interval '30 days',
  created_at timestamptz not null default now()
);
create index on carts (profile_id);

create table cart_items (
  cart_id    uuid not null references carts (id) on delete cascade,
  product_id bigint not null references products (id),
  quantity   int not null default 1 check (quantity between 1 and 99),
  added_at   timestamptz not null default now(),
  primary key (cart_id, product_id)
);
create index on cart_items (product_id);
