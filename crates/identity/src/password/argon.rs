//! Argon2 (RFC 9106) in memory that is used again.

use super::{Cost, unusable};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use mainstay_base::{Problem, Result};
use zeroize::Zeroize;

/// The memory of one thread. It is wiped when the thread has nothing more to do: what is in there says much about the
/// password that was hashed last.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.wipe();
            self.0.resize(count, Block::new());
        }
        &mut self.0[..count]
    }

    pub fn wipe(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }

    pub fn free(&mut self) {
        self.0 = Vec::new();
    }
}

/// One variant with its cost.
pub struct Argon {
    algorithm: Algorithm,
    version: Version,
    pub cost: Cost,
}

impl Argon {
    pub fn of(cost: Cost) -> Result<Self> {
        let argon = Argon { algorithm: Algorithm::Argon2id, version: Version::V0x13, cost };
        argon.params(32).map(|_| argon)
    }

    pub fn new(algorithm: Algorithm, version: Version, cost: Cost) -> Self {
        Argon { algorithm, version, cost }
    }

    /// Whether this is what new passwords are hashed with.
    pub fn is_current(&self, cost: Cost) -> bool {
        self.algorithm == Algorithm::Argon2id && self.version == Version::V0x13 && self.cost == cost
    }

    fn params(&self, output_bytes: usize) -> Result<Params> {
        let Cost { memory_kib, iterations, lanes } = self.cost;
        Params::new(memory_kib, iterations, lanes, Some(output_bytes)).map_err(|_| unusable())
    }

    pub fn fill(&self, password: &[u8], salt: &[u8], output: &mut [u8], memory: &mut Memory) -> Result<()> {
        let params = self.params(output.len())?;
        let blocks = memory.blocks(params.block_count());
        Argon2::new(self.algorithm, self.version, params)
            .hash_password_into_with_memory(password, salt, output, blocks)
            .map_err(|_| Problem::internal("a password cannot be hashed"))
    }

    pub fn encoded(&self, salt: &[u8], output: &[u8]) -> String {
        let Cost { memory_kib, iterations, lanes } = self.cost;
        let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
        format!("$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${output}")
    }
}
