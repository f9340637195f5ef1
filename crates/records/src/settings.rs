//! What an operator may set.

use crate::keyset::cursor::CursorKey;
use std::time::Duration;

/// Settings of the records service. Data only: the store comes in as a part.
#[derive(Clone, Debug)]
pub struct RecordsSettings {
    /// The schemas that callers may name; the first is the default.
    pub schemas: Vec<String>,
    /// Schemas in which types and operators are looked up besides the request's own.
    pub extra_search_path: Vec<String>,
    /// The most rows that a read or an embed returns; `None` is no limit.
    pub rows_max: Option<u64>,
    /// Whether `amount.sum()` and the like are allowed (`count` alone always is).
    pub aggregates_enabled: bool,
    /// Whether `Prefer: tx=rollback` is honoured.
    pub tx_rollback_allowed: bool,
    /// A function without arguments that runs before each request's statement: `schema.function`.
    pub pre_request: Option<String>,
    /// Refuses updates and deletes that no filter limits, as pg-safeupdate does.
    pub unfiltered_writes_refused: bool,
    /// Signs the cursors of pages; one is made up where it is missing, and cursors end with the process.
    pub cursor_key: Option<CursorKey>,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a list that leaves row by row may take, the client's time included.
    pub stream_timeout: Duration,
    /// How many plans are kept.
    pub plan_cache_entries_max: usize,
    /// How deep embeds may be nested.
    pub embed_depth_max: usize,
    /// How many rows one request may write.
    pub payload_rows_max: usize,
}

impl Default for RecordsSettings {
    fn default() -> Self {
        RecordsSettings {
            schemas: vec!["public".to_owned()],
            extra_search_path: vec!["public".to_owned(), "extensions".to_owned()],
            rows_max: None,
            aggregates_enabled: false,
            tx_rollback_allowed: false,
            pre_request: None,
            unfiltered_writes_refused: false,
            cursor_key: None,
            statement_timeout: Duration::from_secs(8),
            stream_timeout: Duration::from_secs(600),
            plan_cache_entries_max: 4_096,
            embed_depth_max: 12,
            payload_rows_max: 100_000,
        }
    }
}
