//! Who wants to hear of changes.

use mainstay_engine::{Change, ChangeSink, ListenerId};
use mainstay_sql::Name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Listeners {
    list: Mutex<Vec<Listener>>,
    /// Grows whenever the list changes, so that the writer looks at it only then.
    version: AtomicU64,
}

#[derive(Clone)]
pub(crate) struct Listener {
    id: ListenerId,
    table: Option<Name>,
    sink: Arc<dyn ChangeSink>,
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, table: Option<Name>, sink: Arc<dyn ChangeSink>) -> ListenerId {
        let mut list = self.lock();
        let id = ListenerId(self.version.load(Ordering::Acquire) + 1);
        list.push(Listener { id, table, sink });
        self.version.fetch_add(1, Ordering::AcqRel);
        id
    }

    pub fn remove(&self, id: ListenerId) {
        let mut list = self.lock();
        list.retain(|listener| listener.id != id);
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The list with the version that it has at least.
    pub fn all(&self) -> (u64, Vec<Listener>) {
        let list = self.lock();
        (self.version(), list.clone())
    }
}

impl Listener {
    pub fn hears(&self, table: &Name) -> bool {
        self.table.as_ref().is_none_or(|own| own == table)
    }

    /// Hands over the changes that the listener asked for. A panic of the listener stays its own.
    pub fn tell(&self, changes: &[Arc<Change>]) {
        let own: Vec<Arc<Change>>;
        let heard = if self.table.is_none() {
            changes
        } else {
            own = changes.iter().filter(|change| self.hears(&change.table)).cloned().collect();
            &own
        };
        if !heard.is_empty() && catch_unwind(AssertUnwindSafe(|| self.sink.committed(heard))).is_err() {
            tracing::error!("a listener for changes failed");
        }
    }
}
