//! A world for tests: a clock that stands still until it is set, and repeatable randomness.

use mainstay_base::{Env, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) struct Clock {
    seconds: Arc<AtomicI64>,
    random: AtomicU64,
}

impl World for Clock {
    fn unix_micros(&self) -> i64 {
        self.seconds.load(Ordering::Relaxed) * 1_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::Relaxed).unsigned_abs())
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            // splitmix64
            let mut word = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (word ^ (word >> 31)) as u8;
        }
    }
}

/// A world at a time (seconds since 1970), and its clock.
pub(crate) fn env(seconds: i64) -> (Env, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(seconds));
    (Env::new(Clock { seconds: clock.clone(), random: AtomicU64::new(1) }), clock)
}
