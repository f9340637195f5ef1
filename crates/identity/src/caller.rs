//! Who asks, as far as the connection and the token tell.

use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The address that the request came from.
    pub address: String,
    pub user_agent: String,
    /// The role of the token that came with it.
    pub role: String,
}

/// The user that a checked token names, and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    pub user: Uuid,
    pub session: Option<Uuid>,
}

impl Bearer {
    /// Reads the claims of a token that was checked.
    pub fn of(claims_json: &str) -> Result<Bearer> {
        let claims: Value = serde_json::from_str(claims_json)
            .map_err(|error| Problem::internal(format!("claims are not JSON: {error}")))?;
        let bad = |words: &str| crate::refuse::refuse(403, "bad_jwt", words);
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let user = text("sub").ok_or_else(|| bad("invalid claim: missing sub claim"))?;
        let user = user.parse().map_err(|()| bad("invalid claim: sub claim must be a UUID"))?;
        let session = match text("session_id") {
            None => None,
            Some(id) => Some(id.parse().map_err(|()| bad("invalid claim: session_id claim must be a UUID"))?),
        };
        Ok(Bearer { user, session })
    }
}
