//! One message to an address in a while, whether or not anybody is known there.

use mainstay_base::Env;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Addresses that are remembered; more than that at once are a flood, and then the oldest go first.
const ADDRESSES_MAX: usize = 100_000;

pub(crate) struct Pace {
    env: Env,
    interval: Duration,
    last: Mutex<HashMap<String, Duration>>,
}

impl Pace {
    pub fn new(env: Env, seconds: i64) -> Self {
        let interval = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Pace { env, interval, last: Mutex::default() }
    }

    /// Notes a message to the address, or says how many seconds it is too early for one.
    pub fn take(&self, address: &str) -> Result<(), u32> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let now = self.env.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = last.get(address)
            && let Some(left) = (*before + self.interval).checked_sub(now).filter(|left| !left.is_zero())
        {
            return Err(u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX));
        }
        if last.len() >= ADDRESSES_MAX {
            let interval = self.interval;
            last.retain(|_, before| now < *before + interval);
            if last.len() >= ADDRESSES_MAX
                && let Some(oldest) = last.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone())
            {
                last.remove(&oldest);
            }
        }
        last.insert(address.to_owned(), now);
        Ok(())
    }
}
