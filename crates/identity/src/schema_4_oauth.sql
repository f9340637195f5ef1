-- What Mainstay keeps as an OAuth 2.0 authorization server and OpenID provider, and the API keys of machines.
-- No secret is here in a form that could be used: codes, secrets, cookies and keys are stored as their SHA-256.

create table auth.oauth_clients (
  id                         text primary key,
  name                       text not null,
  client_uri                 text,
  secret_hash                bytea,
  token_endpoint_auth_method text not null
    check (token_endpoint_auth_method in ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
  jwks                       jsonb,
  redirect_uris              jsonb not null default '[]',
  post_logout_redirect_uris  jsonb not null default '[]',
  grant_types                jsonb not null default '["authorization_code", "refresh_token"]',
  scope                      text not null default 'openid profile email phone offline_access',
  resources                  jsonb not null default '[]',
  role                       text not null default 'authenticated',
  trusted                    boolean not null default false,
  dynamic                    boolean not null default false,
  require_par                boolean not null default false,
  created_at                 timestamptz not null default now(),
  updated_at                 timestamptz not null default now(),
  disabled_at                timestamptz
);
comment on table auth.oauth_clients is 'Applications that may ask for tokens. trusted: no consent page; dynamic: registered by themselves.';

create table auth.oauth_requests (
  hash       bytea primary key,
  client_id  text not null references auth.oauth_clients (id) on delete cascade,
  parameters jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index oauth_requests_expires_at on auth.oauth_requests (expires_at);
create index oauth_requests_client on auth.oauth_requests (client_id);
comment on table auth.oauth_requests is 'Pushed authorization requests (RFC 9126) that wait for their user.';

create table auth.oauth_consents (
  user_id    uuid not null references auth.users (id) on delete cascade,
  client_id  text not null references auth.oauth_clients (id) on delete cascade,
  scope      text not null,
  resources  jsonb not null default '[]',
  granted_at timestamptz not null,
  primary key (user_id, client_id)
);
create index oauth_consents_client on auth.oauth_consents (client_id);

create table auth.oauth_grants (
  id              uuid primary key,
  client_id       text not null references auth.oauth_clients (id) on delete cascade,
  user_id         uuid not null references auth.users (id) on delete cascade,
  scope           text not null,
  resources       jsonb not null,
  auth_time       timestamptz not null,
  amr             jsonb not null default '[]',
  confirmation    jsonb,
  refresh_counter bigint not null default 0,
  refreshed_at    timestamptz,
  created_at      timestamptz not null,
  expires_at      timestamptz not null,
  revoked_at      timestamptz,
  revoked_because text
);
create index oauth_grants_user on auth.oauth_grants (user_id);
create index oauth_grants_client on auth.oauth_grants (client_id);
create index oauth_grants_revoked_at on auth.oauth_grants (revoked_at);
create index oauth_grants_expires_at on auth.oauth_grants (expires_at);
comment on table auth.oauth_grants is 'What a user let a client do: the family of its refresh tokens. confirmation: the key that the tokens are bound to.';

create table auth.oauth_codes (
  hash           bytea primary key,
  grant_id       uuid not null,
  client_id      text not null references auth.oauth_clients (id) on delete cascade,
  user_id        uuid not null references auth.users (id) on delete cascade,
  redirect_uri   text not null,
  code_challenge text not null,
  scope          text not null,
  resources      jsonb not null,
  nonce          text,
  auth_time      timestamptz not null,
  amr            jsonb not null default '[]',
  expires_at     timestamptz not null,
  redeemed_at    timestamptz
);
create index oauth_codes_expires_at on auth.oauth_codes (expires_at);
create index oauth_codes_client on auth.oauth_codes (client_id);
create index oauth_codes_user on auth.oauth_codes (user_id);

create table auth.oauth_device_codes (
  hash             bytea primary key,
  user_code        text not null unique,
  client_id        text not null references auth.oauth_clients (id) on delete cascade,
  scope            text not null,
  resources        jsonb not null,
  grant_id         uuid not null,
  user_id          uuid references auth.users (id) on delete cascade,
  decision         text not null default 'pending' check (decision in ('pending', 'approved', 'denied', 'redeemed')),
  auth_time        timestamptz,
  amr              jsonb not null default '[]',
  interval_seconds bigint not null,
  polled_at        timestamptz,
  created_at       timestamptz not null,
  expires_at       timestamptz not null
);
create index oauth_device_codes_expires_at on auth.oauth_device_codes (expires_at);
create index oauth_device_codes_client on auth.oauth_device_codes (client_id);
create index oauth_device_codes_user on auth.oauth_device_codes (user_id);

create table auth.oauth_revoked_tokens (
  jti        text primary key,
  expires_at timestamptz not null
);
create index oauth_revoked_tokens_expires_at on auth.oauth_revoked_tokens (expires_at);
comment on table auth.oauth_revoked_tokens is 'Access tokens and assertions that are used up before their time.';

create table auth.browser_sessions (
  hash       bytea primary key,
  user_id    uuid not null references auth.users (id) on delete cascade,
  auth_time  timestamptz not null,
  amr        jsonb not null default '[]',
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index browser_sessions_user on auth.browser_sessions (user_id);
create index browser_sessions_expires_at on auth.browser_sessions (expires_at);

create table auth.api_keys (
  id           uuid primary key,
  name         text not null,
  prefix       text not null,
  hash         bytea not null unique,
  role         text not null,
  claims       jsonb not null default '{}',
  created_at   timestamptz not null,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz
);
create index api_keys_prefix on auth.api_keys (prefix);
comment on table auth.api_keys is 'Keys of machines: each stands for a role until it expires or is revoked. The key itself is shown once.';
