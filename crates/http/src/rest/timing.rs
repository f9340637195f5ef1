//! `Server-Timing`: where the time of a request went.

use crate::edge::Response;
use hyper::header::{HeaderName, HeaderValue};
use std::time::{Duration, Instant};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// A stop watch with laps; one that nobody asked for does nothing.
pub(super) struct Timing(Option<Laps>);

struct Laps {
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Timing {
    pub fn start(wanted: bool) -> Timing {
        Timing(wanted.then(|| Laps { last: Instant::now(), laps: Vec::with_capacity(4) }))
    }

    /// The time since the last lap went into this.
    pub fn lap(&mut self, name: &'static str) {
        let Some(Laps { last, laps }) = &mut self.0 else { return };
        let now = Instant::now();
        let spent = now.duration_since(std::mem::replace(last, now));
        match laps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += spent,
            None => laps.push((name, spent)),
        }
    }

    /// The answer with the header; making it is the last lap.
    pub fn told(mut self, mut response: Response) -> Response {
        self.lap("response");
        let Some(Laps { laps, .. }) = self.0 else { return response };
        let words: Vec<String> = laps
            .iter()
            .map(|(name, spent)| format!("{name};dur={:.1}", spent.as_secs_f64() * 1_000.0))
            .collect();
        if let Ok(value) = HeaderValue::from_str(&words.join(", ")) {
            response.headers_mut().insert(SERVER_TIMING, value);
        }
        response
    }
}
