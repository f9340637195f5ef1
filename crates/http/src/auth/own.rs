//! What signed-in people ask about themselves.

use super::AuthFace;
use super::input::Input;
use super::reply::{empty, ok};
use crate::edge::Response;
use mainstay_base::{Problem, Result};
use mainstay_identity::flows::update::UserUpdate;
use mainstay_identity::{Bearer, Scope, user_json};
use serde_json::json;

fn bearer(face: &AuthFace, input: &Input) -> Result<Bearer> {
    Bearer::of(&face.claims(input)?.claims_json)
}

pub(super) async fn get(face: &AuthFace, input: Input) -> Result<Response> {
    let user = face.identity().user_of(bearer(face, &input)?).await?;
    ok(&user_json(&user))
}

pub(super) async fn update(face: &AuthFace, input: Input) -> Result<Response> {
    let bearer = bearer(face, &input)?;
    let update: UserUpdate = input.body()?;
    let user = face.identity().update_user(bearer, update, &input.landing(face), &input.caller).await?;
    ok(&user_json(&user))
}

pub(super) async fn unlink(face: &AuthFace, input: &Input, identity: &str) -> Result<Response> {
    face.identity().unlink_identity(bearer(face, input)?, identity, &input.caller).await?;
    ok(&json!({}))
}

pub(super) async fn reauthenticate(face: &AuthFace, input: Input) -> Result<Response> {
    face.identity().reauthenticate(bearer(face, &input)?, &input.caller).await?;
    ok(&json!({}))
}

pub(super) async fn logout(face: &AuthFace, input: Input) -> Result<Response> {
    let bearer = bearer(face, &input)?;
    let scope = input.query("scope").unwrap_or_default();
    let scope = Scope::named(scope).ok_or_else(|| {
        Problem::new("validation_failed", format!("Unsupported logout scope {scope:?}")).with_status(400)
    })?;
    face.identity().sign_out(bearer, scope, &input.caller).await?;
    empty()
}
