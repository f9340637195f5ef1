//! Sessions that ended while tokens of theirs are still good by their signature and times.

use ahash::RandomState;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Beyond so many, those whose tokens expire first are forgotten first.
const SESSIONS_MAX: usize = 100_000;

#[derive(Default)]
pub(crate) struct RevokedSessions(RwLock<HashMap<Box<str>, i64, RandomState>>);

impl RevokedSessions {
    pub fn contains(&self, session: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }

    /// Remembers a session until its tokens have expired (seconds since 1970).
    pub fn add(&self, session: &str, until: i64, now: i64) {
        // Tokens are taken for some seconds more than they say.
        let until = until.saturating_add(crate::jose::SKEW_SECONDS);
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|_, until| *until > now);
        }
        if sessions.len() >= SESSIONS_MAX {
            let mut ends: Vec<i64> = sessions.values().copied().collect();
            let (_, median, _) = ends.select_nth_unstable(SESSIONS_MAX / 2);
            let median = *median;
            sessions.retain(|_, until| *until > median);
        }
        sessions.insert(session.into(), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_forgets_what_expires_first() {
        let revoked = RevokedSessions::default();
        for number in 0..150_000 {
            revoked.add(&number.to_string(), number, 0);
        }
        assert!(revoked.0.read().is_ok_and(|sessions| sessions.len() <= SESSIONS_MAX));
        assert!(revoked.contains("149999"));
        assert!(!revoked.contains("0"));
    }
}
