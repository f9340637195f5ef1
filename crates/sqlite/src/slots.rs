//! The connections on which callers read on their own thread, and the snapshots that stay open on them.
//!
//! Beginning and ending a read transaction is a large part of a read by key. So a slot's connection keeps its
//! transaction from one read to the next as long as nothing is committed ([`Connection::share_snapshot`]). That never
//! holds the write-ahead log back: before the checkpointer works it ends all of them, and none stays open meanwhile.

use crate::connection::Connection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long the checkpointer sleeps between two looks at a slot that is in use.
const PAUSE: Duration = Duration::from_micros(200);

#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Connection>>);

impl Slot {
    /// `None` while another thread reads here.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Option<Connection>>> {
        match self.0.try_lock() {
            Ok(connection) => Some(connection),
            // A panic between statements leaves nothing half done: the guards have reset them.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

pub(crate) struct Slots {
    slots: Vec<Slot>,
    /// How many want no snapshot to stay open now.
    refusing: AtomicUsize,
}

/// While this lives no snapshot stays open between reads.
pub(crate) struct Refusing<'a>(&'a Slots);

impl Drop for Refusing<'_> {
    fn drop(&mut self) {
        self.0.refusing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slots {
    pub fn new(count: usize) -> Slots {
        let slots = (0..count.max(1)).map(|_| Slot::default()).collect();
        Slots { slots, refusing: AtomicUsize::new(0) }
    }

    pub fn all(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether a snapshot may stay open after a read.
    pub fn may_stay_open(&self) -> bool {
        self.refusing.load(Ordering::SeqCst) == 0
    }

    /// Ends every open snapshot. A read that is under way is waited for, up to `patience`; it ends its own.
    pub fn refuse(&self, patience: Duration) -> Refusing<'_> {
        self.refusing.fetch_add(1, Ordering::SeqCst);
        let refusing = Refusing(self);
        let begun = Instant::now();
        for slot in &self.slots {
            loop {
                if let Some(mut slot) = slot.try_lock() {
                    if let Some(connection) = &mut *slot {
                        connection.end_snapshot();
                    }
                    break;
                }
                if begun.elapsed() >= patience {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
        refusing
    }
}
