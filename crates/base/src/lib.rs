//! Names things and measures them: problems, time, randomness, byte counts.
//!
//! Hidden here: how a code becomes a status of a protocol (one table, [`problem`]).
//! Not here: anything that does I/O; the real clock and the real entropy come from `app` through [`Env`].
//! Invariant: every error that leaves a crate for a caller is a [`Problem`] with a code, a fault and a retry.
//! Start reading at [`Problem`], then [`Env`].

pub mod clock;
pub mod env;
pub mod problem;

pub use clock::{Hlc, HlcClock};
pub use env::{Env, World};
pub use problem::{Fault, Place, Problem, Retry};

/// The result of everything that can fail in front of a caller.
pub type Result<T, E = Problem> = std::result::Result<T, E>;
