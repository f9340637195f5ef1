//! Clients and API keys, for operators: the key of `service_role` opens it.

use super::clients::from_json;
use super::{OauthFace, answer, form};
use crate::edge::{Request, Response};
use crate::problem::problem_response;
use crate::rest::token;
use hyper::{Method, StatusCode};
use mainstay_base::{Problem, Result};
use mainstay_identity::oauth::{ApiKey, described};
use serde_json::{Value, json};

const OPERATOR: &str = "service_role";

impl OauthFace {
    pub(super) async fn admin(&self, request: Request) -> Response {
        let actor = match self.authenticate.authenticate(token(&request.head)) {
            Ok(actor) => actor,
            Err(problem) => return problem_response(&problem, false),
        };
        if actor.role != OPERATOR {
            let problem = Problem::new("42501", "permission denied for clients and API keys")
                .with_hint("use the key of `service_role`, which `mainstay keys` prints");
            return problem_response(&problem, !actor.anonymous);
        }
        let path = request.head.uri.path().to_owned();
        let outcome = match path.strip_prefix("/admin/v1/").map(|rest| rest.split('/').collect::<Vec<_>>()) {
            Some(parts) => self.operate(request, &parts).await,
            None => Ok(answer::no_such(&path, &Method::GET)),
        };
        outcome.unwrap_or_else(|problem| answer::problem(&problem))
    }

    async fn operate(&self, request: Request, parts: &[&str]) -> Result<Response> {
        let method = request.head.method.clone();
        match (parts, &method) {
            (["clients"], &Method::GET) => {
                let clients = self.oauth.clients().await?;
                Ok(answer::ok(&clients.iter().map(described).collect()))
            }
            (["clients"], &Method::POST) => {
                let made = self.oauth.create_client(from_json(request).await?).await?;
                Ok(answer::with_json(StatusCode::CREATED, &made))
            }
            (["clients", id], &Method::DELETE) => Ok(gone(self.oauth.delete_client(id).await?)),
            (["clients", id, "secret"], &Method::POST) => {
                Ok(match self.oauth.new_client_secret(id).await? {
                    Some(secret) => answer::ok(&json!({ "client_id": id, "client_secret": secret })),
                    None => gone(false),
                })
            }
            (["api-keys"], &Method::GET) => {
                let keys = self.oauth.list_api_keys().await?;
                Ok(answer::ok(&keys.iter().map(shown).collect()))
            }
            (["api-keys"], &Method::POST) => {
                let (made, key) = self.oauth.create_api_key(from_json(request).await?).await?;
                let mut answer = shown(&made);
                answer["key"] = key.expose().into();
                Ok(answer::with_json(StatusCode::CREATED, &answer))
            }
            (["api-keys", id], &Method::DELETE) => {
                if !is_uuid(id) {
                    return Err(form::wrong("the name of a key is a UUID"));
                }
                Ok(gone(self.oauth.revoke_api_key(id).await?))
            }
            _ => {
                let words = "GET and POST /admin/v1/clients and /admin/v1/api-keys, DELETE with /ID, POST \
                     /admin/v1/clients/ID/secret";
                let error = json!({ "error": "invalid_request", "error_description": words });
                Ok(answer::with_json(StatusCode::NOT_FOUND, &error))
            }
        }
    }
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "claims": key.claims,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    })
}

fn gone(there: bool) -> Response {
    match there {
        true => {
            let mut response = answer::empty();
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        false => {
            let error =
                json!({ "error": "invalid_request", "error_description": "there is none of that name" });
            answer::with_json(StatusCode::NOT_FOUND, &error)
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, character)| match index {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}
