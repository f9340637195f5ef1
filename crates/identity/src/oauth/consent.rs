//! What users have agreed to, remembered so that they are asked once, and forgotten when they withdraw it.

use super::Oauth;
use super::authorize::AuthorizeRequest;
use super::db::{Param, Statement, json};
use super::redirect;
use super::scope::Scope;
use super::users::User;
use mainstay_base::Result;

const ONE: &str =
    "select scope, resources::text from auth.oauth_consents where user_id = $1::uuid and client_id = $2";
const KEEP: &str = "insert into auth.oauth_consents (user_id, client_id, scope, resources, granted_at) \
    values ($1::uuid, $2, $3, $4::jsonb, $5) on conflict (user_id, client_id) \
    do update set scope = excluded.scope, resources = excluded.resources, granted_at = excluded.granted_at";
pub(super) const FORGET: &str = "delete from auth.oauth_consents where user_id = $1::uuid and client_id = $2";

impl Oauth {
    /// Whether the user need not be asked. A client that registered itself and an address that any program on the
    /// user's machine could claim prove nobody: there the user is asked each time (RFC 8252 section 8.6).
    pub(super) async fn is_consented(&self, request: &AuthorizeRequest, user: &User) -> Result<bool> {
        let client = &request.client;
        if client.trusted {
            return Ok(true);
        }
        if client.dynamic || redirect::is_native(&request.redirect_uri) {
            return Ok(false);
        }
        let params = vec![user.id.as_str().into(), client.id.as_str().into()];
        let Some(row) = self.db.row(ONE, params).await? else { return Ok(false) };
        let resources: Vec<String> = row.json(1)?;
        Ok(Scope::parse(&row.required(0)?)?.covers(&request.scope)
            && request.resources.iter().all(|resource| resources.contains(resource)))
    }

    /// The statement that remembers what the user agrees to now.
    pub(super) fn consented(&self, request: &AuthorizeRequest, user_id: &str) -> Result<Statement> {
        let params = vec![
            user_id.into(),
            request.client.id.as_str().into(),
            Param::Text(Some(request.scope.to_string())),
            json(&request.resources)?,
            Param::Time(Some(self.now())),
        ];
        Ok(Statement::new(KEEP, params))
    }
}
