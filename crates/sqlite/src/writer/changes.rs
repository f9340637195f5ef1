//! The feed of changes: their positions, which of them are kept, and for how long.

use super::{Writer, number};
use crate::meta;
use crate::problems;
use crate::raw::Failure;
use crate::scope;
use mainstay_base::{Hlc, Result};
use mainstay_engine::{Change, Operation, Position};
use mainstay_types::{Session, ValueRef};
use std::sync::Arc;

/// Durable changes that one commit removes, in quarters; and how far their number may be over the limit.
const TRIMMED: u64 = 1024;

/// Commits with changes between two looks at the age of the oldest.
const COMMITS_PER_TRIM: u64 = 256;

/// The changes of a group, and the last position of each of its parts.
type Logged = (Vec<Arc<Change>>, Vec<Option<Position>>);

impl Writer {
    /// Gives positions to the changed rows and keeps those of published tables. A part is a session and the number
    /// of rows that all parts up to it have changed; the answer has each part's last position.
    pub(crate) fn log_changes<'s>(
        &mut self,
        parts: impl Iterator<Item = (&'s Arc<Session>, usize)>,
    ) -> Result<Logged> {
        let mut rows = scope::with_capture(|capture| std::mem::take(&mut capture.rows)).unwrap_or_default();
        let (mut changes, mut positions) = (Vec::with_capacity(rows.len()), Vec::new());
        if rows.is_empty() {
            return Ok((changes, positions));
        }
        let mut rows_left = rows.drain(..);
        let mut done = 0;
        for (session, until) in parts {
            if until == done {
                positions.push(None);
                continue;
            }
            let actor = self.actor(session);
            let unix_millis = u64::try_from(self.shared.env.unix_micros() / 1000).unwrap_or(0);
            let time = self.clock.tick(unix_millis);
            for row in rows_left.by_ref().take(until - done) {
                self.position += 1;
                let change = Change {
                    position: Position(self.position),
                    table: row.table.name.clone(),
                    operation: row.operation,
                    old: row.old,
                    new: row.new,
                    time,
                    actor: Arc::clone(&actor),
                };
                if row.table.published {
                    self.keep_change(&change).map_err(|failure| problems::of_failure(&failure, None))?;
                }
                changes.push(Arc::new(change));
            }
            done = until;
            positions.push(Some(Position(self.position)));
        }
        drop(rows_left);
        // The buffer keeps its room for the next group.
        scope::with_capture(|capture| capture.rows = rows);
        Ok((changes, positions))
    }

    fn keep_change(&mut self, change: &Change) -> std::result::Result<(), Failure> {
        let table = String::from(change.table.clone());
        self.oldest_change.get_or_insert(change.position.0);
        self.connection.execute(
            "INSERT INTO _mainstay_changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                number(change.position.0),
                ValueRef::Text(&table),
                ValueRef::Integer(operation_code(change.operation)),
                change.old.as_deref().map_or(ValueRef::Null, ValueRef::Text),
                change.new.as_deref().map_or(ValueRef::Null, ValueRef::Text),
                number(change.time.0),
                ValueRef::Text(&change.actor),
            ],
        )
    }

    /// Removes durable changes that are too many or too old, a bounded number with each commit.
    pub(super) fn trim_changes(&mut self, now: Hlc) -> std::result::Result<(), Failure> {
        let Some(oldest) = self.oldest_change else { return Ok(()) };
        let settings = &self.shared.settings;
        let too_many = self.position.saturating_sub(oldest) >= settings.changes_kept.saturating_add(TRIMMED);
        self.commits_since_trim += 1;
        if !too_many && self.commits_since_trim < COMMITS_PER_TRIM {
            return Ok(());
        }
        let age = u64::try_from(settings.changes_age.as_millis()).unwrap_or(u64::MAX);
        let youngest_old = Hlc(now.unix_millis().saturating_sub(age) << 16);
        let first_kept = self.position.saturating_sub(settings.changes_kept);
        self.connection.execute(
            "DELETE FROM _mainstay_changes WHERE (time < ?1 OR position <= ?2) AND position IN
             (SELECT position FROM _mainstay_changes ORDER BY position LIMIT ?3)",
            &[number(youngest_old.0), number(first_kept), number(4 * TRIMMED)],
        )?;
        // One statement removes a bounded number. Where more are due, the next commit goes on.
        let all_done = self.connection.raw().changes() < 4 * TRIMMED;
        self.commits_since_trim = if all_done { 0 } else { COMMITS_PER_TRIM };
        let left = meta::oldest_change(&mut self.connection).unwrap_or(None);
        let trimmed = left.map_or(self.position, |left| left - 1);
        if trimmed >= oldest {
            meta::set(&mut self.connection, "changes_trimmed", number(trimmed))?;
        }
        self.oldest_change = left;
        Ok(())
    }

    /// `authenticated:8f14…`: the role, and the subject of the claims where they have one.
    fn actor(&mut self, session: &Arc<Session>) -> Arc<str> {
        if let Some((known, actor)) = &self.actor
            && (Arc::ptr_eq(known, session) || **known == **session)
        {
            return Arc::clone(actor);
        }
        #[derive(serde::Deserialize)]
        struct Claims {
            sub: Option<String>,
        }
        let subject = session
            .settings
            .get("request.jwt.claims")
            .and_then(|claims| serde_json::from_str::<Claims>(claims).ok())
            .and_then(|claims| claims.sub);
        let actor: Arc<str> = match subject {
            Some(subject) => Arc::from(format!("{}:{subject}", session.role)),
            None => Arc::from(session.role.as_str()),
        };
        self.actor = Some((Arc::clone(session), Arc::clone(&actor)));
        actor
    }
}

fn operation_code(operation: Operation) -> i64 {
    match operation {
        Operation::Insert => 1,
        Operation::Update => 2,
        Operation::Delete => 3,
        Operation::Truncate => 4,
    }
}
