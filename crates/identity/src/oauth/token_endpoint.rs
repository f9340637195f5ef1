//! The token endpoint: which grant a request is about.

use super::Oauth;
use super::client::{CODE, CREDENTIALS, Client, DEVICE, EXCHANGE, REFRESH};
use super::params::Params;
use super::problems::unsupported_grant_type;
use super::tokens::Issued;
use mainstay_base::Result;

impl Oauth {
    /// Tokens for a client that has proved itself.
    pub async fn token(&self, client: &Client, params: &Params) -> Result<Issued> {
        match params.required("grant_type")? {
            CODE => self.redeem_code(client, params).await,
            REFRESH => self.refresh(client, params).await,
            CREDENTIALS => self.client_credentials(client, params).await,
            DEVICE => self.poll_device(client, params).await,
            EXCHANGE => self.exchange(client, params).await,
            other => Err(unsupported_grant_type(format!("the grant `{other}` is not offered"))),
        }
    }
}
