//! The real world: the machine's clocks and entropy.

use mainstay_base::{Env, World};
use std::cell::RefCell;
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
        if buffer.len() > SMALL_BYTES {
            return draw(buffer);
        }
        STOCK.with_borrow_mut(|stock| stock.take(buffer));
    }
}

/// Requests up to this size are served from a stock: an id for each row would be a system call for each row.
const SMALL_BYTES: usize = 32;
const STOCK_BYTES: usize = 1024;

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK_BYTES], used: STOCK_BYTES }) };
}

/// Bytes of the system's own generator that nobody has seen yet.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    used: usize,
}

impl Stock {
    fn take(&mut self, buffer: &mut [u8]) {
        if self.used + buffer.len() > STOCK_BYTES {
            draw(&mut self.bytes);
            self.used = 0;
        }
        let end = self.used + buffer.len();
        if let Some(fresh) = self.bytes.get_mut(self.used..end) {
            buffer.copy_from_slice(fresh);
            // What was handed out is not kept.
            fresh.fill(0);
        }
        self.used = end;
    }
}

fn draw(buffer: &mut [u8]) {
    // Without entropy no key and no id is safe: stopping is right.
    if let Err(error) = getrandom::fill(buffer) {
        eprintln!("mainstay: the machine gives no random bytes: {error}");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_do_not_come_twice() {
        let env = machine();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let (mut small, mut large) = ([0; 16], [0; 64]);
            env.fill_random(&mut small);
            env.fill_random(&mut large);
            assert!(seen.insert(small.to_vec()) && seen.insert(large.to_vec()));
        }
    }
}
