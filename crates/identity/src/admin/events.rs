//! Reading the audit log.

use crate::db::params;
use crate::service::Identity;
use crate::time::Time;
use crate::uuid::Uuid;
use mainstay_base::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// From one.
    pub number: i64,
    pub size: i64,
}

impl Page {
    pub(crate) fn offset(self) -> i64 {
        (self.number - 1).saturating_mul(self.size)
    }
}

/// A row of `auth.audit_log_entries`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub id: Uuid,
    pub payload: Value,
    pub created_at: Option<Time>,
    pub ip_address: String,
}

#[derive(Deserialize)]
pub(crate) struct Count {
    pub count: i64,
}

impl Identity {
    /// Entries of the audit log, latest first, and how many there are.
    pub async fn audit_log(&self, page: Page) -> Result<(Vec<Entry>, i64)> {
        let entries = self
            .db()
            .rows(
                "select id, payload, created_at, ip_address from auth.audit_log_entries \
                 order by created_at desc, id limit $1 offset $2",
                params![page.size, page.offset()],
            )
            .await?;
        let count: Option<Count> =
            self.db().row("select count(*) as count from auth.audit_log_entries", params![]).await?;
        Ok((entries, count.map_or(0, |count| count.count)))
    }
}
