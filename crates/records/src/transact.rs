//! Requests that share one transaction: each sees what those before it did, and all are kept or none.

use crate::query::{Request, Response};
use crate::service::{Records, Service};
use mainstay_base::{Problem, Result};
use mainstay_engine::{
    Applied, BoxFuture, Change, ChangeSink, Kept, ListenerId, Migrated, Migration, Plan, Position, Read,
    RecordStore, RowStream, Rows, StoreStatus, Transact, Transacted, Transaction, Work, Write, Written,
};
use mainstay_sql::{Caller, Catalog, Name};
use mainstay_types::{ColumnType, Session};
use std::sync::Arc;
use std::time::Duration;

/// What requests that share a transaction may do in it.
pub trait Within: Send + Sync {
    /// As [`Records::run`]. A request that fails is undone alone.
    fn run(&self, request: Request) -> BoxFuture<'_, Result<Response>>;

    /// What was kept under a key, unless its time is over.
    fn kept(&self, key: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>>>;

    /// Keeps bytes under a key, with the fate of the transaction, for so long.
    fn keep(&self, key: String, value: Vec<u8>, age: Duration) -> BoxFuture<'_, Result<()>>;
}

/// What is done in one transaction. The rules of [`mainstay_engine::Work`] hold: it waits for nothing but what it is
/// given, and starts anew when it is run again.
pub trait Together: Send + Sync {
    fn run(&self, within: Arc<dyn Within>) -> BoxFuture<'_, Result<()>>;
}

impl Records {
    /// Runs all of it in one transaction. The changes are put down to the session's actor.
    pub async fn transact(&self, together: Arc<dyn Together>, session: Arc<Session>) -> Result<Transacted> {
        let service = self.service();
        let timeout = service.settings.statement_timeout;
        let work = Arc::new(Sharing { service: Arc::clone(service), together });
        service.store.transact(Transact { work, session, timeout, rollback: false }).await
    }
}

struct Sharing {
    service: Arc<Service>,
    together: Arc<dyn Together>,
}

impl Work for Sharing {
    fn run(&self, transaction: Arc<dyn Transaction>) -> BoxFuture<'_, Result<()>> {
        let store = Inside { store: Arc::clone(&self.service.store), transaction: Arc::clone(&transaction) };
        let records = self.service.over(Arc::new(store));
        self.together.run(Arc::new(InTransaction { records, transaction }))
    }
}

struct InTransaction {
    records: Records,
    transaction: Arc<dyn Transaction>,
}

impl Within for InTransaction {
    fn run(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.records.run(request))
    }

    fn kept(&self, key: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>>> {
        self.transaction.kept(key)
    }

    fn keep(&self, key: String, value: Vec<u8>, age: Duration) -> BoxFuture<'_, Result<()>> {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let until_unix_micros = self.records.service().env.unix_micros().saturating_add(age);
        self.transaction.keep(Kept { key, value, until_unix_micros })
    }
}

/// The store as it is seen from within a transaction.
struct Inside {
    store: Arc<dyn RecordStore>,
    transaction: Arc<dyn Transaction>,
}

/// What no request asks of a store.
fn not_within<T: Send>() -> BoxFuture<'static, Result<T>> {
    Box::pin(async { Err(Problem::internal("this cannot be done within a transaction")) })
}

impl RecordStore for Inside {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    fn prepare_as(&self, sql: &str, parameters: &[ColumnType], caller: Caller<'_>) -> Result<Arc<Plan>> {
        self.store.prepare_as(sql, parameters, caller)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>> {
        self.transaction.read(read)
    }

    fn stream(&self, _read: Read) -> BoxFuture<'_, Result<Box<dyn RowStream>>> {
        not_within()
    }

    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>> {
        self.transaction.write(write)
    }

    fn transact(&self, _transact: Transact) -> BoxFuture<'_, Result<Transacted>> {
        not_within()
    }

    fn migrate(&self, _migration: Migration) -> BoxFuture<'_, Result<Migrated>> {
        not_within()
    }

    fn applied(&self) -> BoxFuture<'_, Result<Vec<Applied>>> {
        not_within()
    }

    fn listen(&self, table: Option<Name>, sink: Arc<dyn ChangeSink>) -> Result<ListenerId> {
        self.store.listen(table, sink)
    }

    fn unlisten(&self, listener: ListenerId) {
        self.store.unlisten(listener);
    }

    fn changes_after(&self, _after: Position, _limit: u32) -> BoxFuture<'_, Result<Vec<Change>>> {
        not_within()
    }

    fn backup(&self, _into: std::path::PathBuf) -> BoxFuture<'_, Result<u64>> {
        not_within()
    }

    fn status(&self) -> StoreStatus {
        self.store.status()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        not_within()
    }
}
