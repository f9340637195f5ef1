//! Tokens that were checked already, by the hash of their text.
//!
//! Bounded. A full shard gives up one entry at random: whoever floods it with tokens of their own displaces as many of
//! theirs as of anybody's, and can neither keep an entry nor choose whose goes.

use ahash::RandomState;
use aws_lc_rs::digest::{SHA256, digest};
use mainstay_base::Env;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const SHARDS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        TokenHash(hash)
    }
}

pub(crate) struct TokenCache<T> {
    shards: [RwLock<Shard<T>>; SHARDS],
    shard_entries_max: usize,
}

struct Shard<T> {
    places: HashMap<TokenHash, usize, RandomState>,
    entries: Vec<(TokenHash, T)>,
    /// State of a generator that picks who goes (xorshift64); seeded, so that nobody knows it.
    dice: u64,
}

impl<T: Clone> TokenCache<T> {
    pub fn new(entries_max: usize, env: &Env) -> Self {
        let shard = |_| {
            let mut seed = [0; 8];
            env.fill_random(&mut seed);
            let dice = u64::from_le_bytes(seed) | 1;
            RwLock::new(Shard { places: HashMap::default(), entries: Vec::new(), dice })
        };
        let shards: Vec<_> = (0..SHARDS).map(shard).collect();
        let shards = shards.try_into().unwrap_or_else(|_| std::array::from_fn(shard));
        TokenCache { shards, shard_entries_max: entries_max.div_ceil(SHARDS).max(1) }
    }

    pub fn get(&self, hash: &TokenHash) -> Option<T> {
        let shard = self.reading(hash);
        shard.places.get(hash).map(|place| shard.entries[*place].1.clone())
    }

    pub fn put(&self, hash: TokenHash, value: T) {
        let mut shard = self.writing(hash);
        if let Some(place) = shard.places.get(&hash).copied() {
            shard.entries[place].1 = value;
            return;
        }
        if shard.entries.len() >= self.shard_entries_max {
            let place = shard.throw();
            shard.remove(place);
        }
        let place = shard.entries.len();
        shard.places.insert(hash, place);
        shard.entries.push((hash, value));
    }

    pub fn forget(&self, hash: &TokenHash) {
        let mut shard = self.writing(*hash);
        if let Some(place) = shard.places.get(hash).copied() {
            shard.remove(place);
        }
    }

    /// Forgets what does not hold.
    pub fn retain(&self, holds: impl Fn(&T) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let mut place = 0;
            while let Some((_, value)) = shard.entries.get(place) {
                if holds(value) { place += 1 } else { shard.remove(place) }
            }
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().map_or(0, |shard| shard.entries.len())).sum()
    }

    fn reading(&self, hash: &TokenHash) -> RwLockReadGuard<'_, Shard<T>> {
        self.shards[usize::from(hash.0[0]) % SHARDS].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self, hash: TokenHash) -> RwLockWriteGuard<'_, Shard<T>> {
        self.shards[usize::from(hash.0[0]) % SHARDS].write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Shard<T> {
    fn throw(&mut self) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice % self.entries.len().max(1) as u64) as usize
    }

    fn remove(&mut self, place: usize) {
        let (hash, _) = self.entries.swap_remove(place);
        self.places.remove(&hash);
        if let Some((moved, _)) = self.entries.get(place) {
            self.places.insert(*moved, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_testkit::world::still;

    #[test]
    fn it_is_bounded_and_finds_what_it_still_holds() {
        let cache = TokenCache::new(160, &still(0).0);
        for number in 0..10_000 {
            cache.put(TokenHash::of(&number.to_string()), number);
        }
        assert_eq!(cache.len(), 160);
        let found = (0..10_000).filter(|n| cache.get(&TokenHash::of(&n.to_string())) == Some(*n)).count();
        assert_eq!(found, 160);
    }

    #[test]
    fn a_flood_leaves_nobody_pinned_and_chooses_nobody() {
        let cache = TokenCache::new(1_600, &still(0).0);
        for number in 0..1_600 {
            cache.put(TokenHash::of(&format!("early {number}")), number);
        }
        for number in 0..4_800 {
            cache.put(TokenHash::of(&format!("late {number}")), number);
        }
        // Each newcomer displaces one of the shard at random: e⁻³ of the early ones are expected to survive.
        let early = (0..1_600).filter(|n| cache.get(&TokenHash::of(&format!("early {n}"))).is_some()).count();
        assert!((20..250).contains(&early), "{early}");
    }

    #[test]
    fn what_does_not_hold_is_forgotten() {
        let cache = TokenCache::new(1_000, &still(0).0);
        for number in 0..100 {
            cache.put(TokenHash::of(&number.to_string()), number);
        }
        cache.retain(|number| number % 2 == 0);
        cache.forget(&TokenHash::of("0"));
        assert_eq!(cache.len(), 49);
        assert_eq!(cache.get(&TokenHash::of("98")), Some(98));
        assert_eq!(cache.get(&TokenHash::of("99")), None);
    }
}
