//! Refuses a build whose SQLite lacks the preupdate hook, with words instead of a linker's error.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    let flags = std::env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    if !flags.contains("SQLITE_ENABLE_PREUPDATE_HOOK") {
        println!(
            "cargo:error=SQLite must be compiled with LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_PREUPDATE_HOOK; \
             .cargo/config.toml of the repository sets it: build from a checkout"
        );
    }
}
