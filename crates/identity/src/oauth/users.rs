//! What this service needs of those who know the users.

use mainstay_base::Result;
use mainstay_engine::BoxFuture;
use serde_json::{Map, Value};

/// A user, as far as tokens tell of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// A UUID.
    pub id: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub phone: Option<String>,
    pub phone_verified: bool,
    /// The role of the user's tokens.
    pub role: String,
    pub app_metadata: Map<String, Value>,
    pub user_metadata: Map<String, Value>,
    pub is_anonymous: bool,
    /// Seconds since 1970.
    pub updated_at: Option<i64>,
}

/// What somebody typed into the sign-in page.
pub struct Credentials<'a> {
    pub email: &'a str,
    pub password: &'a str,
    /// The code of a second factor, where the page asked for one.
    pub code: Option<&'a str>,
    /// The address that the request came from: limits count by it.
    pub address: &'a str,
}

/// How an attempt to sign in ended.
#[derive(Clone, Debug, PartialEq)]
pub enum SignedIn {
    /// With the methods that proved it (`password`, `totp`).
    Yes { user: Box<User>, amr: Vec<String> },
    /// The password is right and a second factor is due.
    NeedsCode,
    /// The same answer for a wrong password, an unknown, a banned and an unconfirmed user.
    No,
}

/// Knows the users and checks their credentials. Limits attempts itself: a problem with a retry is one too many.
pub trait Users: Send + Sync {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> BoxFuture<'a, Result<SignedIn>>;

    /// A user who may still get tokens: neither deleted nor banned.
    fn by_id<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>>>;
}
