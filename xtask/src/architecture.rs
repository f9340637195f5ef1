//! The rules that a machine can hold: arrows between crates, one home for each heavy third party, budgets.

use crate::process::{self, Result, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Third parties that may stand in one manifest only.
const ONE_HOME: &[(&str, &str)] =
    &[("pg_query", "sql"), ("rusqlite", "sqlite"), ("hyper", "http"), ("clap", "cli"), ("notify", "app")];
const LOCKED_PACKAGES_MAX: usize = 450;

pub fn check() -> Result<()> {
    let mut wrong = Vec::new();
    let floors = floors()?;
    let metadata = metadata()?;
    arrows(&metadata, &floors, &mut wrong);
    homes(&metadata, &mut wrong);
    front_pages(&floors, &mut wrong)?;
    let locked = fs::read_to_string(root().join("Cargo.lock")).map_err(|error| error.to_string())?;
    let packages = locked.matches("[[package]]").count();
    if packages > LOCKED_PACKAGES_MAX {
        wrong.push(format!("{packages} locked packages; the budget is {LOCKED_PACKAGES_MAX}"));
    }
    if wrong.is_empty() {
        println!("architecture: {} crates stand on their floors, {packages} locked packages", floors.len());
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

/// Crate to rank, read from the block after «The house» in ARCHITECTURE.md: a line is `floor crate …`, lower
/// numbers are lower floors, and within floor 0 each crate stands on the ones before it.
fn floors() -> Result<BTreeMap<String, u32>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md"))
        .map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    let block = text.split("```floors").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.ok_or("ARCHITECTURE.md has no block ```floors")?;
    let mut floors = BTreeMap::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let floor: u32 = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| format!("ARCHITECTURE.md: `{line}` does not start with a floor"))?;
        let ordered = line.contains('<');
        let names = words.filter(|word| *word != "<").take_while(|word| !word.starts_with('('));
        for (index, name) in (0_u32..).zip(names) {
            floors.insert(name.to_owned(), floor * 100 + if ordered { index } else { 0 });
        }
    }
    Ok(floors)
}

fn metadata() -> Result<Value> {
    let text = process::output(process::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

fn packages(metadata: &Value) -> impl Iterator<Item = (&str, &Vec<Value>)> {
    metadata["packages"].as_array().into_iter().flatten().filter_map(|package| {
        let name = package["name"].as_str()?.strip_prefix("mainstay-")?;
        Some((name, package["dependencies"].as_array()?))
    })
}

fn arrows(metadata: &Value, floors: &BTreeMap<String, u32>, wrong: &mut Vec<String>) {
    for (from, dependencies) in packages(metadata) {
        let Some(rank) = floors.get(from) else {
            wrong.push(format!("crate {from} has no floor in ARCHITECTURE.md"));
            continue;
        };
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"] != "dev") {
            let Some(to) = dependency["name"].as_str().and_then(|name| name.strip_prefix("mainstay-")) else {
                continue;
            };
            if floors.get(to).is_none_or(|below| below >= rank) {
                wrong.push(format!("{from} must not depend on {to}: see ARCHITECTURE.md, floors"));
            }
        }
    }
}

fn homes(metadata: &Value, wrong: &mut Vec<String>) {
    for (from, dependencies) in packages(metadata) {
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"] != "dev") {
            let home = ONE_HOME.iter().find(|(name, _)| dependency["name"] == *name).map(|(_, home)| *home);
            if let Some(home) = home.filter(|home| *home != from) {
                wrong.push(format!(
                    "{} belongs to {home} alone; {from} must not depend on it",
                    dependency["name"]
                ));
            }
        }
    }
}

/// Every crate's `lib.rs` opens with its sentence, its secret, its absences, its invariant and its door.
fn front_pages(floors: &BTreeMap<String, u32>, wrong: &mut Vec<String>) -> Result<()> {
    for name in floors.keys() {
        let path = root().join("crates").join(name).join("src/lib.rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for part in ["Hidden here:", "Not here:", "Invariant:", "Start reading at"] {
            if !text.contains(&format!("//! {part}")) {
                wrong.push(format!("crates/{name}/src/lib.rs lacks a line `//! {part}`"));
            }
        }
    }
    Ok(())
}
