"""Authlib as a relying party: the code flow with PKCE, refresh, client credentials, introspection, revocation."""

import html
import json
import os
import re
import urllib.parse

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt

URL = os.environ["MAINSTAY_URL"]
SERVICE = os.environ["MAINSTAY_SERVICE_KEY"]
CALLBACK = "https://app.example/callback"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def register(**metadata):
    body = {"client_name": "App", "redirect_uris": [CALLBACK], **metadata}
    answer = requests.post(URL + "/admin/v1/clients", json=body, headers={"authorization": "Bearer " + SERVICE})
    assert answer.status_code == 201, answer.text
    return answer.json()


class Browser:
    """Cookies and forms; `requests` would not send `Secure` cookies to this machine."""

    def __init__(self):
        self.cookies = {}

    def send(self, address, form=None):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = requests.request(
            "POST" if form else "GET", address, data=form, headers={"cookie": cookie}, allow_redirects=False
        )
        for name, value in re.findall(r"(__Host-[\w-]+)=([\w-]*);", answer.headers.get("set-cookie", "")):
            self.cookies[name] = value
        self.address, self.text, self.status = address, answer.text, answer.status_code
        to = answer.headers.get("location")
        return to and urllib.parse.urljoin(address, to)

    def open(self, address, form=None):
        to = self.send(address, form)
        while to and to.startswith(URL + "/"):
            to = self.send(to)
        return to

    def form(self, **fields):
        action = html.unescape(re.search(r'<form method="post" action="([^"]*)"', self.text)[1])
        token = html.unescape(re.search(r'name="form_token" value="([^"]*)"', self.text)[1])
        return self.open(urllib.parse.urljoin(self.address, action), {"form_token": token, **fields})


metadata = requests.get(URL + "/.well-known/oauth-authorization-server").json()
assert metadata["issuer"] == URL

client = register(token_endpoint_auth_method="client_secret_basic")
session = OAuth2Session(
    client["client_id"],
    client["client_secret"],
    scope="openid email offline_access",
    redirect_uri=CALLBACK,
    code_challenge_method="S256",
    token_endpoint=metadata["token_endpoint"],
)
verifier = "a" * 64
address, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n")
browser = Browser()
assert browser.open(address) is None
assert browser.form(email="ann@example.com", password="correct horse") is None, browser.text
to = browser.form(decision="allow")
assert to.startswith(CALLBACK), browser.text
assert urllib.parse.parse_qs(urllib.parse.urlsplit(to).query)["iss"] == [URL]
token = session.fetch_token(metadata["token_endpoint"], authorization_response=to, state=state, code_verifier=verifier)

keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"]).json())
claims = jwt.decode(
    token["id_token"],
    keys,
    claims_options={
        "iss": {"essential": True, "value": URL},
        "aud": {"essential": True, "value": client["client_id"]},
        "nonce": {"essential": True, "value": "n"},
    },
)
claims.validate()
assert claims["email"] == "ann@example.com"
assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
assert session.get(URL + "/rest/v1/rpc/whoami").json()["role"] == "authenticated"

fresh = session.refresh_token(metadata["token_endpoint"])
assert fresh["access_token"] != token["access_token"]
seen = session.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
assert seen["active"] is True and seen["sub"] == claims["sub"], seen
assert session.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"]).status_code == 200
seen = session.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
assert seen == {"active": False}, seen

machine = register(
    token_endpoint_auth_method="client_secret_post", grant_types=["client_credentials"], redirect_uris=[], scope="stock"
)
own = OAuth2Session(
    machine["client_id"], machine["client_secret"], token_endpoint_auth_method="client_secret_post", scope="stock"
)
token = own.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
assert own.get(URL + "/rest/v1/rpc/whoami").json()["sub"] == machine["client_id"]

answer = requests.post(
    metadata["token_endpoint"],
    data={"grant_type": "password", "username": "a", "password": "b"},
    auth=(machine["client_id"], machine["client_secret"]),
)
assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type"), answer.text
print(json.dumps({"ok": True}))
