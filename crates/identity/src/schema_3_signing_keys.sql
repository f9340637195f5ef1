-- The keys that sign tokens. The private part is sealed with a key that is not in the database; `retired` ones still
-- verify what they have signed.
create table auth.signing_keys (
  kid             text primary key,
  algorithm       text not null,
  status          text not null check (status in ('next', 'current', 'retired')),
  public_jwk      jsonb not null,
  sealed_private  bytea not null,
  created_at      timestamptz not null,
  activated_at    timestamptz,
  retired_at      timestamptz
);
create unique index signing_keys_one_of_each on auth.signing_keys (status) where status <> 'retired';
comment on table auth.signing_keys is 'Auth: Keys that sign tokens, their private part sealed.';
