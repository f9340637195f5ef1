//! Passwords: hashed with argon2id on threads of their own, checked against hashes of other systems too, and refused when
//! everybody uses them.
//!
//! Hidden here: the forms of hashes, the threads and their memory.
//! Not here: accounts, and how often somebody may try ([`crate::limits`]).
//! Invariant: a check for an account that does not exist takes the work of one for an account that does.

mod argon;
mod common;
mod formats;
mod pool;

use crate::secret::Secret;
use argon::Argon;
use formats::{Format, Verdict};
use mainstay_base::{Env, Problem, Result};
use pool::Pool;

/// What one hash costs: 19 MiB twice, the least that OWASP recommends (a minimum of 19 MiB, 2 iterations, 1 lane).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub iterations: u32,
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Cost { memory_kib: 19 * 1024, iterations: 2, lanes: 1 }
    }
}

#[derive(Clone, Debug)]
pub struct HasherSettings {
    pub cost: Cost,
    /// Threads that hash, each with the memory of one hash while it works; 0: half of the cores, one at least.
    pub threads: usize,
    /// Hashes that may wait; one more is refused with 429 and `Retry-After`.
    pub queue_length_max: usize,
}

impl Default for HasherSettings {
    fn default() -> Self {
        HasherSettings { cost: Cost::default(), threads: 0, queue_length_max: 64 }
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub ok: bool,
    /// The password is right and its hash is not what [`Hasher::hash`] makes today: store a new one.
    pub upgrade: bool,
}

/// Hashes and checks passwords, away from the threads that serve.
pub struct Hasher {
    pool: Pool,
    cost: Cost,
    env: Env,
    /// Checked in place of the hash of an account that does not exist.
    nobody: String,
}

impl Hasher {
    pub fn new(settings: &HasherSettings, env: Env) -> Result<Self> {
        let cost = settings.cost;
        let mut bytes = [0; 48];
        env.fill_random(&mut bytes);
        let nobody = Argon::of(cost)?.encoded(&bytes[..16], &bytes[16..]);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if settings.threads == 0 { (cores / 2).max(1) } else { settings.threads };
        Ok(Hasher { pool: Pool::start(threads, settings.queue_length_max)?, cost, env, nobody })
    }

    /// The hash to store for a password, in PHC's form.
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        let argon = Argon::of(self.cost)?;
        let mut salt = [0; 16];
        self.env.fill_random(&mut salt);
        let password = password.clone();
        self.pool
            .run(move |memory| {
                let mut output = [0; 32];
                argon.fill(password.expose().as_bytes(), &salt, &mut output, memory)?;
                Ok(argon.encoded(&salt, &output))
            })
            .await
    }

    /// Whether a password is the one of a stored hash. `None` is an account that does not exist, or has no password: it is
    /// never right and takes as long.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<Verified> {
        let exists = stored.is_some_and(|hash| !hash.is_empty());
        let format = Format::parse(stored.filter(|_| exists).unwrap_or(&self.nobody));
        // A hash that cannot be read is worked for like one that can.
        let format = format.map_or_else(|_| Format::parse(&self.nobody), Ok)?;
        let (password, cost) = (password.clone(), self.cost);
        let Verdict { same, current } =
            self.pool.run(move |memory| format.check(password.expose(), cost, memory)).await?;
        let ok = same && exists;
        Ok(Verified { ok, upgrade: ok && !current })
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hasher({:?})", self.cost)
    }
}

/// Whether a hash of another system can be taken: a known form with a cost that does not stop the server.
pub fn check_importable(hash: &str) -> Result<()> {
    Format::parse(hash).map(drop)
}

pub const CHARACTERS_MIN: usize = 8;
pub const CHARACTERS_MAX: usize = 128;

/// Whether a password may be chosen: its length in characters, and that it is none of the 10,000 that everybody uses.
/// There are no rules of composition: they make passwords worse (NIST SP 800-63B section 5.1.1.2).
pub fn check_choice(password: &Secret, characters_min: usize) -> std::result::Result<(), Weakness> {
    let text = password.expose();
    let least = characters_min.max(CHARACTERS_MIN);
    match text.chars().count() {
        count if count < least => Err(Weakness::Short { least }),
        count if count > CHARACTERS_MAX => Err(Weakness::Long),
        _ if common::is_common(text) => Err(Weakness::Common),
        _ => Ok(()),
    }
}

/// Why a password may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    Short { least: usize },
    Long,
    Common,
}

impl std::fmt::Display for Weakness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Weakness::Short { least } => write!(f, "Password should be at least {least} characters."),
            Weakness::Long => write!(f, "Password cannot be longer than {CHARACTERS_MAX} characters."),
            Weakness::Common => {
                f.write_str("Password is known to be weak and easy to guess, please choose a different one.")
            }
        }
    }
}

fn unusable() -> Problem {
    Problem::new("22023", "the password hash has a form that is not known here")
        .with_hint("bcrypt, argon2i, argon2d, argon2id, scrypt (PHC) and Firebase's scrypt are")
}

#[cfg(test)]
mod tests;
