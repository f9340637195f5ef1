//! The world behind one handle: wall time, monotonic time and randomness, so that a test can replay them.

use std::sync::Arc;
use std::time::Duration;

/// What a process needs from the world. `app` brings the real one, tests bring a seeded one.
pub trait World: Send + Sync {
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    fn unix_micros(&self) -> i64;
    /// Time that never goes back, from an arbitrary start.
    fn monotonic(&self) -> Duration;
    /// Fills the buffer from a cryptographically secure source.
    fn fill_random(&self, buffer: &mut [u8]);
}

/// A cheap handle to a [`World`].
#[derive(Clone)]
pub struct Env(Arc<dyn World>);

impl Env {
    pub fn new(world: impl World + 'static) -> Self {
        Env(Arc::new(world))
    }
    pub fn unix_micros(&self) -> i64 {
        self.0.unix_micros()
    }
    pub fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
    pub fn fill_random(&self, buffer: &mut [u8]) {
        self.0.fill_random(buffer);
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}
