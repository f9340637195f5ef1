//! Codes that come back: digits by `POST`, links by `GET`.

use super::AuthFace;
use super::input::Input;
use super::reply::{ok, redirect};
use crate::edge::Response;
use crate::grammar::encoded;
use mainstay_base::{Problem, Result};
use mainstay_identity::flows::verify::{
    HALF_CONFIRMED, Verification, Verified, is_pkce_link, redirect_error,
};
use serde_json::json;

pub(super) async fn verify(face: &AuthFace, input: Input) -> Result<Response> {
    let request: Verification = input.body()?;
    match face.identity().verify(request, &input.caller).await? {
        Verified::Session(tokens) => ok(&tokens.json()),
        Verified::Half => ok(&json!({"msg": HALF_CONFIRMED, "code": "200"})),
        Verified::Code(_) => Err(Problem::internal("a code by POST has no flow to go on with")),
    }
}

/// A followed link ends where the application lives, whatever comes of it.
pub(super) async fn follow(face: &AuthFace, input: Input) -> Result<Response> {
    let token = input.query("token").or_else(|| input.query("token_hash")).unwrap_or_default();
    let what = input.query("type").unwrap_or_default();
    let landing = input.landing(face);
    let pkce = is_pkce_link(token);
    if token.is_empty() || what.is_empty() {
        let words = "Verify requires a verification type and a token";
        return Err(Problem::new("validation_failed", words).with_status(400));
    }
    match face.identity().follow(what, token, &input.caller).await {
        Ok(Verified::Session(tokens)) => {
            let fragment = query(&[
                ("access_token", &tokens.access_token),
                ("expires_at", &tokens.expires_at.to_string()),
                ("expires_in", &tokens.expires_in.to_string()),
                ("refresh_token", tokens.refresh_token.expose()),
                ("sb", ""),
                ("token_type", "bearer"),
                ("type", what),
            ]);
            redirect(&with(&landing, None, &fragment))
        }
        Ok(Verified::Code(code)) => redirect(&with(&landing, Some(&query(&[("code", &code)])), "")),
        Ok(Verified::Half) => {
            let message = query(&[("message", HALF_CONFIRMED)]);
            let fragment = query(&[("message", HALF_CONFIRMED), ("sb", "")]);
            redirect(&with(&landing, pkce.then_some(message.as_str()), &fragment))
        }
        Err(problem) => {
            if problem.http_status(true) >= 500 {
                tracing::error!(%problem, "a followed link failed");
            }
            let told = redirect_error(&problem);
            let pairs: Vec<(&str, &str)> = told.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let fragment = format!("{}&sb=", query(&pairs));
            redirect(&with(&landing, pkce.then_some(query(&pairs).as_str()), &fragment))
        }
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    let written: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    written.join("&")
}

/// An address with more in its query and another fragment.
fn with(landing: &str, more: Option<&str>, fragment: &str) -> String {
    let base = landing.split('#').next().unwrap_or_default();
    let mut out = base.to_owned();
    if let Some(more) = more {
        out.push(if base.contains('?') { '&' } else { '?' });
        out.push_str(more);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn an_address_keeps_its_query_and_loses_its_fragment() {
        assert_eq!(with("https://a.test/b?c=d#e", Some("code=f"), ""), "https://a.test/b?c=d&code=f");
        assert_eq!(with("https://a.test", None, "x=y"), "https://a.test#x=y");
    }
}
