//! The tokens that go out: access tokens by RFC 9068, ID tokens by OpenID Connect Core.

use super::Oauth;
use super::grant::Grant;
use super::scope::Scope;
use super::users::User;
use crate::jose::{Expected, TokenType, encode};
use crate::uuid::Uuid;
use aws_lc_rs::digest::{SHA256, digest};
use mainstay_base::Result;
use serde_json::{Map, Value, json};
use std::sync::PoisonError;

const ID_SECONDS: i64 = 600;

/// An answer of the token endpoint.
#[derive(Clone, Debug, Default)]
pub struct Issued {
    pub access_token: String,
    pub expires_in: i64,
    pub scope: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    /// RFC 8693: what kind of token an exchange gave.
    pub issued_token_type: Option<&'static str>,
}

impl Issued {
    /// The members of the answer.
    pub fn to_json(&self) -> Value {
        let mut answer = json!({
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        });
        let more = [
            ("refresh_token", self.refresh_token.as_deref()),
            ("id_token", self.id_token.as_deref()),
            ("issued_token_type", self.issued_token_type),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                answer[name] = Value::from(value);
            }
        }
        answer
    }
}

/// What an access token is made of.
pub(super) struct Access<'a> {
    pub subject: &'a str,
    pub client_id: &'a str,
    pub role: &'a str,
    pub audience: &'a str,
    pub scope: &'a Scope,
    /// What ends when it is revoked, and the token with it; without one the token stands alone.
    pub session: Option<&'a str>,
    /// The grant and the user that it is by.
    pub grant: Option<(&'a Grant, &'a User)>,
    /// Who acts for the subject (RFC 8693).
    pub actor: Option<Value>,
    /// The key that the token is bound to (RFC 7800).
    pub confirmation: Option<&'a Value>,
    /// It ends no later than this, seconds since 1970.
    pub until: Option<i64>,
}

impl Oauth {
    /// An access token and the seconds that it lives.
    pub(super) fn access_token(&self, access: &Access<'_>) -> Result<(String, i64)> {
        let now = self.now();
        let seconds = self.settings.access_seconds().min(access.until.map_or(i64::MAX, |until| until - now));
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", self.settings.issuer.as_str().into());
        put("sub", access.subject.into());
        put("aud", access.audience.into());
        put("exp", (now + seconds).into());
        put("iat", now.into());
        let jti = Uuid::random(&self.env).to_string();
        put("session_id", access.session.unwrap_or(&jti).into());
        put("jti", jti.into());
        put("client_id", access.client_id.into());
        put("scope", access.scope.to_string().into());
        put("role", access.role.into());
        if let Some((grant, user)) = access.grant {
            put("auth_time", grant.auth_time.into());
            put("amr", json!(grant.amr));
            put("is_anonymous", user.is_anonymous.into());
            put("app_metadata", Value::Object(user.app_metadata.clone()));
            if access.scope.has("email") {
                put("email", user.email.as_deref().into());
            }
            if access.scope.has("phone") {
                put("phone", user.phone.as_deref().into());
            }
            if access.scope.has("profile") {
                put("user_metadata", Value::Object(user.user_metadata.clone()));
            }
        }
        if let Some(actor) = &access.actor {
            put("act", actor.clone());
        }
        if let Some(confirmation) = access.confirmation {
            put("cnf", confirmation.clone());
        }
        Ok((self.keys.sign(&claims, TokenType::OAuthAccess)?, seconds))
    }

    /// The claims of an access token of this server that holds and is not revoked.
    pub(super) fn access_claims(&self, token: &str, of: TokenType) -> Result<Map<String, Value>> {
        let issuer = match of {
            TokenType::OAuthAccess => Some(self.settings.issuer.as_str()),
            _ => None,
        };
        let expected = Expected { issuer, audiences: &[], expiry: true };
        let claims = self.verifier.own_claims(token, of, &expected)?;
        // The verifier goes by sessions; a token that was exchanged can end before the session that it is of.
        let jti = claims.get("jti").and_then(Value::as_str);
        if jti
            .is_some_and(|jti| self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(jti))
        {
            return Err(super::problems::invalid_token("the access token was revoked"));
        }
        Ok(claims)
    }

    /// An ID token: who signed in, for this client alone.
    pub(super) fn id_token(
        &self,
        grant: &Grant,
        user: &User,
        nonce: Option<&str>,
        access_token: &str,
    ) -> Result<String> {
        let now = self.now();
        let mut claims = Map::new();
        claims.insert("iss".into(), self.settings.issuer.as_str().into());
        claims.insert("sub".into(), user.id.as_str().into());
        claims.insert("aud".into(), grant.client_id.as_str().into());
        claims.insert("azp".into(), grant.client_id.as_str().into());
        claims.insert("exp".into(), (now + ID_SECONDS).into());
        claims.insert("iat".into(), now.into());
        claims.insert("auth_time".into(), grant.auth_time.into());
        claims.insert("amr".into(), json!(grant.amr));
        if let Some(nonce) = nonce {
            claims.insert("nonce".into(), nonce.into());
        }
        claims.insert("at_hash".into(), half_hash(access_token).into());
        claims.extend(user_claims(user, &grant.scope));
        self.id_keys.sign(&claims)
    }
}

/// OpenID Connect Core section 3.1.3.6, for ES256.
fn half_hash(token: &str) -> String {
    let digest = digest(&SHA256, token.as_bytes());
    encode(digest.as_ref().split_at(16).0)
}

/// The claims that scopes ask for (OpenID Connect Core section 5.4).
pub(super) fn user_claims(user: &User, scope: &Scope) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.has("email")
        && let Some(email) = &user.email
    {
        claims.insert("email".into(), email.as_str().into());
        claims.insert("email_verified".into(), user.email_verified.into());
    }
    if scope.has("phone")
        && let Some(phone) = &user.phone
    {
        claims.insert("phone_number".into(), phone.as_str().into());
        claims.insert("phone_number_verified".into(), user.phone_verified.into());
    }
    if scope.has("profile") {
        const TEXTS: [(&str, &str); 13] = [
            ("name", "name"),
            ("name", "full_name"),
            ("given_name", "given_name"),
            ("family_name", "family_name"),
            ("middle_name", "middle_name"),
            ("nickname", "nickname"),
            ("preferred_username", "preferred_username"),
            ("picture", "picture"),
            ("picture", "avatar_url"),
            ("website", "website"),
            ("birthdate", "birthdate"),
            ("zoneinfo", "zoneinfo"),
            ("locale", "locale"),
        ];
        for (claim, key) in TEXTS {
            if let Some(Value::String(text)) = user.user_metadata.get(key)
                && !claims.contains_key(claim)
            {
                claims.insert(claim.into(), text.as_str().into());
            }
        }
        if let Some(at) = user.updated_at {
            claims.insert("updated_at".into(), at.into());
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_opens_its_claims_alone() {
        let user = User {
            email: Some("a@example.com".into()),
            user_metadata: json!({"full_name": "Ann", "admin": true})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            ..User::default()
        };
        let claims = |scope: &str| Value::Object(user_claims(&user, &Scope::parse(scope).expect("a scope")));
        assert_eq!(claims("openid"), json!({}));
        assert_eq!(claims("openid email"), json!({"email": "a@example.com", "email_verified": false}));
        assert_eq!(claims("openid profile"), json!({"name": "Ann"}));
    }
}
