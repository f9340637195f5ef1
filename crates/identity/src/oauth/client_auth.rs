//! Who the client of a request is, and the proof of it (RFC 6749 section 2.3, RFC 7523).

use super::Oauth;
use super::client::{AuthMethod, Client};
use super::db::{Param, Statement};
use super::problems::{invalid_client, invalid_request};
use super::secrets;
use crate::jose::{Expected, JwkSet, Token};
use crate::secret::equal;
use mainstay_base::{Problem, Result};
use serde_json::{Map, Value};

/// What a request brought along to prove which client sent it.
#[derive(Clone, Default)]
pub struct ClientProof {
    /// Name and secret of `Authorization: Basic`, form-decoded.
    pub basic: Option<(String, String)>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub assertion_type: Option<String>,
    pub assertion: Option<String>,
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far in the future an assertion may expire: its number is remembered so long.
const ASSERTION_SECONDS_MAX: i64 = 3_600;

enum Shown {
    Nothing,
    Secret(String),
    Assertion(String),
}

impl Oauth {
    /// The client, once it has proved itself in the way that it is registered with. One answer for all that can be
    /// wrong, so that nobody learns which clients there are.
    pub async fn authenticate_client(&self, proof: ClientProof) -> Result<Client> {
        let (id, shown) = self.shown(proof)?;
        let client = self.client(&id).await?;
        let nobody = || invalid_client("the client is unknown or its proof is wrong");
        let Some(client) = client else { return Err(nobody()) };
        match shown {
            Shown::Nothing if client.is_public() => Ok(client),
            // In the header or in the form: a client that has a secret need not be told which.
            Shown::Secret(secret) if client.method.has_secret() => {
                let given = secrets::hash(&secret);
                match client.secret_hash {
                    Some(kept) if equal(&kept, &given) => Ok(client),
                    _ => Err(nobody()),
                }
            }
            Shown::Assertion(assertion) if client.method == AuthMethod::PrivateKeyJwt => {
                self.check_assertion(&client, &assertion).await?;
                Ok(client)
            }
            _ => Err(nobody()),
        }
    }

    fn shown(&self, proof: ClientProof) -> Result<(String, Shown)> {
        let ways = [proof.basic.is_some(), proof.client_secret.is_some(), proof.assertion.is_some()];
        if ways.into_iter().filter(|shown| *shown).count() > 1 {
            return Err(invalid_request("the client proves itself in more than one way"));
        }
        if let Some((id, secret)) = proof.basic {
            if proof.client_id.is_some_and(|other| other != id) {
                return Err(invalid_request("`client_id` differs from the one of the Authorization header"));
            }
            return Ok((id, Shown::Secret(secret)));
        }
        if let Some(assertion) = proof.assertion {
            if proof.assertion_type.as_deref() != Some(ASSERTION) {
                return Err(invalid_request("`client_assertion_type` is not the one of JWTs"));
            }
            let id = match proof.client_id {
                Some(id) => id,
                None => unverified_issuer(&assertion)
                    .ok_or_else(|| invalid_client("the client assertion is no JWT with an issuer"))?,
            };
            return Ok((id, Shown::Assertion(assertion)));
        }
        let Some(id) = proof.client_id else {
            return Err(invalid_client("the request does not say which client sends it"));
        };
        let shown = match proof.client_secret {
            Some(secret) => Shown::Secret(secret),
            None => Shown::Nothing,
        };
        Ok((id, shown))
    }

    /// RFC 7523 section 3: issued by the client, about the client, for this server, and used once.
    async fn check_assertion(&self, client: &Client, assertion: &str) -> Result<()> {
        let wrong = |why: &str| invalid_client(format!("the client assertion {why}"));
        let now = self.now();
        let claims = signed(client, assertion)
            .and_then(|claims| {
                let expected = Expected { issuer: Some(&client.id), audiences: &[], expiry: true };
                expected.check(&claims, now).map(|()| claims)
            })
            .map_err(|problem| wrong(&format!("is refused: {}", problem.message())))?;
        if claims.get("sub").and_then(Value::as_str) != Some(client.id.as_str()) {
            return Err(wrong("is not about this client"));
        }
        // One audience, the issuer: an assertion that is good for several servers can be carried from one to another.
        if claims.get("aud").and_then(single) != Some(self.settings.issuer.as_str()) {
            return Err(wrong("is not for this issuer alone"));
        }
        let expires = claims.get("exp").and_then(Value::as_i64);
        let Some(expires) = expires.filter(|at| *at > now && *at <= now + ASSERTION_SECONDS_MAX) else {
            return Err(wrong("does not expire within an hour"));
        };
        let Some(jti) = claims.get("jti").and_then(Value::as_str).filter(|jti| jti.len() <= 200) else {
            return Err(wrong("has no `jti`"));
        };
        self.use_once(&format!("assertion {} {jti}", client.id), expires)
            .await
            .map_err(|problem| if problem.code() == "23505" { wrong("was used before") } else { problem })
    }

    /// Remembers that something is used up; 23505 when it was before.
    async fn use_once(&self, name: &str, expires: i64) -> Result<(), Problem> {
        let params = vec![name.into(), Param::Time(Some(expires))];
        self.db.write(vec![Statement::new(super::revoke::USED_UP, params)]).await.map(drop)
    }
}

/// The text of a claim that is one text, or a list of one.
pub(super) fn single(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Who says to have signed a token: only to find the keys that can tell.
fn unverified_issuer(token: &str) -> Option<String> {
    Token::parse(token).ok()?.claimed_issuer().ok()?
}

/// The claims of what a key of the client signed. The key has one algorithm; the header only says which key.
fn signed(client: &Client, assertion: &str) -> Result<Map<String, Value>> {
    let jwks = client.jwks.as_ref().map(Value::to_string).unwrap_or_default();
    let token = Token::parse(assertion)?;
    let kid = token.header.kid.as_deref();
    let fits = JwkSet::parse(jwks.as_bytes())?.verifying().into_iter().any(|key| {
        key.algorithm.name() == token.header.alg
            && (kid.is_none() || key.kid.as_deref() == kid)
            && key.holds(token.signed, &token.signature)
    });
    match fits {
        true => token.claims(),
        false => Err(Problem::new("PGRST301", "no key of the client has signed it")),
    }
}
