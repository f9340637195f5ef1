-- Who buys and who works here.
create extension if not exists citext;
create extension if not exists pgcrypto;

create type account_kind as enum ('customer', 'staff', 'supplier');

create domain country_code as char(2) check (value ~ '^[A-Z]{2}$');

create table profiles (
  id           uuid primary key default gen_random_uuid(),
  email        citext not null unique,
  display_name text not null check (length(display_name) between 1 and 80),
  kind         account_kind not null default 'customer',
  phone        text,
  marketing    boolean not null default false,
  created_at   timestamptz not null default now()
);
comment on table profiles is 'People and companies with an account.';
comment on column profiles.kind is 'What the account may do: see the policies.';

create table addresses (
  id         bigint generated always as identity primary key,
  profile_id uuid not null references profiles (id) on delete cascade,
  label      text not null default 'Home',
  street     text not null,
  city       text not null,
  postcode   varchar(12) not null,
  country    country_code not null,
  is_default boolean not null default false
);
create index on addresses (profile_id);
create unique index one_default_address on addresses (profile_id) where is_default;
