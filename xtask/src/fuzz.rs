//! Fuzzing with libFuzzer on the stable toolchain (docs/decisions/0007-fuzzing.md).
//!
//! Coverage comes from compiler flags that are stable. They are given to the house's own crates alone, by this very
//! program standing in for `rustc` ([`compile`]): instrumenting the generated code of `pg_query` took hours.

use crate::process::{self, Result, cargo, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Names the program that cargo starts in place of `rustc`; set for cargo's own run alone.
const STAND_IN: &str = "MAINSTAY_FUZZ_COMPILES";
const TARGETS: &[&str] = &["query_grammar", "sql_front_end", "token", "key_set"];

/// Whether this process was started by cargo to compile one crate.
pub fn is_compiler() -> bool {
    std::env::var_os(STAND_IN).is_some()
}

/// Runs the compiler that the first argument names, with coverage for crates of the house.
pub fn compile(arguments: &[String]) -> ExitCode {
    let Some((rustc, arguments)) = arguments.split_first() else { return ExitCode::FAILURE };
    let mut command = Command::new(rustc);
    command.args(arguments);
    let ours = |pair: &[String]| pair[0] == "--crate-name" && pair[1].starts_with("mainstay_");
    if arguments.windows(2).any(ours) {
        command.args(FLAGS);
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run {}: {error}", rustc.as_str());
            ExitCode::FAILURE
        }
    }
}

pub fn run(arguments: &[&str]) -> Result<()> {
    let option = |name: &str| arguments.iter().find_map(|word| word.strip_prefix(name));
    let seconds = option("--seconds=").unwrap_or("60");
    let chosen = option("--target=");
    if let Some(name) = chosen
        && !TARGETS.contains(&name)
    {
        return Err(format!("there is no target `{name}`; there are {}", TARGETS.join(", ")));
    }
    let folder = root().join("target/fuzz");
    // libFuzzer is C++.
    process::install(if process::has("c++") { &[] } else { &["build-essential"] })?;
    build(&folder)?;
    for target in TARGETS.iter().filter(|target| chosen.is_none_or(|chosen| chosen == **target)) {
        fuzz(target, &folder, seconds)?;
        println!("fuzz: {target} held for {seconds} s");
    }
    Ok(())
}

fn build(folder: &Path) -> Result<()> {
    // The versions of everything are those of the workspace.
    fs::copy(root().join("Cargo.lock"), root().join("fuzz/Cargo.lock")).map_err(said("fuzz/Cargo.lock"))?;
    let own = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    process::run(
        cargo()
            .args(["build", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"])
            .arg(folder)
            .env("RUSTC_WRAPPER", own)
            .env(STAND_IN, "1"),
    )
}

fn fuzz(target: &str, folder: &Path, seconds: &str) -> Result<()> {
    let corpus = folder.join("corpus").join(target);
    let findings = folder.join("findings").join(target);
    fs::create_dir_all(&findings).map_err(said(&findings.display().to_string()))?;
    let seeds = match target {
        "query_grammar" => query_seeds()?,
        "sql_front_end" => sql_seeds()?,
        "token" => token_seeds(),
        _ => key_seeds(),
    };
    write_seeds(&corpus, &seeds)?;
    let words = folder.join(format!("{target}.dict"));
    fs::write(&words, dictionary(target)?).map_err(said(&words.display().to_string()))?;
    process::run(
        Command::new(folder.join("debug").join(target))
            .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", findings.display())])
            .args([
                "-max_len=4096",
                "-timeout=30",
                "-rss_limit_mb=2048",
                "-print_final_stats=1",
                "-verbosity=0",
            ])
            .arg(format!("-dict={}", words.display()))
            .arg(&corpus),
    )
    .map_err(|error| format!("{error}\nthe input that did it lies in {}", findings.display()))
}

fn said(path: &str) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{path}: {error}")
}

fn write_seeds(folder: &Path, seeds: &[String]) -> Result<()> {
    fs::create_dir_all(folder).map_err(said(&folder.display().to_string()))?;
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn text_of(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).map_err(said(path))
}

/// A header and claims on two lines, and credentials of each other kind.
fn token_seeds() -> Vec<String> {
    let seeds = [
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"1\",\"crit\":[]}\n{\"iss\":\"me\",\"aud\":[\"api\"],\"exp\":2000000000,\"nbf\":1,\"iat\":1e3}",
        "{\"alg\":\"HS256\"}\n{\"role\":\"anon\",\"aud\":\"api\",\"exp\":null}",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoiYW5vbiJ9.AAAA",
        "shop_v1_0000000000000000_0000000000000000000000000000000000000000000_000000",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bpw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsag==",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    ];
    seeds.map(str::to_owned).to_vec()
}

fn key_seeds() -> Vec<String> {
    let seeds = [
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"use\":\"sig\",\"key_ops\":[\"verify\"]}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"alg\":\"EdDSA\"},{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"alg\":\"PS256\"}]}",
    ];
    seeds.map(str::to_owned).to_vec()
}

/// Query strings of the documentation and of the grammar's tests.
fn query_seeds() -> Result<Vec<String>> {
    let mut seeds = vec![
        "select=id,name::text,a->b->>c,...rel!hint!inner(x.sum())&or=(a.eq.1,not.and(b.in.(1,\"x,y\"),c.is.null))".to_owned(),
        "rel.order=a.desc.nullslast,rel(b)&rel.limit=3&a=not.fts(english).x&b=like(any).{a*,b}".to_owned(),
    ];
    for path in ["docs/rest.md", "docs/getting-started.md"] {
        let text = text_of(path)?;
        let words = text.split(['`', '\n', ' ', '?']).filter(|word| word.contains('='));
        seeds.extend(words.map(|word| word.trim_matches(['\'', '"', '|']).to_owned()));
    }
    let tests = text_of("crates/http/src/grammar/tests.rs")?;
    seeds.extend(tests.split('"').filter(|word| word.contains(['=', '.'])).map(str::to_owned));
    Ok(seeds)
}

/// What the differential tests ask, and the migrations of the example.
fn sql_seeds() -> Result<Vec<String>> {
    let mut seeds = Vec::new();
    for name in ["queries", "schema", "shop", "shop_schema"] {
        let text = text_of(&format!("tests/differential/{name}.sql"))?;
        seeds.extend(text.split(";\n").map(str::to_owned));
    }
    let text = text_of("tests/differential/expressions.sql")?;
    seeds.extend(text.lines().map(|line| format!("select {line}")));
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root().join("examples/shop/migrations")).map_err(said("examples/shop"))? {
        files.push(entry.map_err(|error| error.to_string())?.path());
    }
    for path in files {
        let text = fs::read_to_string(&path).map_err(said(&path.display().to_string()))?;
        seeds.extend(text.split(";\n").map(str::to_owned));
        seeds.push(text);
    }
    Ok(seeds)
}

/// Words that mutations put in: operators of the query grammar; words of SQL, as the seeds use them, and the names
/// of functions.
fn dictionary(target: &str) -> Result<String> {
    let mut words: BTreeSet<String> = BTreeSet::new();
    if target == "query_grammar" {
        let operators = "eq neq gt gte lt lte like ilike match imatch in is isdistinct cs cd ov sl sr nxr nxl adj fts \
            plfts phfts wfts";
        words
            .extend(operators.split_whitespace().flat_map(|word| [format!(".{word}."), format!("={word}.")]));
        let others = "select= order= limit= offset= on_conflict= columns= or=( and=( not. not.or=( .not.and( ,or( \
            ::text -> ->> !inner !left ...a( count() .sum() .avg() .asc .desc .nullsfirst .nullslast is.null is.unknown \
            (any). (all). {a,b} \"a\\\"b\" %2C %28 %25 %00 %F0%9F%90%98 $root fts(english). &a= , ( ) . : *";
        words.extend(others.split_whitespace().map(str::to_owned));
    } else if target != "sql_front_end" {
        let names = "\"alg\": \"kid\": \"typ\": \"crit\": \"iss\": \"aud\": \"exp\": \"nbf\": \"iat\": \"kty\": \"crv\": \"x\": \"y\": \"n\": \"e\": \"use\": \"key_ops\":";
        words.extend(names.split_whitespace().map(str::to_owned));
    } else {
        for seed in sql_seeds()? {
            let of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            words.extend(
                seed.split(|letter| !of_word(letter)).filter(|word| word.len() > 1).map(str::to_owned),
            );
        }
        let functions = text_of("docs/functions.md")?;
        let names = functions.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        words.extend(names.map(str::to_owned));
        let signs =
            ":: -> ->> #> #>> @> <@ && || <> >= <= ~* !~ $1 $$ ' \" ( ) [ ] -- /* */ E'\\\\ ::jsonb[] .*";
        words.extend(signs.split_whitespace().map(str::to_owned));
    }
    Ok(words.iter().filter(|word| word.is_ascii() && !word.is_empty()).map(|word| quoted(word)).collect())
}

/// A line of a dictionary.
fn quoted(word: &str) -> String {
    format!("\"{}\"\n", word.replace('\\', "\\\\").replace('"', "\\\""))
}
