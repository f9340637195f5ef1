// `openid-client`, which is certified and refuses what is not as the specifications say, as a relying party. The pages
// are gone through by HTTP with the fields of their forms, as a browser would send them.
import test, { before } from "node:test";
import assert from "node:assert/strict";
import * as openid from "openid-client";

const url = process.env.MAINSTAY_URL;
const service = process.env.MAINSTAY_SERVICE_KEY;
const insecure = { execute: [openid.allowInsecureRequests] };
const callback = "https://app.example/callback";
const email = "ann@example.com", password = "correct horse";

async function register(metadata) {
  const answer = await fetch(url + "/admin/v1/clients", {
    method: "POST",
    headers: { authorization: "Bearer " + service, "content-type": "application/json" },
    body: JSON.stringify({ client_name: "App", redirect_uris: [callback], ...metadata }),
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

/** A browser without a window: cookies, forms, no script. */
class Browser {
  cookies = new Map();
  async send(address, form) {
    const answer = await fetch(address, {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: {
        cookie: [...this.cookies].map((pair) => pair.join("=")).join("; "),
        ...(form && { "content-type": "application/x-www-form-urlencoded" }),
      },
      body: form && new URLSearchParams(form).toString(),
    });
    for (const line of answer.headers.getSetCookie()) {
      assert.match(line, /^__Host-[^;]+; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/);
      const [name, value] = line.split(";")[0].split("=");
      if (value) this.cookies.set(name, value); else this.cookies.delete(name);
    }
    this.status = answer.status;
    this.headers = answer.headers;
    this.text = await answer.text();
    this.address = address;
    if (answer.status === 200) {
      assert.match(answer.headers.get("content-security-policy"), /frame-ancestors 'none'/);
      assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
    const to = answer.headers.get("location");
    if (!to) return null;
    // After a form with a password, nothing but 303 keeps the password from being sent on.
    assert.equal(answer.status, 303);
    return new URL(to, address).href;
  }
  /** Follows redirects of the server until a page, or an address that is not the server's. */
  async open(address, form) {
    let to = await this.send(address, form);
    while (to?.startsWith(url + "/")) to = await this.send(to);
    return to;
  }
  form(fields) {
    const decode = (text) => text.replaceAll("&amp;", "&").replaceAll("&quot;", '"');
    const action = decode(/<form method="post" action="([^"]*)"/.exec(this.text)[1]);
    const token = decode(/name="form_token" value="([^"]*)"/.exec(this.text)[1]);
    return this.open(new URL(action, this.address).href, { form_token: token, ...fields });
  }
  signIn = () => this.form({ email, password });
}

const parts = async () => {
  const verifier = openid.randomPKCECodeVerifier();
  return { verifier, challenge: await openid.calculatePKCECodeChallenge(verifier), state: openid.randomState(), nonce: openid.randomNonce() };
};

async function codeFlow(config, browser, more = {}, push = false) {
  const { verifier, challenge, state, nonce } = await parts();
  const asked = { redirect_uri: callback, scope: "openid email profile offline_access", code_challenge: challenge,
    code_challenge_method: "S256", state, nonce, ...more };
  const address = push ? await openid.buildAuthorizationUrlWithPAR(config, asked) : openid.buildAuthorizationUrl(config, asked);
  let to = await browser.open(address.href);
  if (!to && browser.text.includes('name="password"')) to = await browser.signIn();
  if (!to) {
    assert.match(browser.text, /Let App in\?/);
    to = await browser.form({ decision: "allow" });
  }
  return openid.authorizationCodeGrant(config, new URL(to), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
}

const discover = (client, authentication) =>
  openid.discovery(new URL(url), client.client_id, client.client_secret, authentication, insecure);

let confidential, config;
before(async () => {
  confidential = await register({});
  config = await discover(confidential);
});

test("the code flow, with every check that the client has", async () => {
  const browser = new Browser();
  const tokens = await codeFlow(config, browser);
  const claims = tokens.claims();
  assert.deepEqual([claims.email, claims.iss], [email, url]);
  const user = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(user.email, email);
  // The token opens this application's own API, as the user.
  const mine = await fetch(url + "/rest/v1/rpc/whoami", { headers: { authorization: "Bearer " + tokens.access_token } });
  assert.deepEqual(await mine.json(), { role: "authenticated", sub: claims.sub, client: confidential.client_id });
  // It does not open the user's own account, where the password could be changed.
  const account = await fetch(url + "/auth/v1/user", { headers: { authorization: "Bearer " + tokens.access_token } });
  assert.ok([401, 403].includes(account.status), String(account.status));
  // What was allowed is remembered: the second time there is no page at all.
  const before = browser.cookies.size;
  const { state, challenge } = await parts();
  const again = openid.buildAuthorizationUrl(config, { redirect_uri: callback, scope: "openid email", state,
    code_challenge: challenge, code_challenge_method: "S256", prompt: "none" });
  assert.ok((await browser.open(again.href)).startsWith(callback + "?code="));
  assert.equal(browser.cookies.size, before);
});

test("pushed requests", async () => {
  const tokens = await codeFlow(config, new Browser(), {}, true);
  assert.equal(tokens.claims().email, email);
});

test("refreshing, introspection, revocation", async () => {
  const tokens = await codeFlow(config, new Browser());
  const fresh = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(fresh.claims().sub, tokens.claims().sub);
  assert.equal((await openid.tokenIntrospection(config, fresh.access_token)).active, true);
  await openid.tokenRevocation(config, fresh.refresh_token);
  assert.equal((await openid.tokenIntrospection(config, fresh.access_token)).active, false);
  await assert.rejects(openid.refreshTokenGrant(config, fresh.refresh_token), { error: "invalid_grant" });
  const gone = await fetch(url + "/rest/v1/rpc/whoami", { headers: { authorization: "Bearer " + fresh.access_token } });
  assert.equal(gone.status, 401);
});

test("a public client rotates its refresh tokens", async () => {
  const client = await register({ token_endpoint_auth_method: "none" });
  const own = await discover(client, openid.None());
  const first = await codeFlow(own, new Browser());
  const second = await openid.refreshTokenGrant(own, first.refresh_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  const third = await openid.refreshTokenGrant(own, second.refresh_token);
  await assert.rejects(openid.refreshTokenGrant(own, first.refresh_token), { error: "invalid_grant" });
  await assert.rejects(openid.refreshTokenGrant(own, third.refresh_token), { error: "invalid_grant" });
});

test("every way in which a client proves itself", async () => {
  const basic = await discover(confidential, openid.ClientSecretBasic(confidential.client_secret));
  assert.ok((await codeFlow(basic, new Browser())).id_token);
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "one", use: "sig" };
  delete jwk.key_ops;
  const client = await register({ token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] },
    grant_types: ["client_credentials"], scope: "stock" });
  const own = await discover(client, openid.PrivateKeyJwt({ key: privateKey, kid: "one" }));
  assert.equal((await openid.clientCredentialsGrant(own, { scope: "stock" })).scope, "stock");
});

test("client credentials and resource indicators", async () => {
  const client = await register({ grant_types: ["client_credentials"], redirect_uris: [], scope: "stock",
    resources: ["https://stock.example/"] });
  const own = await discover(client);
  const tokens = await openid.clientCredentialsGrant(own, { scope: "stock" });
  const who = await fetch(url + "/rest/v1/rpc/whoami", { headers: { authorization: "Bearer " + tokens.access_token } });
  assert.deepEqual(await who.json(), { role: "authenticated", sub: client.client_id, client: client.client_id });
  const other = await openid.clientCredentialsGrant(own, { resource: "https://stock.example/" });
  const refused = await fetch(url + "/rest/v1/rpc/whoami", { headers: { authorization: "Bearer " + other.access_token } });
  assert.equal(refused.status, 401);
});

test("the device flow", async () => {
  const client = await register({ token_endpoint_auth_method: "none", redirect_uris: [],
    grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"] });
  const own = await discover(client, openid.None());
  const begun = await openid.initiateDeviceAuthorization(own, { scope: "openid email" });
  const browser = new Browser();
  await browser.open(begun.verification_uri_complete);
  await browser.signIn();
  assert.ok(browser.text.includes(begun.user_code));
  await browser.form({ decision: "allow" });
  assert.match(browser.text, /Your device is signed in/);
  const tokens = await openid.pollDeviceAuthorizationGrant(own, { ...begun, interval: 1 });
  assert.equal(tokens.claims().email, email);
});

test("logout", async () => {
  const client = await register({ post_logout_redirect_uris: ["https://app.example/bye"] });
  const own = await discover(client);
  const browser = new Browser();
  const tokens = await codeFlow(own, browser);
  assert.ok(browser.cookies.has("__Host-mainstay-session"));
  const out = openid.buildEndSessionUrl(own, { id_token_hint: tokens.id_token, post_logout_redirect_uri: "https://app.example/bye", state: "s" });
  assert.equal(await browser.open(out.href), "https://app.example/bye?state=s");
  assert.ok(!browser.cookies.has("__Host-mainstay-session"));
});

test("what a user allowed is withdrawn on the user's page", async () => {
  const browser = new Browser();
  const tokens = await codeFlow(config, browser);
  await browser.open(url + "/oauth/account");
  assert.match(browser.text, /Withdraw/);
  const ids = /name="client_id" value="([^"]*)"/.exec(browser.text)[1];
  await browser.form({ client_id: ids });
  assert.equal(browser.status, 200);
  for (const id of new Set([ids, confidential.client_id])) if (id !== ids) await browser.form({ client_id: id });
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: "invalid_grant" });
});

test("a form is worth nothing without its browser", async () => {
  const { challenge, state } = await parts();
  const address = openid.buildAuthorizationUrl(config, { redirect_uri: callback, scope: "openid", state,
    code_challenge: challenge, code_challenge_method: "S256" }).href;
  const mine = new Browser(), other = new Browser();
  await mine.open(address);
  await other.open(address);
  other.text = mine.text;
  await other.signIn();
  assert.equal(other.status, 403);
  assert.ok(!other.cookies.has("__Host-mainstay-session"));
  // A wrong password and an unknown user get the same page.
  await mine.form({ email, password: "wrong" });
  const wrong = [mine.status, mine.text.replaceAll(/value="[^"]*"/g, "")];
  await mine.form({ email: "nobody@example.com", password: "wrong" });
  assert.deepEqual([mine.status, mine.text.replaceAll(/value="[^"]*"/g, "")], wrong);
  assert.equal(mine.status, 401);
});

test("a machine's key opens the API until it is revoked", async () => {
  const admin = (path, options = {}) => fetch(url + "/admin/v1/api-keys" + path, { ...options, headers: { authorization: "Bearer " + service } });
  const made = await (await admin("", { method: "POST", body: JSON.stringify({ name: "nightly", role: "service_role", claims: { sub: "11111111-2222-4333-8444-555555555555" } }) })).json();
  const who = (headers) => fetch(url + "/rest/v1/rpc/whoami", { headers });
  for (const headers of [{ apikey: made.key }, { authorization: "Bearer " + made.key }]) {
    assert.equal((await (await who(headers)).json()).role, "service_role");
  }
  const [listed] = await (await admin("")).json();
  assert.equal(listed.prefix, made.prefix);
  assert.ok(listed.last_used_at && !("key" in listed));
  assert.equal((await admin("/" + made.id, { method: "DELETE" })).status, 204);
  assert.equal((await who({ apikey: made.key })).status, 401);
  assert.equal((await fetch(url + "/admin/v1/api-keys")).status, 401);
});
