//! Worlds for tests: a clock that stands still until a test sets it, and the machine's own. Randomness is repeatable.

use mainstay_base::{Env, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// splitmix64: the same in every run, and no two alike.
struct Random(AtomicU64);

impl Random {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut word = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

struct Still {
    seconds: Arc<AtomicI64>,
    random: Random,
}

impl World for Still {
    fn unix_micros(&self) -> i64 {
        self.seconds.load(Ordering::Relaxed) * 1_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::Relaxed).unsigned_abs())
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        self.random.fill(buffer);
    }
}

/// A world at a time (seconds since 1970), and its clock.
pub fn still(seconds: i64) -> (Env, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(seconds));
    (Env::new(Still { seconds: seconds.clone(), random: Random(AtomicU64::new(1)) }), seconds)
}

struct Machine(Random);

impl World for Machine {
    fn unix_micros(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.unix_micros() as u64)
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }
}

/// A world whose clock is the machine's.
pub fn machine() -> Env {
    Env::new(Machine(Random(AtomicU64::new(1))))
}
