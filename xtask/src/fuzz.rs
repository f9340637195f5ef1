//! Fuzzing with libFuzzer on the stable toolchain: coverage comes from compiler flags that are stable.

use crate::process::{self, Result, cargo, root};
use std::fs;
use std::path::Path;
use std::process::Command;

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

pub fn run(arguments: &[&str]) -> Result<()> {
    let seconds = arguments.iter().find_map(|word| word.strip_prefix("--seconds=")).unwrap_or("60");
    let triple = host()?;
    let folder = root().join("target/fuzz");
    process::run(
        cargo()
            .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &triple])
            .arg("--target-dir")
            .arg(&folder)
            .env("RUSTFLAGS", FLAGS),
    )?;
    for (target, seeds) in [("query_grammar", query_seeds()?), ("sql_front_end", sql_seeds()?)] {
        let corpus = folder.join("corpus").join(target);
        write_seeds(&corpus, &seeds)?;
        let findings = format!("-artifact_prefix={}/", folder.display());
        process::run(
            Command::new(folder.join(&triple).join("release").join(target))
                .args([
                    format!("-max_total_time={seconds}"),
                    "-max_len=4096".into(),
                    "-timeout=10".into(),
                    findings,
                ])
                .args(["-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=0"])
                .arg(&corpus),
        )?;
        println!("fuzz: {target} held for {seconds} s");
    }
    Ok(())
}

fn host() -> Result<String> {
    let text = process::output(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc names no host".to_owned())
}

fn write_seeds(folder: &Path, seeds: &[String]) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Query strings of the documentation and of the tests.
fn query_seeds() -> Result<Vec<String>> {
    let texts = ["docs/rest.md", "tests/clients/queries.txt"];
    let mut seeds = vec![
        "select=id,name::text,a->b->>c,...rel!hint!inner(x.sum())&or=(a.eq.1,not.and(b.in.(1,\"x,y\"),c.is.null))".to_owned(),
        "rel.order=a.desc.nullslast,rel(b)&rel.limit=3&a=not.fts(english).x&b=like(any).{a*,b}".to_owned(),
    ];
    for path in texts {
        let Ok(text) = fs::read_to_string(root().join(path)) else { continue };
        seeds.extend(text.split(['`', '\n', ' ']).filter(|word| word.contains('=')).map(str::to_owned));
    }
    Ok(seeds)
}

fn sql_seeds() -> Result<Vec<String>> {
    let mut seeds = Vec::new();
    for path in ["tests/differential/queries.sql", "tests/differential/schema.sql"] {
        let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
        seeds.extend(text.split(";\n").map(str::to_owned));
    }
    let text = fs::read_to_string(root().join("tests/differential/expressions.sql"))
        .map_err(|error| error.to_string())?;
    seeds.extend(text.lines().map(|line| format!("select {line}")));
    for entry in fs::read_dir(root().join("examples/shop/migrations")).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        seeds.push(fs::read_to_string(path).map_err(|error| error.to_string())?);
    }
    Ok(seeds)
}
