//! Documents made from the code: what is there can then not differ from what is written.

use crate::process::{Result, root};
use mainstay_types::registry::{self, Body, Kind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

fn documents() -> Vec<(&'static str, String)> {
    vec![("docs/functions.md", functions())]
}

pub fn write() -> Result<()> {
    for (path, text) in documents() {
        fs::write(root().join(path), text).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

pub fn check() -> Result<()> {
    for (path, text) in documents() {
        let there = fs::read_to_string(root().join(path)).unwrap_or_default();
        if there != text {
            return Err(format!("{path} is not what the code says: run `cargo xtask docs`"));
        }
    }
    println!("documents: generated ones agree with the code");
    Ok(())
}

fn functions() -> String {
    let mut sections: BTreeMap<&str, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for native in
        registry::natives().filter(|native| !native.name.starts_with("pg_") || native.name == "pg_typeof")
    {
        let arguments: Vec<String> = native.args.iter().map(|ty| name(*ty)).collect();
        let returns = match &native.body {
            Body::Rows { .. } => format!("setof {}", name(native.returns)),
            _ => name(native.returns),
        };
        let entry = match (native.kind, arguments.as_slice()) {
            (Kind::Operator, [left, right]) => format!("{left} `{}` {right} → {returns}", native.name),
            (Kind::Operator, _) => format!("`{}` {} → {returns}", native.name, arguments.join(", ")),
            (Kind::Function, _) => {
                let variadic = if native.variadic { ", …" } else { "" };
                format!("{}({}{variadic}) → {returns}", native.name, arguments.join(", "))
            }
        };
        sections.entry(native.section).or_default().entry(native.name.to_owned()).or_default().push(entry);
    }
    for aggregate in registry::aggregates().filter(|aggregate| !aggregate.name.starts_with("pg_")) {
        let arguments: Vec<String> = aggregate.args.iter().map(|ty| name(*ty)).collect();
        let entry = format!("{}({}) → {}", aggregate.name, arguments.join(", "), name(aggregate.returns));
        sections
            .entry(aggregate.section)
            .or_default()
            .entry(aggregate.name.to_owned())
            .or_default()
            .push(entry);
    }
    let count: usize = sections.values().flat_map(BTreeMap::values).map(Vec::len).sum();
    let mut out = format!(
        "# Functions and operators of the embedded engine\n\n\
         Made by `cargo xtask docs` from the table in `crates/types`: {count} signatures. Names, types and results are\n\
         those of PostgreSQL 15; comparisons (`=`, `<`, …) work for every type that has them there.\n"
    );
    for (section, entries) in sections {
        let _ = write!(out, "\n## {section}\n\n| name | signatures |\n| --- | --- |\n");
        for (name, signatures) in entries {
            let signatures = signatures.join("<br>").replace('|', "\\|");
            let _ = writeln!(out, "| `{}` | {signatures} |", name.replace('|', "\\|"));
        }
    }
    out
}

fn name(ty: registry::Ty) -> String {
    let ty = ty.to_type();
    ty.builtin_name().map_or_else(|| ty.symbol(), std::borrow::Cow::into_owned)
}
