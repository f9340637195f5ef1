//! Going on with a session. A refresh token is the session, a counter and a MAC; the session holds the counter. Equal is
//! normal and moves the counter on. One behind within half a minute is a client that asked twice, or lost the answer: it
//! gets the same successor. Anything older was stolen, from the client or by it: the session ends.

use crate::audit::{Event, record, traits};
use crate::caller::Caller;
use crate::credentials::Attempt;
use crate::db::{Param, Tx, params};
use crate::refresh::{Judgement, RefreshToken};
use crate::refuse::{banned, invalid, refuse};
use crate::service::Identity;
use crate::sessions::{self, Opened, Tokens};
use crate::time::Time;
use crate::users;
use crate::uuid::Uuid;
use mainstay_base::{Problem, Result};
use std::sync::Arc;

struct Presented {
    session: Uuid,
    token: RefreshToken,
    caller: Caller,
}

enum Outcome {
    Opened(Box<Opened>),
    Refused(Problem),
}

impl Identity {
    /// New tokens for a refresh token.
    pub async fn refresh(&self, token: &str, caller: &Caller) -> Result<Tokens> {
        if token.is_empty() {
            return Err(invalid("refresh_token required"));
        }
        self.admit(caller, Attempt::Refresh)?;
        let (session, token) = self.read_refresh_token(token).ok_or_else(not_found)?;
        let presented = Presented { session, token, caller: caller.clone() };
        match self.transact(presented, |it, tx, on| Box::pin(go_on(it, tx, on))).await? {
            Outcome::Opened(opened) => self.mint(*opened),
            Outcome::Refused(problem) => Err(problem),
        }
    }
}

async fn go_on(it: Identity, tx: Tx, on: Arc<Presented>) -> Result<Outcome> {
    let now = tx.db.now();
    let Some(session) = sessions::find(&tx, on.session).await? else {
        return Ok(Outcome::Refused(not_found()));
    };
    let user = users::again(&tx, session.user_id).await?;
    if user.is_banned(now) {
        return Ok(Outcome::Refused(banned()));
    }
    if session.not_after.is_some_and(|end| end <= now) {
        sessions::end(&tx, user.id, Some(session.id), sessions::Scope::Local).await?;
        let words = "Invalid Refresh Token: Session Expired";
        return Ok(Outcome::Refused(refuse(400, "session_expired", words)));
    }
    let address = Some(on.caller.address.as_str()).filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    let counter = i64::try_from(on.token.counter).unwrap_or(i64::MAX);
    let moved = tx
        .run(
            "update auth.sessions set refresh_token_counter = refresh_token_counter + 1, refreshed_at = $3, \
             updated_at = $4, user_agent = $5, ip = coalesce($6::inet, ip) \
             where id = $1 and refresh_token_counter = $2",
            params![session.id, counter, Param::stamp(now), now, on.caller.user_agent.as_str(), address],
        )
        .await?;
    if moved != 1 {
        let stands_at = u64::try_from(session.refresh_token_counter.unwrap_or(0)).unwrap_or(0);
        let moved_at = session.refreshed_at.map_or(0, Time::seconds);
        if on.token.judge(stands_at, moved_at, now.seconds()) != Judgement::SameSuccessor {
            sessions::end(&tx, user.id, Some(session.id), sessions::Scope::Local).await?;
            let traits = traits! {"session_id": session.id};
            record(&tx, Event::TokenReused, Some(&user), &on.caller, traits).await?;
            let words = "Invalid Refresh Token: Already Used";
            return Ok(Outcome::Refused(refuse(400, "refresh_token_already_used", words)));
        }
    } else {
        record(&tx, Event::TokenRefreshed, Some(&user), &on.caller, traits! {}).await?;
    }
    Ok(Outcome::Opened(Box::new(it.opened(&tx, user.id, session.id).await?)))
}

fn not_found() -> Problem {
    refuse(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
}
