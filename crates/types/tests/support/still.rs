//! A context in which nothing happens: midnight of the first day, in UTC, and always the same randomness.

use mainstay_base::{Env, World};
use mainstay_types::{Context, Registry, Session};
use std::sync::Arc;
use std::time::Duration;

struct Still;

impl World for Still {
    fn unix_micros(&self) -> i64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

pub fn context() -> Context {
    Context {
        env: Env::new(Still),
        registry: Arc::new(Registry::default()),
        session: Arc::new(Session::default()),
        overrides: Arc::default(),
        transaction_time: 0,
        statement_time: 0,
    }
}
