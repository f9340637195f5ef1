//! What the store keeps behind an [`mainstay_engine::Plan`].

use crate::aggregates;
use crate::rows::Shape;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Column, Plan, PlanKind};
use mainstay_sql::Catalog;
use mainstay_sql::plan::Compiled;
use mainstay_types::Session;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Quick runs on a reader's thread after which a plan is tried on the caller's thread again.
const PATIENCE: u8 = 16;

#[derive(Debug)]
pub(crate) struct NativePlan {
    /// Never given twice in a process: the key of statement caches.
    pub number: u64,
    /// The store that made it.
    pub store: u64,
    /// The role that it was bound for.
    pub role: Option<Arc<str>>,
    pub compiled: Compiled,
    pub shape: Shape,
    /// How large the last result was.
    body_bytes: AtomicUsize,
    /// More than zero while the plan is taken to be too long for the caller's thread.
    heavy: AtomicU8,
}

/// The most that is set aside for a result before its first row.
const BODY_BYTES_RESERVED: usize = 64 * 1024;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number that no other plan or store of the process has.
pub(crate) fn take_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl NativePlan {
    /// Room for the rows of a result that is like the last one: without it a list is copied as it grows.
    pub fn body_bytes(&self) -> usize {
        let last = self.body_bytes.load(Ordering::Relaxed);
        (last + last / 8).min(BODY_BYTES_RESERVED)
    }

    pub fn note_body_bytes(&self, bytes: usize) {
        self.body_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Whether rows go through tables of the connection's own.
    pub fn has_scratch(&self) -> bool {
        self.compiled.steps.iter().any(|step| step.into.is_some())
    }

    pub fn is_heavy(&self) -> bool {
        self.heavy.load(Ordering::Relaxed) > 0
    }

    pub fn took_long(&self) {
        self.heavy.store(PATIENCE, Ordering::Relaxed);
    }

    pub fn was_quick(&self) {
        let _ = self.heavy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |heavy| heavy.checked_sub(1));
    }
}

/// Wraps a compiled statement for callers.
pub(crate) fn wrap(mut compiled: Compiled, catalog: &Catalog, store: u64, role: Option<&str>) -> Plan {
    let role: Option<Arc<str>> = role.map(Arc::from);
    for step in &mut compiled.steps {
        if let std::borrow::Cow::Owned(text) = aggregates::for_windows(&step.text) {
            step.text = text;
        }
    }
    let columns =
        compiled.columns.iter().map(|column| Column { name: column.name.clone(), ty: column.ty.clone() });
    Plan {
        catalog_version: catalog.version,
        role: role.clone(),
        kind: if compiled.writes { PlanKind::Write } else { PlanKind::Read },
        columns: columns.collect(),
        parameters: compiled.parameters.clone(),
        native: Box::new(NativePlan {
            number: take_number(),
            store,
            role,
            shape: Shape::new(&compiled.columns),
            compiled,
            heavy: AtomicU8::new(0),
            body_bytes: AtomicUsize::new(0),
        }),
    }
}

/// The store's part of a plan that shall run for a session. Every path to a statement goes through here.
pub(crate) fn runnable<'p>(plan: &'p Plan, store: u64, session: &Session) -> Result<&'p NativePlan> {
    plan.admit(session)?;
    native(plan, store)
}

/// The store's part of a plan; fails for plans of other stores.
pub(crate) fn native(plan: &Plan, store: u64) -> Result<&NativePlan> {
    plan.native
        .downcast_ref::<NativePlan>()
        .filter(|native| native.store == store)
        .ok_or_else(|| Problem::internal("the plan belongs to another store"))
}
