//! What has to be done from time to time: throw away what is over, write down uses, notice changes made by SQL.

use super::Oauth;
use super::db::{Param, Statement};
use mainstay_base::Result;
use mainstay_engine::{Change, ChangeSink};
use mainstay_sql::Name;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const DAY_SECONDS: i64 = 24 * 3_600;

/// Tables whose rows are also in memory, so that a change by SQL is seen too.
const WATCHED: [&str; 3] = ["api_keys", "oauth_grants", "oauth_revoked_tokens"];

/// What is over, each by the time up to which it was good. Codes stay a day longer, so that their replay is noticed.
const DELETE_REQUESTS: &str = "delete from auth.oauth_requests where expires_at < $1";
const DELETE_CODES: &str = "delete from auth.oauth_codes where expires_at < $1";
const DELETE_DEVICES: &str = "delete from auth.oauth_device_codes where expires_at < $1";
const DELETE_TOKENS: &str = "delete from auth.oauth_revoked_tokens where expires_at < $1";
const DELETE_SESSIONS: &str = "delete from auth.browser_sessions where expires_at < $1";
const DELETE_GRANTS: &str = "delete from auth.oauth_grants where expires_at < $1";

/// Whether a table changed since somebody looked.
#[derive(Debug, Default)]
pub(super) struct Changed(AtomicBool);

impl ChangeSink for Changed {
    fn committed(&self, _: &[Arc<Change>]) {
        self.0.store(true, Ordering::Release);
    }
}

impl Oauth {
    /// Fills the memory and follows the tables, as soon as they are there.
    pub async fn start(&self) -> Result<()> {
        let catalog = self.db.store().catalog();
        let tables = WATCHED.map(|table| Name::new("auth", table));
        if !tables.iter().all(|table| catalog.relations.contains_key(table)) {
            return Ok(());
        }
        if !self.started.swap(true, Ordering::AcqRel) {
            for table in tables {
                let sink = Arc::clone(&self.changed) as Arc<dyn ChangeSink>;
                self.db.store().listen(Some(table), sink)?;
            }
        }
        self.refresh_api_keys().await?;
        self.refresh_revocations().await
    }

    /// Every second or so: takes over what SQL changed.
    pub async fn follow(&self) -> Result<()> {
        if !self.started.load(Ordering::Acquire) {
            return self.start().await;
        }
        if self.changed.0.swap(false, Ordering::AcqRel) {
            self.refresh_api_keys().await?;
            self.refresh_revocations().await?;
        }
        Ok(())
    }

    /// Every minute or so: throws away what is over.
    pub async fn tidy(&self) -> Result<()> {
        if !self.started.load(Ordering::Acquire) {
            return Ok(());
        }
        self.note_uses().await?;
        let now = self.now();
        let before = |text, time| Statement::new(text, vec![Param::Time(Some(time))]);
        let statements = vec![
            before(DELETE_REQUESTS, now),
            before(DELETE_CODES, now - DAY_SECONDS),
            before(DELETE_DEVICES, now - DAY_SECONDS),
            before(DELETE_TOKENS, now),
            before(DELETE_SESSIONS, now),
            before(DELETE_GRANTS, now - DAY_SECONDS),
        ];
        self.db.write(statements).await.map(drop)
    }
}
