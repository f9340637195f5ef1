//! What anybody may ask.

use super::AuthFace;
use super::input::Input;
use super::reply::{json_answer, ok};
use crate::edge::Response;
use hyper::StatusCode;
use mainstay_base::{Problem, Result};
use mainstay_identity::Secret;
use mainstay_identity::flows::otp::OtpRequest;
use mainstay_identity::flows::pkce::Challenge;
use mainstay_identity::flows::signup::{SignUp, SignedUp};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn health() -> Response {
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": "GoTrue",
        "description": "Mainstay, speaking the API of GoTrue",
    });
    json_answer(StatusCode::OK, &body)
}

pub(super) fn settings(face: &AuthFace) -> Response {
    let settings = face.identity().settings();
    let mut external = json!({});
    for provider in [
        "apple",
        "azure",
        "bitbucket",
        "discord",
        "facebook",
        "figma",
        "fly",
        "github",
        "gitlab",
        "google",
        "kakao",
        "keycloak",
        "linkedin",
        "linkedin_oidc",
        "notion",
        "slack",
        "slack_oidc",
        "snapchat",
        "spotify",
        "twitch",
        "twitter",
        "workos",
        "zoom",
    ] {
        external[provider] = Value::Bool(false);
    }
    external["anonymous_users"] = json!(settings.anonymous_enabled);
    external["email"] = json!(settings.email_enabled);
    external["phone"] = json!(settings.phone_enabled);
    let body = json!({
        "external": external,
        "disable_signup": !settings.signup_enabled,
        "mailer_autoconfirm": !settings.confirm_email,
        "phone_autoconfirm": false,
        "sms_provider": if settings.phone_enabled { "webhook" } else { "" },
        "saml_enabled": false,
        "saml_private_key_next_configured": false,
        "passkeys_enabled": false,
    });
    json_answer(StatusCode::OK, &body)
}

pub(super) fn jwks(face: &AuthFace) -> Response {
    let mut response = json_answer(StatusCode::OK, &(face.parts.jwks)());
    let minutes = hyper::header::HeaderValue::from_static("public, max-age=600");
    response.headers_mut().insert(hyper::header::CACHE_CONTROL, minutes);
    response
}

pub(super) async fn sign_up(face: &AuthFace, input: Input) -> Result<Response> {
    let request: SignUp = input.body()?;
    let named = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if !named(&request.email)
        && !named(&request.phone)
        && request.password.as_ref().is_none_or(Secret::is_empty)
    {
        let data = request.data.unwrap_or_default();
        return ok(&face.identity().sign_in_anonymously(data, &input.caller).await?.json());
    }
    match face.identity().sign_up(request, &input.landing(face), &input.caller).await? {
        SignedUp::Session(tokens) => ok(&tokens.json()),
        SignedUp::Waiting(user) => ok(&user),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Grant {
    email: String,
    phone: String,
    password: Secret,
    refresh_token: Secret,
    auth_code: Secret,
    code_verifier: Secret,
}

pub(super) async fn token(face: &AuthFace, input: Input) -> Result<Response> {
    let grant: Grant = input.body()?;
    let (identity, caller) = (face.identity(), &input.caller);
    let tokens = match input.query("grant_type").unwrap_or_default() {
        "password" => {
            identity.sign_in_with_password(&grant.email, &grant.phone, grant.password, caller).await?
        }
        "refresh_token" => identity.refresh(grant.refresh_token.expose(), caller).await?,
        "pkce" => {
            identity.exchange_code(grant.auth_code.expose(), grant.code_verifier.expose(), caller).await?
        }
        "web3" => {
            return Err(Problem::new("web3_provider_disabled", "Web3 provider is disabled").with_status(422));
        }
        _ => return Err(Problem::new("invalid_credentials", "unsupported_grant_type").with_status(400)),
    };
    ok(&tokens.json())
}

pub(super) async fn otp(face: &AuthFace, input: Input) -> Result<Response> {
    let request: OtpRequest = input.body()?;
    face.identity().send_otp(request, &input.landing(face), &input.caller).await?;
    ok(&json!({}))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Recover {
    email: String,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

pub(super) async fn recover(face: &AuthFace, input: Input) -> Result<Response> {
    let request: Recover = input.body()?;
    let challenge = Challenge {
        code_challenge: request.code_challenge,
        code_challenge_method: request.code_challenge_method,
    };
    face.identity().recover(&request.email, &challenge, &input.landing(face), &input.caller).await?;
    ok(&json!({}))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resend {
    #[serde(rename = "type")]
    what: String,
    email: String,
    phone: String,
}

pub(super) async fn resend(face: &AuthFace, input: Input) -> Result<Response> {
    let request: Resend = input.body()?;
    let landing = input.landing(face);
    face.identity().resend(&request.what, &request.email, &request.phone, &landing, &input.caller).await?;
    ok(&json!({}))
}
