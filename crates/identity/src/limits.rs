//! How often somebody may try: a generic cell rate algorithm (GCRA) for each kind of attempt and each address or account.
//!
//! Not here: what is limited, and the time: both are given.
//! Invariant: memory is bounded, and nobody forgets their own debt by making others: a full table forgets those first who
//! owe least, and if all owe too much it lets a stranger wait.

use ahash::RandomState;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SHARDS: usize = 16;

/// So many attempts at once, and then one each so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub burst: u32,
    pub every: Duration,
}

impl Quota {
    /// `count` attempts in `period`, all of them at once if somebody likes.
    pub const fn per(count: u32, period: Duration) -> Self {
        let count = if count == 0 { 1 } else { count };
        let nanos = period.as_nanos() / count as u128;
        Quota { burst: count, every: Duration::from_nanos(nanos as u64) }
    }
}

/// The debts of all callers.
pub struct Limiter {
    shards: [Mutex<Shard>; SHARDS],
    /// Keys the shards and the callers in them: nobody can choose a caller that is taken for another.
    hash: RandomState,
    shard_entries_max: usize,
}

#[derive(Default)]
struct Shard {
    /// When each caller will owe nothing any more. A caller is the hash of kind and key with secret keys.
    free_at: HashMap<(u64, u64), Duration, RandomState>,
}

impl Limiter {
    pub fn new(entries_max: usize) -> Self {
        Limiter {
            shards: std::array::from_fn(|_| Mutex::default()),
            hash: RandomState::new(),
            shard_entries_max: entries_max.div_ceil(SHARDS).max(16),
        }
    }

    /// Takes one attempt of a kind for a key (an address, the hash of an account) at a time that never goes back
    /// (`Env::monotonic`); else says how long to wait, and takes none.
    pub fn take(&self, kind: &str, key: &[u8], quota: Quota, now: Duration) -> Result<(), Duration> {
        let caller = (self.hash.hash_one((kind, key)), self.hash.hash_one((key, kind, 1_u8)));
        let mut shard =
            self.shards[caller.0 as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        let free_at = shard.free_at.get(&caller).copied().unwrap_or_default().max(now);
        let tolerance = quota.every.saturating_mul(quota.burst.saturating_sub(1));
        let wait = free_at.saturating_sub(now).saturating_sub(tolerance);
        if !wait.is_zero() {
            return Err(wait);
        }
        if !shard.free_at.contains_key(&caller) {
            shard.make_room(self.shard_entries_max, now, quota.every)?;
        }
        shard.free_at.insert(caller, free_at.saturating_add(quota.every));
        Ok(())
    }

    /// Gives the debts of a key back: after a success, so that an honest user does not pay for it.
    pub fn forgive(&self, kind: &str, key: &[u8]) {
        let caller = (self.hash.hash_one((kind, key)), self.hash.hash_one((key, kind, 1_u8)));
        let shard = &self.shards[caller.0 as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner).free_at.remove(&caller);
    }
}

impl Shard {
    /// Forgets who owes nothing, then the half that owes least, but nobody who owes more than one attempt.
    fn make_room(&mut self, entries_max: usize, now: Duration, attempt: Duration) -> Result<(), Duration> {
        if self.free_at.len() < entries_max {
            return Ok(());
        }
        self.free_at.retain(|_, free_at| *free_at > now);
        if self.free_at.len() < entries_max {
            return Ok(());
        }
        let mut times: Vec<Duration> = self.free_at.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let bound = (*median).min(now.saturating_add(attempt));
        self.free_at.retain(|_, free_at| *free_at > bound);
        if self.free_at.len() < entries_max { Ok(()) } else { Err(attempt) }
    }
}

/// A wait in whole seconds, for `Retry-After`.
pub fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limiter")
    }
}

/// The part of an address that one household has: all of IPv4, the first 64 bits of IPv6.
pub fn address_key(address: std::net::IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_A_MINUTE: Quota = Quota::per(5, Duration::from_secs(60));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_then_one_each_so_often() {
        let limiter = Limiter::new(1_000);
        let take = |seconds| limiter.take("sign-in", b"10.0.0.1", FIVE_A_MINUTE, at(seconds));
        for _ in 0..5 {
            assert_eq!(take(100), Ok(()));
        }
        assert_eq!(take(100), Err(at(12)));
        assert_eq!(take(111), Err(at(1)));
        assert_eq!(take(112), Ok(()));
        assert!(take(112).is_err());
        // After a quiet minute the burst is there again, and no more than that.
        assert_eq!((0..9).filter(|_| take(10_000).is_ok()).count(), 5);
    }

    #[test]
    fn kinds_and_keys_are_apart() {
        let limiter = Limiter::new(1_000);
        let one = Quota::per(1, at(60));
        assert!(limiter.take("a", b"x", one, at(1)).is_ok());
        assert!(limiter.take("a", b"x", one, at(1)).is_err());
        assert!(limiter.take("b", b"x", one, at(1)).is_ok());
        assert!(limiter.take("a", b"y", one, at(1)).is_ok());
        limiter.forgive("a", b"x");
        assert!(limiter.take("a", b"x", one, at(1)).is_ok());
    }

    #[test]
    fn never_more_than_the_quota_over_any_time() {
        let limiter = Limiter::new(1_000);
        let mut taken = 0_u64;
        for milli in 0..600_000_u64 {
            if milli % 7 == 0 && limiter.take("k", b"x", FIVE_A_MINUTE, Duration::from_millis(milli)).is_ok()
            {
                taken += 1;
            }
        }
        assert_eq!(taken, 5 + 49);
    }

    #[test]
    fn a_flood_of_others_frees_nobody_of_their_debt() {
        let limiter = Limiter::new(1_600);
        while limiter.take("k", b"victim", FIVE_A_MINUTE, at(1)).is_ok() {}
        let mut refused = 0;
        for number in 0..100_000_u32 {
            refused += usize::from(limiter.take("k", &number.to_be_bytes(), FIVE_A_MINUTE, at(1)).is_err());
            assert!(number % 1_000 != 0 || limiter.take("k", b"victim", FIVE_A_MINUTE, at(1)).is_err());
        }
        let held: usize =
            limiter.shards.iter().map(|shard| shard.lock().map_or(0, |s| s.free_at.len())).sum();
        assert!(held <= 1_600, "{held}");
        assert_eq!(refused, 0);
    }

    #[test]
    fn a_household_is_one_address() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_eq!((seconds(Duration::from_millis(1)), seconds(Duration::from_millis(1_001))), (1, 2));
    }
}
