-- The users that an application's tables may refer to, with the columns that Supabase projects expect. Applied before
-- the application's own migrations; rows come with the identity service.
create table auth.users (
  instance_id           uuid,
  id                    uuid primary key default gen_random_uuid(),
  aud                   varchar(255),
  role                  varchar(255),
  email                 varchar(255),
  encrypted_password    varchar(255),
  email_confirmed_at    timestamptz,
  invited_at            timestamptz,
  confirmation_sent_at  timestamptz,
  recovery_sent_at      timestamptz,
  email_change          varchar(255),
  email_change_sent_at  timestamptz,
  last_sign_in_at       timestamptz,
  raw_app_meta_data     jsonb,
  raw_user_meta_data    jsonb,
  is_super_admin        boolean,
  created_at            timestamptz default now(),
  updated_at            timestamptz default now(),
  phone                 text unique default null,
  phone_confirmed_at    timestamptz,
  phone_change          text default '',
  phone_change_sent_at  timestamptz,
  banned_until          timestamptz,
  reauthentication_sent_at timestamptz,
  is_sso_user           boolean not null default false,
  deleted_at            timestamptz,
  is_anonymous          boolean not null default false
);
create unique index users_email_partial_key on auth.users (email) where is_sso_user = false;
comment on table auth.users is 'Auth: Stores user login data within a secure schema.';
