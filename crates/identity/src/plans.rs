//! The statements of this crate, prepared once, and what to do when the catalog changed after that.

use mainstay_base::Result;
use mainstay_engine::{Plan, Read, RecordStore, Rows, Step, Transact, Work, Write, WriteStep};
use mainstay_types::{ColumnType, Session, Type};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The record store, with the plans of fixed texts. Everything runs as the owner of the tables.
pub(crate) struct Plans {
    pub store: Arc<dyn RecordStore>,
    pub session: Arc<Session>,
    known: RwLock<HashMap<&'static str, Arc<Plan>>>,
}

impl Plans {
    pub fn new(store: Arc<dyn RecordStore>) -> Self {
        let session = Arc::new(Session { role: crate::OWNER_ROLE.to_owned(), ..Session::default() });
        Plans { store, session, known: RwLock::default() }
    }

    pub fn of(&self, sql: &'static str, types: impl Iterator<Item = Type>) -> Result<Arc<Plan>> {
        let version = self.store.catalog().version;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(plan) = known.filter(|plan| plan.catalog_version == version) {
            return Ok(plan);
        }
        let types: Vec<ColumnType> = types.map(Into::into).collect();
        let plan = self.store.prepare(sql, &types)?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(sql, Arc::clone(&plan));
        Ok(plan)
    }

    pub fn reading(&self, step: Step) -> Read {
        Read { steps: vec![step], session: Arc::clone(&self.session), timeout: TIMEOUT }
    }

    pub fn writing(&self, steps: Vec<WriteStep>) -> Write {
        Write { steps, session: Arc::clone(&self.session), timeout: TIMEOUT, rollback: false }
    }

    /// A transaction whose steps depend on each other.
    pub fn transacting(&self, work: Arc<dyn Work>) -> Transact {
        Transact { work, session: Arc::clone(&self.session), timeout: TIMEOUT, rollback: false }
    }

    /// The rows of a query, outside a transaction.
    pub async fn read(&self, step: impl Fn() -> Result<Step>) -> Result<Vec<Rows>> {
        again_if_outlived(|| async { self.store.read(self.reading(step()?)).await }).await
    }
}

/// Once more where the catalog changed between a plan and its use: nothing has happened, and a new plan is right.
pub(crate) async fn again_if_outlived<T, F>(attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    match attempt().await {
        Err(problem) if problem.code() == "MS001" => attempt().await,
        done => done,
    }
}
