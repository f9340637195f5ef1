//! `mainstay doctor`: checks the installation, the settings and the schema, and says how to mend what is wrong.

use crate::assess;
use crate::build;
use crate::project::Project;
use mainstay_base::{Problem, Result};
use mainstay_sql::Catalog;
use mainstay_sql::catalog::{ConstraintKind, KeyKind, Relation};
use mainstay_sql::ddl::plan_migration;
use std::net::TcpListener;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// Works, but somebody should look.
    Advice,
    Broken,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub verdict: Verdict,
    pub what: String,
    /// How to mend it.
    pub remedy: Option<String>,
}

fn good(what: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Good, what: what.into(), remedy: None }
}

fn advice(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Advice, what: what.into(), remedy: Some(remedy.into()) }
}

fn broken(problem: &Problem) -> Finding {
    let remedy = problem.hint().map(str::to_owned);
    Finding { verdict: Verdict::Broken, what: problem.to_string(), remedy }
}

/// Everything that was looked at. Nothing is changed.
pub fn examine(path: &Path) -> Vec<Finding> {
    let project = match Project::open(path) {
        Ok(project) => project,
        Err(problem) => return vec![broken(&problem)],
    };
    let mut findings = vec![good(format!("settings of `{}` are valid", project.name()))];
    findings.push(data_directory(&project));
    findings.push(address(&project));
    match schema(&project) {
        Ok((catalog, mut found)) => {
            findings.append(&mut found);
            findings.extend(pre_request(&project, &catalog));
            findings.extend(
                mainstay_sql::policy::report(&catalog, &project.settings.rest.schemas)
                    .iter()
                    .filter(|finding| finding.table.schema != "auth")
                    .map(|finding| advice(finding.to_string(), finding.hint())),
            );
            findings.extend(
                catalog
                    .relations
                    .values()
                    .filter(|relation| relation.name.schema != "auth")
                    .flat_map(|relation| table_advice(relation)),
            );
        }
        Err(problem) => findings.push(broken(&problem)),
    }
    findings
}

fn data_directory(project: &Project) -> Finding {
    let shown = project.data_dir.display();
    if !project.data_dir.exists() {
        return good(format!("data directory `{shown}` is made at the first start"));
    }
    let probe = project.data_dir.join(".doctor");
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => good(format!("data directory `{shown}` is writable")),
        Err(error) => broken(
            &Problem::new("MS020", format!("data directory `{shown}` is not writable: {error}"))
                .with_hint("give this user the right to write there, or move it with `[store] data_dir`"),
        ),
    }
}

fn address(project: &Project) -> Finding {
    let listen = &project.settings.server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => good(format!("address {listen} is free")),
        Err(error) => advice(
            format!("address {listen} cannot be used now: {error}"),
            "stop what uses it (perhaps `mainstay dev` itself), or set `[server] listen`",
        ),
    }
}

fn pre_request(project: &Project, catalog: &Catalog) -> Option<Finding> {
    let name = project.settings.rest.pre_request.as_ref()?;
    Some(match build::check_pre_request(project, catalog) {
        Ok(()) => good(format!("function {name}() runs before each request")),
        Err(problem) => broken(&problem),
    })
}

fn schema(project: &Project) -> Result<(Catalog, Vec<Finding>)> {
    let mut findings = Vec::new();
    let mut catalog = assess::starting_catalog()?;
    let files = project.migrations()?;
    for file in &files {
        catalog = plan_migration(&catalog, &file.text)?.catalog;
    }
    let assessment = match files.is_empty() {
        true => {
            return Ok((
                catalog,
                vec![advice("there are no migrations yet", "write one with `mainstay migrate new`")],
            ));
        }
        false => assess::assess(&project.migrations_dir)?,
    };
    match assessment.refused.as_slice() {
        [] => findings.push(good(format!(
            "{} statements in {} migrations fit",
            assessment.statements,
            files.len()
        ))),
        refused => findings.push(Finding {
            verdict: Verdict::Broken,
            what: format!("{} statements of the migrations would be refused", refused.len()),
            remedy: Some("see `mainstay migrate assess`".to_owned()),
        }),
    }
    Ok((catalog, findings))
}

/// What an experienced eye sees in a table.
fn table_advice(relation: &Relation) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !relation.is_table() {
        return findings;
    }
    let name = &relation.name;
    let Some(key) = relation.primary_key() else {
        findings.push(advice(
            format!("table {name} has no primary key"),
            "rows without a key cannot be upserted, linked to or followed by realtime: add one",
        ));
        return findings;
    };
    if let [only] = key
        && let Some(column) = relation.column(only)
        && column
            .default
            .as_deref()
            .is_some_and(|text| text.contains("gen_random_uuid") || text.contains("uuid_generate_v4"))
    {
        findings.push(advice(
            format!("{name}.{only} gets random keys (UUIDv4)"),
            "`default uuidv7()` makes keys that grow with time and are about ten times cheaper to insert into large tables",
        ));
    }
    for constraint in &relation.constraints {
        if let ConstraintKind::ForeignKey { columns, .. } = &constraint.kind
            && !is_indexed(relation, columns)
        {
            findings.push(advice(
                format!("foreign key {} of {name} has no index", constraint.name),
                format!(
                    "create index on {name} ({}); embeds and deletes of the parent scan the table without it",
                    columns.join(", ")
                ),
            ));
        }
    }
    findings
}

fn is_indexed(relation: &Relation, columns: &[String]) -> bool {
    let starts = |keys: &[&str]| {
        columns.len() <= keys.len()
            && columns.iter().all(|column| keys[..columns.len()].contains(&column.as_str()))
    };
    let by_index = relation.indexes.iter().any(|index| {
        let keys: Vec<&str> = index
            .keys
            .iter()
            .map_while(|key| match &key.key {
                KeyKind::Column(name) => Some(name.as_str()),
                KeyKind::Expression(_) => None,
            })
            .collect();
        index.predicate.is_none() && starts(&keys)
    });
    by_index
        || relation.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns: keys } | ConstraintKind::Unique { columns: keys, .. } => {
                starts(&keys.iter().map(String::as_str).collect::<Vec<_>>())
            }
            _ => false,
        })
}

/// The findings as a person reads them, and whether all is well enough to start.
pub fn render(findings: &[Finding]) -> (String, bool) {
    let mut out = String::new();
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => "ok  ",
            Verdict::Advice => "look",
            Verdict::Broken => "FAIL",
        };
        out.push_str(&format!("{mark}  {}\n", finding.what));
        if let Some(remedy) = &finding.remedy {
            out.push_str(&format!("      {remedy}\n"));
        }
    }
    let broken = findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count();
    let looks = findings.iter().filter(|finding| finding.verdict == Verdict::Advice).count();
    out.push_str(&format!("\n{} checks: {broken} failed, {looks} to look at.\n", findings.len()));
    (out, broken == 0)
}
