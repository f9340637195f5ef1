//! Changes: what a commit did to rows, in one sequence.

use mainstay_base::Hlc;
use mainstay_sql::Name;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A place in the one sequence of changes: 1 is the first, no number is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// One row that a commit changed. Rows are JSON objects as PostgreSQL's `row_to_json` writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub position: Position,
    pub table: Name,
    pub operation: Operation,
    pub old: Option<Arc<str>>,
    pub new: Option<Arc<str>>,
    pub time: Hlc,
    /// The role and, where claims have one, the subject: `authenticated:8f14…`.
    pub actor: Arc<str>,
}

/// Takes the changes of one commit, in order. Called on the committing thread: it must not block.
pub trait ChangeSink: Send + Sync {
    fn committed(&self, changes: &[Arc<Change>]);
}
