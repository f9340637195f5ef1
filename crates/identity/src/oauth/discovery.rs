//! What this server can do, for clients to read (OpenID Connect Discovery, RFC 8414).

use super::Oauth;
use super::client::{AuthMethod, GRANT_TYPES};
use super::scope;
use mainstay_base::Result;
use serde_json::{Value, json};

/// Algorithms in which clients may sign their assertions: none that needs a shared secret.
const ASSERTION_ALGORITHMS: [&str; 5] = ["ES256", "ES384", "EdDSA", "RS256", "PS256"];

impl Oauth {
    pub fn metadata(&self) -> Value {
        let issuer = &self.settings.issuer;
        let at = |path: &str| format!("{issuer}/oauth/{path}");
        let methods: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.name()).collect();
        let confidential: Vec<&str> = methods.iter().copied().filter(|name| *name != "none").collect();
        let mut metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"),
            "jwks_uri": at("jwks"),
            "pushed_authorization_request_endpoint": at("par"),
            "device_authorization_endpoint": at("device"),
            "revocation_endpoint": at("revoke"),
            "introspection_endpoint": at("introspect"),
            "end_session_endpoint": at("logout"),
            "scopes_supported": scope::KNOWN,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": GRANT_TYPES,
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [super::id_keys::ALGORITHM],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "nonce", "azp", "at_hash", "email",
                "email_verified", "phone_number", "phone_number_verified", "name", "given_name", "family_name",
                "middle_name", "nickname", "preferred_username", "picture", "website", "birthdate", "zoneinfo", "locale",
                "updated_at"
            ],
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "authorization_response_iss_parameter_supported": true,
        });
        if self.settings.registration {
            metadata["registration_endpoint"] = at("register").into();
        }
        metadata
    }

    /// The keys of access tokens and those of ID tokens. Each kind is signed by its own; `/auth/v1` publishes the former
    /// alone, and `/rest/v1` takes no others.
    pub fn jwks(&self) -> Result<Value> {
        let mut keys = self.keys.jwks().keys;
        keys.extend(self.id_keys.public()?);
        Ok(json!({ "keys": keys }))
    }
}
