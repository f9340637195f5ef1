//! Authorization codes: 60 seconds, for one client, one redirect URI and one proof, and once.

use super::Oauth;
use super::authorize::AuthorizeRequest;
use super::client::{CODE, Client};
use super::db::{Param, Row, Statement, json};
use super::grant::Grant;
use super::params::Params;
use super::pkce;
use super::problems::invalid_grant;
use super::scope::Scope;
use super::secrets;
use super::session::BrowserSession;
use super::settings::CODE_SECONDS;
use super::tokens::Issued;
use crate::uuid::Uuid;
use mainstay_base::Result;

const INSERT: &str = "insert into auth.oauth_codes (hash, grant_id, client_id, user_id, redirect_uri, code_challenge, \
    scope, resources, nonce, auth_time, amr, expires_at) values ($1, $2::uuid, $3, $4::uuid, $5, $6, $7, $8::jsonb, \
    $9, $10, $11::jsonb, $12)";
const ONE: &str = "select grant_id::text, client_id, user_id::text, redirect_uri, code_challenge, scope, \
    resources::text, nonce, auth_time, amr::text, expires_at, redeemed_at is not null from auth.oauth_codes \
    where hash = $1";
/// The one write that decides who redeems a code.
const REDEEM: &str = "update auth.oauth_codes set redeemed_at = $2 \
    where hash = $1 and redeemed_at is null and expires_at > $2";

struct Code {
    grant: Grant,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    expires_at: i64,
    redeemed: bool,
}

impl Oauth {
    /// A code, and the statement that keeps it.
    pub(super) fn new_code(
        &self,
        request: &AuthorizeRequest,
        session: &BrowserSession,
    ) -> Result<(String, Statement)> {
        let code = secrets::random(&self.env);
        let params = vec![
            (&secrets::hash(&code)).into(),
            // The family that the code will begin has its name now, so that a replay can end it.
            Param::Text(Some(Uuid::random(&self.env).to_string())),
            request.client.id.as_str().into(),
            session.user_id.as_str().into(),
            request.redirect_uri.as_str().into(),
            request.challenge.as_str().into(),
            Param::Text(Some(request.scope.to_string())),
            json(&request.resources)?,
            request.nonce.as_deref().into(),
            Param::Time(Some(session.auth_time)),
            json(&session.amr)?,
            Param::Time(Some(self.now() + CODE_SECONDS)),
        ];
        Ok((code, Statement::new(INSERT, params)))
    }

    /// `grant_type=authorization_code`.
    pub(super) async fn redeem_code(&self, client: &Client, params: &Params) -> Result<Issued> {
        client.may(CODE)?;
        let text = params.required("code")?;
        let redirect_uri = params.required("redirect_uri")?;
        let wrong = || invalid_grant("the code is unknown, expired, used, or not for this client");
        let Some(code) = self.code(text).await? else { return Err(wrong()) };
        if code.grant.client_id != client.id {
            return Err(wrong());
        }
        if code.redeemed {
            self.replayed(&code).await?;
            return Err(wrong());
        }
        if code.expires_at <= self.now() {
            return Err(wrong());
        }
        if code.redirect_uri != redirect_uri {
            return Err(invalid_grant("`redirect_uri` is not the one that the code was sent to"));
        }
        pkce::verify(&code.challenge, params.get("code_verifier")?)?;
        let audience = Oauth::audience(&code.grant.resources, &params.resources())?;
        let user = self.user_of(&code.grant).await?;
        self.begin(text, &code, wrong()).await?;
        self.issue(client, &code.grant, &user, &code.grant.scope, &audience, code.nonce.as_deref())
    }

    /// Uses the code up and begins the grant, in one transaction.
    async fn begin(&self, text: &str, code: &Code, wrong: mainstay_base::Problem) -> Result<()> {
        let now = self.now();
        let redeem = vec![(&secrets::hash(text)).into(), Param::Time(Some(now))];
        let statements =
            vec![Statement::new(REDEEM, redeem).exactly_one(wrong.clone()), code.grant.insert(now)?];
        match self.db.write(statements).await {
            Ok(_) => Ok(()),
            Err(problem) if problem.code() == wrong.code() => {
                // Somebody was quicker: the code is known to two.
                if self.code(text).await?.is_some_and(|code| code.redeemed) {
                    self.replayed(code).await?;
                }
                Err(wrong)
            }
            Err(problem) => Err(problem),
        }
    }

    /// RFC 6749 section 4.1.2: a code that comes twice was stolen from one of the two, so neither keeps anything.
    async fn replayed(&self, code: &Code) -> Result<()> {
        self.revoke_grant(&code.grant.id, "its code was used twice").await
    }

    async fn code(&self, text: &str) -> Result<Option<Code>> {
        let row = self.db.row(ONE, vec![(&secrets::hash(text)).into()]).await?;
        row.map(|row| self.read_code(&row)).transpose()
    }

    fn read_code(&self, row: &Row) -> Result<Code> {
        Ok(Code {
            grant: Grant {
                id: row.required(0)?,
                client_id: row.required(1)?,
                user_id: row.required(2)?,
                scope: Scope::parse(&row.required(5)?)?,
                resources: row.json(6)?,
                auth_time: row.time(8).unwrap_or_default(),
                amr: row.json(9)?,
                confirmation: None,
                counter: 0,
                refreshed_at: None,
                expires_at: self.now() + self.settings.grant_seconds(),
                revoked: false,
            },
            redirect_uri: row.required(3)?,
            challenge: row.required(4)?,
            nonce: row.text(7),
            expires_at: row.time(10).unwrap_or_default(),
            redeemed: row.truth(11),
        })
    }
}
