// supabase-js signing people up, in and out against a running Mainstay, which shows its messages in the inbox of `dev`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'

const { MAINSTAY_URL: url, MAINSTAY_ANON_KEY: anon, MAINSTAY_SERVICE_KEY: service } = process.env
// Realtime is not used here, and Node 20 has no WebSocket of its own: a stand-in keeps the client from asking for one.
const realtime = { transport: class {} }
const storage = () => {
  const kept = new Map()
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) }
}
const connect = (auth = {}) => createClient(url, anon, { auth: { autoRefreshToken: false, detectSessionInUrl: false, storage: storage(), ...auth }, realtime })
const admin = createClient(url, service, { auth: { persistSession: false, autoRefreshToken: false }, realtime }).auth.admin
const landing = 'http://127.0.0.1:3999/welcome'

let counter = 0
const address = () => `user${++counter}-${process.pid}@example.com`
const password = 'correct horse battery'

const must = ({ data, error }) => {
  assert.equal(error, null, JSON.stringify(error) + ' ' + error?.message)
  return data
}
const refused = ({ error }, status, code) => assert.deepEqual([error?.status, error?.code], [status, code], error?.message)
// What auth-js makes of `session_not_found`.
const sessionMissing = ({ error }) => assert.equal(error?.name, 'AuthSessionMissingError', error?.message)

const inbox = async (to) => {
  const answer = await fetch(`${url}/auth/v1/inbox?to=${encodeURIComponent(to)}`, { headers: { accept: 'application/json' } })
  assert.equal(answer.status, 200)
  return answer.json()
}
const letter = async (to) => {
  const [latest] = await inbox(to)
  assert.ok(latest, `no message to ${to}`)
  return { code: latest.text.match(/\b(\d{6})\b/)?.[1], link: latest.text.match(/http\S+/)?.[0], subject: latest.subject, html: latest.html }
}
const follow = async (link) => {
  const answer = await fetch(link, { redirect: 'manual' })
  assert.equal(answer.status, 303)
  const to = new URL(answer.headers.get('location'))
  return { to, query: to.searchParams, fragment: new URLSearchParams(to.hash.slice(1)) }
}
const claims = (session) => JSON.parse(Buffer.from(session.access_token.split('.')[1], 'base64url'))
const signedUp = async (options = {}) => {
  const client = connect()
  const email = address()
  must(await client.auth.signUp({ email, password, options }))
  must(await client.auth.verifyOtp({ email, token: (await letter(email)).code, type: 'signup' }))
  return { client, email }
}

test('signing up, confirming by code, and being somebody in a query', async () => {
  const client = connect()
  const email = address()
  const { user, session } = must(await client.auth.signUp({ email: email.toUpperCase(), password, options: { data: { name: 'Ada', lucky: 7 } } }))
  assert.deepEqual([session, user.email, user.user_metadata.name, user.identities.length], [null, email, 'Ada', 1])
  refused(await client.auth.signInWithPassword({ email, password }), 400, 'email_not_confirmed')
  const { code, subject } = await letter(email)
  assert.equal(subject, 'Confirm your address')
  refused(await client.auth.verifyOtp({ email, token: code === '000000' ? '111111' : '000000', type: 'signup' }), 403, 'otp_expired')
  const confirmed = must(await client.auth.verifyOtp({ email, token: code, type: 'signup' }))
  assert.equal(confirmed.user.id, user.id)
  assert.ok(confirmed.user.email_confirmed_at && confirmed.user.confirmed_at && confirmed.user.last_sign_in_at)
  assert.deepEqual([confirmed.user.user_metadata.lucky, confirmed.user.user_metadata.email_verified], [7, true])
  const said = claims(confirmed.session)
  assert.deepEqual([said.sub, said.aud, said.role, said.email, said.aal, said.is_anonymous], [user.id, 'authenticated', 'authenticated', email, 'aal1', false])
  assert.deepEqual([said.app_metadata, said.amr.map((way) => way.method)], [{ provider: 'email', providers: ['email'] }, ['otp']])
  refused(await client.auth.verifyOtp({ email, token: code, type: 'signup' }), 403, 'otp_expired')
  const note = must(await client.from('notes').insert({ body: 'mine' }).select().single())
  assert.equal(note.owner, user.id)
  assert.equal(must(await client.from('notes').select()).length, 1)
  assert.deepEqual(must(await connect().from('notes').select()), [])
  assert.equal(must(await client.auth.getUser()).user.id, user.id)
  const { data } = await client.auth.getClaims()
  assert.equal(data.claims.sub, user.id)
})

test('an address that is taken gets the same answer as a new one', async () => {
  const { email } = await signedUp()
  const shape = (value) => (value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)])) : Array.isArray(value) ? value.map(shape) : typeof value)
  const before = (await inbox(email)).length
  const taken = must(await connect().auth.signUp({ email, password: 'another password' }))
  const again = must(await connect().auth.signUp({ email, password: 'another password' }))
  const fresh = must(await connect().auth.signUp({ email: address(), password: 'another password' }))
  assert.deepEqual(shape(taken), shape(fresh))
  assert.equal(taken.user.id, again.user.id)
  assert.equal((await inbox(email)).length, before)
  for (const email of [address(), 'nobody@example.com']) {
    assert.deepEqual(must(await connect().auth.resetPasswordForEmail(email)), {})
    assert.deepEqual(must(await connect().auth.signInWithOtp({ email, options: { shouldCreateUser: false } })), { user: null, session: null })
    assert.equal((await inbox(email)).length, 0)
  }
})

test('passwords', async () => {
  const { client, email } = await signedUp()
  const one = must(await connect().auth.signInWithPassword({ email, password }))
  assert.deepEqual(claims(one.session).amr.map((way) => way.method), ['password'])
  refused(await connect().auth.signInWithPassword({ email, password: 'wrong password' }), 400, 'invalid_credentials')
  refused(await connect().auth.signInWithPassword({ email: address(), password }), 400, 'invalid_credentials')
  const weak = await connect().auth.signUp({ email: address(), password: 'short' })
  assert.deepEqual([weak.error.name, weak.error.reasons], ['AuthWeakPasswordError', ['length']])
  refused(await client.auth.updateUser({ password }), 422, 'same_password')
  const other = connect()
  must(await other.auth.signInWithPassword({ email, password }))
  must(await client.auth.updateUser({ password: 'a better password' }))
  refused(await other.auth.refreshSession(), 400, 'refresh_token_not_found')
  must(await client.auth.refreshSession())
  refused(await connect().auth.signInWithPassword({ email, password }), 400, 'invalid_credentials')
  must(await connect().auth.signInWithPassword({ email, password: 'a better password' }))
})

test('refreshing: the same successor for an honest client, the end for a thief', async () => {
  const { client } = await signedUp()
  const refresh = async (token) => {
    const answer = await fetch(`${url}/auth/v1/token?grant_type=refresh_token`, { method: 'POST', headers: { apikey: anon, 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: token }) })
    return { status: answer.status, body: await answer.json() }
  }
  const first = (await client.auth.getSession()).data.session.refresh_token
  const parallel = await Promise.all([1, 2, 3, 4].map(() => refresh(first)))
  assert.deepEqual(parallel.map((answer) => answer.status), [200, 200, 200, 200])
  const successors = new Set(parallel.map((answer) => answer.body.refresh_token))
  assert.equal(successors.size, 1)
  const [second] = successors
  assert.notEqual(second, first)
  const third = (await refresh(second)).body.refresh_token
  const stolen = await refresh(first)
  assert.deepEqual([stolen.status, stolen.body.error_code], [400, 'refresh_token_already_used'])
  assert.equal((await refresh(third)).body.error_code, 'refresh_token_not_found')
  assert.equal((await refresh('rubbish')).body.error_code, 'refresh_token_not_found')
})

test('links: implicit and PKCE, each once, and only to allowed places', async () => {
  const email = address()
  const client = connect()
  must(await client.auth.signUp({ email, password, options: { emailRedirectTo: landing } }))
  const { link } = await letter(email)
  const landed = await follow(link)
  assert.equal(landed.to.origin + landed.to.pathname, landing)
  assert.deepEqual([landed.fragment.get('type'), landed.fragment.get('token_type')], ['signup', 'bearer'])
  const session = must(await client.auth.setSession({ access_token: landed.fragment.get('access_token'), refresh_token: landed.fragment.get('refresh_token') }))
  assert.equal(session.user.email, email)
  const twice = await follow(link)
  assert.deepEqual([twice.fragment.get('error'), twice.fragment.get('error_code')], ['access_denied', 'otp_expired'])

  const careful = connect({ flowType: 'pkce' })
  must(await careful.auth.signInWithOtp({ email, options: { emailRedirectTo: `${landing}?from=mail` } }))
  const magic = (await letter(email)).link
  assert.match(magic, /token=pkce_/)
  const coded = await follow(magic)
  assert.deepEqual([coded.query.get('from'), coded.to.hash], ['mail', ''])
  refused(await connect({ flowType: 'pkce' }).auth.exchangeCodeForSession(coded.query.get('code')), 400, 'pkce_code_verifier_not_found')
  const exchanged = must(await careful.auth.exchangeCodeForSession(coded.query.get('code')))
  assert.equal(exchanged.user.email, email)
  assert.deepEqual(claims(exchanged.session).amr.map((way) => way.method), ['magiclink'])
  const gone = await fetch(`${url}/auth/v1/token?grant_type=pkce`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ auth_code: coded.query.get('code'), code_verifier: 'x'.repeat(43) }) })
  assert.equal((await gone.json()).error_code, 'flow_state_not_found')

  must(await connect().auth.signInWithOtp({ email, options: { emailRedirectTo: 'https://evil.example/steal' } }))
  const safe = await follow((await letter(email)).link)
  assert.equal(safe.to.origin, url)
})

test('codes and recovery', async () => {
  const { email } = await signedUp()
  const client = connect()
  must(await client.auth.signInWithOtp({ email }))
  const first = (await letter(email)).code
  must(await client.auth.signInWithOtp({ email }))
  const second = (await letter(email)).code
  if (first !== second) refused(await client.auth.verifyOtp({ email, token: first, type: 'email' }), 403, 'otp_expired')
  assert.equal(must(await client.auth.verifyOtp({ email, token: second, type: 'email' })).user.email, email)
  must(await client.auth.resetPasswordForEmail(email, { redirectTo: landing }))
  const { link, subject } = await letter(email)
  assert.equal(subject, 'Reset your password')
  const hash = new URL(link).searchParams.get('token')
  must(await client.auth.verifyOtp({ token_hash: hash, type: 'recovery' }))
  must(await client.auth.updateUser({ password: 'after recovery' }))
  must(await connect().auth.signInWithPassword({ email, password: 'after recovery' }))
  const fresh = address()
  must(await client.auth.signInWithOtp({ email: fresh, options: { data: { from: 'otp' } } }))
  const made = must(await client.auth.verifyOtp({ email: fresh, token: (await letter(fresh)).code, type: 'email' }))
  assert.equal(made.user.user_metadata.from, 'otp')
})

test('what users change of themselves', async () => {
  const { client, email } = await signedUp({ data: { name: 'Grace', title: 'Dr' } })
  const { user } = must(await client.auth.updateUser({ data: { name: 'Grace H.', title: null, list: [1, { deep: 2.5 }] } }))
  assert.deepEqual([user.user_metadata.name, 'title' in user.user_metadata, user.user_metadata.list], ['Grace H.', false, [1, { deep: 2.5 }]])
  const next = address()
  assert.equal(must(await client.auth.updateUser({ email: next })).user.new_email, next)
  const old = await letter(email)
  const half = await follow(old.link)
  assert.match(half.fragment.get('message'), /Confirmation link accepted/)
  assert.equal(must(await client.auth.getUser()).user.email, email)
  must(await client.auth.verifyOtp({ email: next, token: (await letter(next)).code, type: 'email_change' }))
  const changed = must(await client.auth.getUser()).user
  assert.deepEqual([changed.email, changed.new_email, changed.identities[0].identity_data.email], [next, undefined, next])
  must(await client.auth.reauthenticate())
  const { code } = await letter(next)
  refused(await client.auth.updateUser({ password: 'with a nonce', nonce: code === '000000' ? '111111' : '000000' }), 422, 'reauthentication_not_valid')
  must(await client.auth.updateUser({ password: 'with a nonce', nonce: code }))
  const elsewhere = connect()
  must(await elsewhere.auth.signInWithPassword({ email: next, password: 'with a nonce' }))
  const { access_token } = (await elsewhere.auth.getSession()).data.session
  const rest = () => fetch(`${url}/rest/v1/notes`, { headers: { apikey: anon, authorization: `Bearer ${access_token}` } })
  assert.equal((await rest()).status, 200)
  must(await client.auth.signOut({ scope: 'others' }))
  assert.equal((await rest()).status, 401)
  sessionMissing(await elsewhere.auth.getUser())
  must(await client.auth.getUser())
  must(await client.auth.signOut())
  assert.equal((await client.auth.getSession()).data.session, null)
})

test('anonymous users, and what becomes of them', async () => {
  const client = connect()
  const { user, session } = must(await client.auth.signInAnonymously({ options: { data: { cart: 'x' } } }))
  assert.deepEqual([user.is_anonymous, claims(session).is_anonymous, user.email, user.user_metadata.cart], [true, true, '', 'x'])
  refused(await client.auth.updateUser({ password }), 422, 'validation_failed')
  const email = address()
  must(await client.auth.updateUser({ email }))
  const kept = must(await client.auth.verifyOtp({ email, token: (await letter(email)).code, type: 'email_change' }))
  assert.deepEqual([kept.user.id, kept.user.is_anonymous, kept.user.email, kept.user.identities.length], [user.id, false, email, 1])
  must(await client.auth.updateUser({ password }))
  assert.equal(must(await connect().auth.signInWithPassword({ email, password })).user.id, user.id)
})

test('administrators', async () => {
  const email = address()
  const { user } = must(await admin.createUser({ email, password, email_confirm: true, user_metadata: { name: 'Ida' }, app_metadata: { plan: 'gold' } }))
  assert.deepEqual([user.app_metadata.plan, user.app_metadata.provider, user.user_metadata.name], ['gold', 'email', 'Ida'])
  refused(await admin.createUser({ email, password }), 422, 'email_exists')
  const client = connect()
  must(await client.auth.signInWithPassword({ email, password }))
  assert.equal(must(await admin.getUserById(user.id)).user.email, email)
  const page = must(await admin.listUsers({ page: 1, perPage: 2 }))
  assert.deepEqual([page.users.length, page.nextPage, page.total > 2], [2, 2, true])
  assert.equal(page.users[0].id, user.id)
  must(await admin.updateUserById(user.id, { ban_duration: '1h' }))
  refused(await connect().auth.signInWithPassword({ email, password }), 403, 'user_banned')
  refused(await client.auth.refreshSession(), 403, 'user_banned')
  must(await admin.updateUserById(user.id, { ban_duration: 'none', role: 'authenticated', app_metadata: { plan: null } }))
  const again = must(await connect().auth.signInWithPassword({ email, password }))
  assert.equal('plan' in again.user.app_metadata, false)

  const guest = address()
  const invited = must(await admin.inviteUserByEmail(guest, { data: { team: 'red' }, redirectTo: landing })).user
  assert.ok(invited.invited_at)
  const landed = await follow((await letter(guest)).link)
  assert.equal(landed.fragment.get('type'), 'invite')
  const link = must(await admin.generateLink({ type: 'magiclink', email: guest, options: { redirectTo: landing } }))
  assert.deepEqual([link.user.id, link.properties.redirect_to, link.properties.verification_type], [invited.id, landing, 'magiclink'])
  must(await connect().auth.verifyOtp({ email: guest, token: link.properties.email_otp, type: 'magiclink' }))
  const signup = must(await admin.generateLink({ type: 'signup', email: address(), password }))
  must(await connect().auth.verifyOtp({ token_hash: signup.properties.hashed_token, type: 'signup' }))

  refused(await client.auth.admin.listUsers(), 403, 'not_admin')
  refused(await createClient(url, anon, { realtime }).auth.admin.listUsers(), 403, 'not_admin')
  must(await admin.deleteUser(user.id))
  refused(await admin.getUserById(user.id), 404, 'user_not_found')
  sessionMissing(await client.auth.getUser())
})

test('forms of refusal, keys, settings', async () => {
  const ask = (version) => fetch(`${url}/auth/v1/user`, { headers: version ? { 'x-supabase-api-version': version } : {} })
  const older = await ask()
  assert.deepEqual([older.status, (await older.json())], [401, { code: 401, error_code: 'no_authorization', msg: 'This endpoint requires a valid Bearer token' }])
  const newer = await ask('2024-01-01')
  assert.equal(newer.headers.get('x-supabase-api-version'), '2024-01-01')
  assert.deepEqual(await newer.json(), { code: 'no_authorization', message: 'This endpoint requires a valid Bearer token' })
  const forged = await fetch(`${url}/auth/v1/user`, { headers: { authorization: `Bearer ${anon.slice(0, -2)}xx` } })
  assert.deepEqual([forged.status, (await forged.json()).error_code], [403, 'bad_jwt'])
  const broken = await fetch(`${url}/auth/v1/signup`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"password": "hunter2' })
  const text = await broken.text()
  assert.equal(JSON.parse(text).error_code, 'bad_json')
  assert.doesNotMatch(text, /hunter2/)
  const { keys } = await (await fetch(`${url}/auth/v1/.well-known/jwks.json`)).json()
  assert.ok(keys.length > 0 && keys.every((key) => key.kty === 'EC' && key.alg === 'ES256' && !('d' in key)))
  const settings = await (await fetch(`${url}/auth/v1/settings`)).json()
  assert.deepEqual([settings.external.email, settings.external.anonymous_users, settings.mailer_autoconfirm, settings.disable_signup], [true, true, false, false])
  assert.equal((await fetch(`${url}/auth/v1/health`)).status, 200)
})
