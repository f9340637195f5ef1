//! The problems that PostgREST names, in its words.

use crate::relationships::{Cardinality, Relationship};
use mainstay_base::Problem;
use mainstay_sql::Name;
use serde_json::json;
use std::fmt::Display;

pub(crate) fn table_not_found(schema: &str, name: &str, near: Option<&str>) -> Problem {
    let problem =
        Problem::new("PGRST205", format!("Could not find the table '{schema}.{name}' in the schema cache"));
    match near {
        Some(near) => problem.with_hint(format!("Perhaps you meant the table '{schema}.{near}'")),
        None => problem,
    }
}

pub(crate) fn column_not_found(relation: &str, column: &str) -> Problem {
    Problem::new(
        "PGRST204",
        format!("Could not find the '{column}' column of '{relation}' in the schema cache"),
    )
}

/// PostgreSQL's own complaint about a column in a `SELECT`.
pub(crate) fn undefined_column(alias: &str, column: &str, near: Option<String>) -> Problem {
    let problem = Problem::new("42703", format!("column {alias}.{column} does not exist"));
    match near {
        Some(near) => {
            problem.with_hint(format!("Perhaps you meant to reference the column \"{alias}.{near}\"."))
        }
        None => problem,
    }
}

pub(crate) fn undefined_type(name: &str) -> Problem {
    Problem::new("42704", format!("type \"{name}\" does not exist"))
}

pub(crate) fn no_relationship(
    origin: &str,
    target: &str,
    hint: Option<&str>,
    schema: &str,
    near: Option<String>,
) -> Problem {
    let using = hint.map(|hint| format!("' using the hint '{hint}")).unwrap_or_default();
    let problem = Problem::new(
        "PGRST200",
        format!("Could not find a relationship between '{origin}' and '{target}' in the schema cache"),
    )
    .with_details(format!(
        "Searched for a foreign key relationship between '{origin}' and '{target}{using}' in the schema '{schema}', but no matches were found."
    ));
    match near {
        Some(near) => problem.with_hint(near),
        None => problem,
    }
}

/// `details` is a JSON array, which a face writes as such.
pub(crate) fn ambiguous_relationship(origin: &str, target: &str, found: &[&Relationship]) -> Problem {
    let details: Vec<serde_json::Value> = found.iter().map(|relationship| summary(relationship)).collect();
    let hints: Vec<String> = found.iter().map(|relationship| hint(relationship)).collect();
    Problem::new(
        "PGRST201",
        format!(
            "Could not embed because more than one relationship was found for '{origin}' and '{target}'"
        ),
    )
    .with_details(serde_json::Value::Array(details).to_string())
    .with_hint(format!(
        "Try changing '{target}' to one of the following: {}. Find the desired relationship in the 'details' key.",
        hints.join(", ")
    ))
}

fn summary(relationship: &Relationship) -> serde_json::Value {
    let (table, foreign) = (&relationship.table.name, &relationship.foreign.name);
    let embedding = format!("{table} with {foreign}");
    let list = |columns: &mut dyn Iterator<Item = &String>| {
        format!("({})", columns.map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let direct = |word: &str, constraint: &str, columns: &[(String, String)]| {
        json!({
            "cardinality": word,
            "relationship": format!(
                "{constraint} using {table}{} and {foreign}{}",
                list(&mut columns.iter().map(|(own, _)| own)),
                list(&mut columns.iter().map(|(_, other)| other)),
            ),
            "embedding": embedding,
        })
    };
    match &relationship.cardinality {
        Cardinality::OneToMany { constraint, columns } => direct("one-to-many", constraint, columns),
        Cardinality::ManyToOne { constraint, columns } => direct("many-to-one", constraint, columns),
        Cardinality::OneToOne { constraint, columns, .. } => direct("one-to-one", constraint, columns),
        Cardinality::ManyToMany(junction) => json!({
            "cardinality": "many-to-many",
            "relationship": format!(
                "{} using {}{} and {}{}",
                junction.table.name,
                junction.source_constraint,
                list(&mut junction.source.iter().map(|(_, own)| own)),
                junction.target_constraint,
                list(&mut junction.target.iter().map(|(_, own)| own)),
            ),
            "embedding": embedding,
        }),
        Cardinality::Computed { .. } => json!({}),
    }
}

fn hint(relationship: &Relationship) -> String {
    let target = &relationship.foreign.name;
    match &relationship.cardinality {
        Cardinality::OneToMany { constraint, .. }
        | Cardinality::ManyToOne { constraint, .. }
        | Cardinality::OneToOne { constraint, .. } => format!("'{target}!{constraint}'"),
        Cardinality::ManyToMany(junction) => format!("'{target}!{}'", junction.table.name),
        Cardinality::Computed { .. } => String::new(),
    }
}

pub(crate) fn not_embedded(name: &str) -> Problem {
    Problem::new("PGRST108", format!("'{name}' is not an embedded resource in this request"))
        .with_hint(format!("Verify that '{name}' is included in the 'select' query parameter."))
}

pub(crate) fn related_order_not_to_one(origin: &str, target: &str) -> Problem {
    Problem::new("PGRST118", format!("A related order on '{target}' is not possible")).with_details(format!(
        "'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"
    ))
}

pub(crate) fn aggregates_not_allowed() -> Problem {
    Problem::new("PGRST123", "Use of aggregate functions is not allowed")
}

pub(crate) fn not_implemented(details: &str) -> Problem {
    Problem::new("PGRST127", "Feature not implemented").with_details(details)
}

pub(crate) fn invalid_body(message: &str) -> Problem {
    Problem::new("PGRST102", message)
}

pub(crate) fn empty_or_invalid_json() -> Problem {
    invalid_body("Empty or invalid json")
}

pub(crate) fn invalid_put_filters() -> Problem {
    Problem::new("PGRST105", "Filters must include all and only primary key columns with 'eq' operators")
}

pub(crate) fn put_limit() -> Problem {
    Problem::new("PGRST114", "limit/offset querystring parameters are not allowed for PUT")
}

pub(crate) fn put_mismatch() -> Problem {
    Problem::new("PGRST115", "Payload values do not match URL in primary key column(s)")
}

/// In place of a number of rows that only the store will know.
pub(crate) const ROWS_UNKNOWN: &str = "{rows}";

pub(crate) fn not_singular(rows: impl Display) -> Problem {
    Problem::new("PGRST116", "Cannot coerce the result to a single JSON object")
        .with_details(format!("The result contains {rows} rows"))
}

pub(crate) fn max_affected(rows: impl Display) -> Problem {
    Problem::new("PGRST124", "Query result exceeds max-affected preference constraint")
        .with_details(format!("The query affects {rows} rows"))
}

pub(crate) fn max_affected_call() -> Problem {
    Problem::new(
        "PGRST128",
        "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
    )
}

pub(crate) fn read_only(what: &str) -> Problem {
    Problem::new("25006", format!("cannot execute {what} in a read-only transaction"))
}

/// In pg-safeupdate's words.
pub(crate) fn unfiltered(what: &str) -> Problem {
    Problem::new("21000", format!("{what} requires a WHERE clause"))
}

pub(crate) fn embed_too_deep(levels: usize) -> Problem {
    Problem::new("54000", format!("embedded resources are nested deeper than {levels} levels"))
        .with_hint("ask for the inner resources in a request of their own")
}

pub(crate) fn unacceptable_schema(schema: &str, exposed: &[String]) -> Problem {
    Problem::new("PGRST106", format!("Invalid schema: {schema}"))
        .with_hint(format!("Only the following schemas are exposed: {}", exposed.join(", ")))
}

/// What a call looked for, to say so when nothing was found.
pub(crate) struct CallSought<'a> {
    pub(crate) function: &'a Name,
    /// Sorted.
    pub(crate) arguments: &'a [&'a str],
    /// The word of the type where the body was one argument (`text`, `bytea`).
    pub(crate) single: Option<&'static str>,
    /// Whether a JSON body could also have been a single unnamed argument.
    pub(crate) json: bool,
}

pub(crate) fn function_not_found(sought: &CallSought<'_>, near: Option<String>) -> Problem {
    let function = format!("{}.{}", sought.function.schema, sought.function.name);
    let list = sought.arguments.join(", ");
    let plain =
        |with: String| if sought.arguments.is_empty() { " without parameters".to_owned() } else { with };
    let called = match sought.single {
        Some(_) => String::new(),
        None => plain(format!("({list})")),
    };
    let plural = if sought.arguments.len() > 1 { "s" } else { "" };
    let searched = match sought.single {
        Some(word) => format!(" with a single unnamed {word} parameter"),
        None => {
            let named = plain(format!(" with parameter{plural} {list}"));
            let or = if sought.json { " or with a single unnamed json/jsonb parameter" } else { "" };
            format!("{named}{or}")
        }
    };
    let problem = Problem::new(
        "PGRST202",
        format!("Could not find the function {function}{called} in the schema cache"),
    )
    .with_details(format!(
        "Searched for the function {function}{searched}, but no matches were found in the schema cache."
    ));
    match near {
        Some(near) => problem.with_hint(format!("Perhaps you meant to call the function {near}")),
        None => problem,
    }
}

pub(crate) fn ambiguous_function(candidates: &[String]) -> Problem {
    Problem::new(
        "PGRST203",
        format!("Could not choose the best candidate function between: {}", candidates.join(", ")),
    )
    .with_hint(
        "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
    )
}
