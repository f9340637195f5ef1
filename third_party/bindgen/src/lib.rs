//! Stands in for `bindgen` in the build of `pg_query`, and in nothing else.
//!
//! The real bindgen loads libclang, which a fresh machine does not have. `pg_query.h` is small and fixed by
//! the exact version in our lock file, so its bindings were made once (docs/decisions/0001-postgresql-grammar.md
//! says how to make them again) and are written out here.
use std::path::Path;

const BINDINGS: &str = include_str!("pg_query_bindings.rs");

pub struct Builder(());
pub struct Bindings(());

impl Default for Builder {
    fn default() -> Self {
        Builder(())
    }
}

impl Builder {
    pub fn header(self, path: impl AsRef<str>) -> Self {
        assert!(
            path.as_ref().ends_with("pg_query.h"),
            "this stand-in for bindgen knows `pg_query.h` alone, it was asked for `{}`",
            path.as_ref()
        );
        self
    }

    pub fn generate(self) -> Result<Bindings, String> {
        Ok(Bindings(()))
    }
}

impl Bindings {
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, BINDINGS)
    }
}
