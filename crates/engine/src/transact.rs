//! Transactions whose later steps depend on what earlier ones gave.
//!
//! A caller hands in its [`Work`] and the store runs it within one transaction: the work asks for a read or a write,
//! looks at the result, and asks on. An engine that has one writer runs it on that writer and keeps everybody waiting
//! meanwhile; an engine that is a server may run several at once and begin one anew after a conflict. Both are served
//! by the same two rules: a work waits for nothing but its transaction, and it can be run again from the start.

use crate::change::Position;
use crate::store::{BoxFuture, Read, Rows, Write, Written};
use mainstay_base::Result;
use mainstay_types::Session;
use std::sync::Arc;
use std::time::Duration;

/// What a [`Work`] may ask of the transaction that it runs in. It is over when the work has returned: what is asked
/// later fails.
pub trait Transaction: Send + Sync {
    /// As [`crate::RecordStore::read`], and sees what the transaction has written.
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>>;

    /// As [`crate::RecordStore::write`]: all or nothing. One that fails is undone alone and the work may go on. Its
    /// position is unknown until the transaction is over. Keys that are deferred are checked at the end of the
    /// transaction.
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>>;

    /// What [`Transaction::keep`] has kept under the key, unless its time is over.
    fn kept(&self, key: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>>>;

    /// Keeps bytes beside the data, with the fate of this transaction, until a time. A key that is there is replaced.
    /// The store keeps a bounded number of them: the oldest go first. They are rows of no table and no change.
    fn keep(&self, kept: Kept) -> BoxFuture<'_, Result<()>>;
}

/// Bytes under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub key: String,
    pub value: Vec<u8>,
    pub until_unix_micros: i64,
}

/// Steps in one transaction.
pub trait Work: Send + Sync {
    /// Commits when it returns `Ok`, undoes everything otherwise. Waits for nothing but the transaction, and starts
    /// anew when it is called again: a store may have to begin the transaction once more.
    fn run(&self, transaction: Arc<dyn Transaction>) -> BoxFuture<'_, Result<()>>;
}

/// One transaction to run.
#[derive(Clone)]
pub struct Transact {
    pub work: Arc<dyn Work>,
    /// Who gets the changes of the transaction put down to their name.
    pub session: Arc<Session>,
    pub timeout: Duration,
    /// Runs everything, then takes it back.
    pub rollback: bool,
}

/// What is known of a transaction that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transacted {
    /// The position of the last change, where rows changed and the transaction was kept.
    pub position: Option<Position>,
}
