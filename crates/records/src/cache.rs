//! Keeps plans by what they were made from. Bounded: when it is full, what was not used since the last sweep goes.

use crate::query::Shape;
use ahash::{HashMap, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What decides a plan, borrowed from a request.
#[derive(Clone, Copy, Hash)]
pub(crate) struct Key<'a> {
    pub(crate) schema: &'a str,
    pub(crate) target: &'a str,
    /// Privileges and policies of the role are a part of the plan.
    pub(crate) role: &'a str,
    pub(crate) shape: &'a Shape,
    /// The keys of the payload; they decide the columns of a write and the overload of a call.
    pub(crate) keys: &'a [&'a str],
    /// Whatever else of the payload decides (its kind, whether several rows come).
    pub(crate) variant: u8,
}

struct Slot<P> {
    schema: String,
    target: String,
    role: String,
    shape: Shape,
    keys: Vec<String>,
    variant: u8,
    catalog_version: u64,
    plan: Arc<P>,
    used: AtomicBool,
}

impl<P> Slot<P> {
    fn is_for(&self, key: &Key<'_>, catalog_version: u64) -> bool {
        self.catalog_version == catalog_version
            && self.variant == key.variant
            && self.schema == key.schema
            && self.target == key.target
            && self.role == key.role
            && self.keys.iter().map(String::as_str).eq(key.keys.iter().copied())
            && self.shape == *key.shape
    }
}

pub(crate) struct PlanCache<P> {
    hasher: RandomState,
    entries_max: usize,
    slots: RwLock<HashMap<u64, Slot<P>>>,
}

impl<P> PlanCache<P> {
    pub(crate) fn new(entries_max: usize) -> Self {
        PlanCache {
            hasher: RandomState::new(),
            entries_max: entries_max.max(1),
            slots: RwLock::new(HashMap::default()),
        }
    }

    fn hash(&self, key: &Key<'_>) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(crate) fn get(&self, key: &Key<'_>, catalog_version: u64) -> Option<Arc<P>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get(&self.hash(key)).filter(|slot| slot.is_for(key, catalog_version))?;
        slot.used.store(true, Ordering::Relaxed);
        Some(slot.plan.clone())
    }

    /// Of two plans with one hash the later one stays.
    pub(crate) fn put(&self, key: &Key<'_>, catalog_version: u64, plan: Arc<P>) {
        let slot = Slot {
            schema: key.schema.to_owned(),
            target: key.target.to_owned(),
            role: key.role.to_owned(),
            shape: key.shape.clone(),
            keys: key.keys.iter().map(|key| (*key).to_owned()).collect(),
            variant: key.variant,
            catalog_version,
            plan,
            used: AtomicBool::new(true),
        };
        let hash = self.hash(key);
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.entries_max && !slots.contains_key(&hash) {
            sweep(&mut slots, self.entries_max, catalog_version);
        }
        slots.insert(hash, slot);
    }

    pub(crate) fn clear(&self) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Second chance: what was used stays but must be used again; if all were, half of them go.
fn sweep<P>(slots: &mut HashMap<u64, Slot<P>>, entries_max: usize, catalog_version: u64) {
    slots.retain(|_, slot| {
        slot.catalog_version == catalog_version && slot.used.swap(false, Ordering::Relaxed)
    });
    if slots.len() >= entries_max {
        let mut keep = false;
        slots.retain(|_, _| {
            keep = !keep;
            keep && entries_max > 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Action, Query, Return};

    fn shape(limit: u32) -> Shape {
        Shape {
            action: Action::Read,
            query: Query { limit: Some(crate::query::LiteralId(limit)), ..Query::default() },
            returning: Return::default(),
            count: None,
            answer: crate::query::Answer::Array,
            nulls_stripped: false,
        }
    }

    fn key(shape: &Shape) -> Key<'_> {
        Key { schema: "public", target: "t", role: "anon", shape, keys: &[], variant: 0 }
    }

    #[test]
    fn a_plan_is_found_for_its_catalog_alone() {
        let cache = PlanCache::new(8);
        let shape = shape(1);
        cache.put(&key(&shape), 7, Arc::new("plan"));
        assert_eq!(cache.get(&key(&shape), 7).as_deref(), Some(&"plan"));
        assert_eq!(cache.get(&key(&shape), 8), None);
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = PlanCache::new(4);
        for number in 0..100 {
            cache.put(&key(&shape(number)), 1, Arc::new(number));
            assert!(cache.slots.read().unwrap().len() <= 4);
        }
        assert_eq!(cache.get(&key(&shape(99)), 1).as_deref(), Some(&99));
    }
}
