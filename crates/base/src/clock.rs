//! The hybrid logical clock: wall time that never goes back and orders causally related events
//! (Kulkarni et al., "Logical Physical Clocks", 2014).

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// 48 bits of milliseconds since 1970, then 16 bits of a counter. Larger is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Hlc(pub u64);

impl Hlc {
    pub fn unix_millis(self) -> u64 {
        self.0 >> 16
    }
    pub fn counter(self) -> u16 {
        self.0 as u16
    }
}

/// Hands out timestamps that strictly grow.
#[derive(Debug, Default)]
pub struct HlcClock(AtomicU64);

impl HlcClock {
    /// Starts no earlier than a timestamp seen before (the last one written, after a restart).
    pub fn starting_after(seen: Hlc) -> Self {
        HlcClock(AtomicU64::new(seen.0))
    }

    /// The next timestamp, given the wall clock.
    pub fn tick(&self, unix_millis: u64) -> Hlc {
        let wall = unix_millis << 16;
        let previous = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(wall.max(last + 1)))
            .unwrap_or_else(|last| last);
        Hlc(wall.max(previous + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_when_the_wall_clock_goes_back() {
        let clock = HlcClock::default();
        let (first, second, third) = (clock.tick(1_000), clock.tick(900), clock.tick(2_000));
        assert!(first < second && second < third);
        assert_eq!((second.unix_millis(), second.counter(), third.unix_millis()), (1_000, 1, 2_000));
    }
}
