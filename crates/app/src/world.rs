//! The real world: the machine's clocks and entropy.

use mainstay_base::{Env, World};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct Machine {
    start: Instant,
}

/// The environment of a running process.
pub fn machine() -> Env {
    Env::new(Machine { start: Instant::now() })
}

impl World for Machine {
    fn unix_micros(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        // Without entropy no key and no id is safe: stopping is right.
        if let Err(error) = getrandom::fill(buffer) {
            eprintln!("mainstay: the machine gives no random bytes: {error}");
            std::process::abort();
        }
    }
}
