//! Answers taken from PostgreSQL 15, one a line: what is asked, `=>`, what it said. `\N` is NULL, `\n` a line feed,
//! `!` an error: its code, message and detail. The first word says how to ask:
//!
//! - `input type:text` — the text of the value, then ` ~ ` and what `to_json` makes of it
//! - `cast from:text to` — an explicit cast; `assign` — an assignment
//! - `call name | type:text | …` — a function or operator; rows are separated by `;`, columns by `|`
//! - `agg name | type:text , type:text | …` — an aggregate over rows
//! - `order type | text | text …` — each stands before the next
//! - `populate type json` — the value as `json_populate_record` makes it

mod support;

use mainstay_base::{Problem, Result};
use mainstay_types::value;
use support::{aggregate, call, column, context, json, literal, shown};

fn told(problem: &Problem) -> String {
    let details = problem.details().map(|details| format!(" / {details}")).unwrap_or_default();
    format!("! {} {}{details}", problem.code(), problem.message())
}

fn ask(line: &str) -> Result<String> {
    let context = context();
    let (kind, rest) = line.split_once(' ').unwrap();
    match kind {
        "input" => {
            let (ty, value) = literal(rest, &context)?;
            Ok(format!("{} ~ {}", shown(&ty, &value, &context), json(&ty, &value, &context)))
        }
        "cast" | "assign" => {
            let (from, to) = rest.rsplit_once(" -> ").unwrap();
            let (from, value) = literal(from, &context)?;
            let to = column(to);
            assert!(mainstay_types::registry::cast_kind(&from, &to.ty).is_some(), "no cast for {line}");
            let cast = value::cast(value.as_ref(), &from, &to, kind == "cast", &context)?;
            Ok(shown(&to.ty, &cast, &context))
        }
        "call" => {
            let mut parts = rest.split(" | ");
            let name = parts.next().unwrap();
            let arguments = parts.map(|part| literal(part, &context)).collect::<Result<Vec<_>>>()?;
            call(name, &arguments, &context)
        }
        "agg" => {
            let mut parts = rest.split(" | ");
            let name = parts.next().unwrap();
            let rows = parts
                .map(|row| row.split(" , ").map(|cell| literal(cell, &context)).collect::<Result<Vec<_>>>())
                .collect::<Result<Vec<_>>>()?;
            aggregate(name, &rows, &context)
        }
        "populate" => {
            let (ty, json) = rest.split_once(' ').unwrap();
            let column = column(ty);
            let value = value::from_json(&column, json, &context)?;
            Ok(shown(&column.ty, &value, &context))
        }
        other => panic!("cannot ask {other}"),
    }
}

fn check(file: &str, answers: &str) {
    let mut wrong = Vec::new();
    for (number, line) in answers.lines().enumerate() {
        let Some((question, expected)) = line.split_once(" => ") else { continue };
        let question = question.replace("\\n", "\n");
        let answer = ask(&question).unwrap_or_else(|problem| told(&problem)).replace('\n', "\\n");
        if answer != expected {
            wrong.push(format!(
                "{file}:{}: {question}\n  PostgreSQL: {expected}\n  here:       {answer}",
                number + 1
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn forms_are_read_and_written_as_postgresql_does() {
    check("forms.txt", include_str!("answers/forms.txt"));
}

#[test]
fn casts_give_what_postgresql_gives() {
    check("casts.txt", include_str!("answers/casts.txt"));
}

#[test]
fn json_functions_give_what_postgresql_gives() {
    check("json.txt", include_str!("answers/json.txt"));
}

#[test]
fn array_functions_give_what_postgresql_gives() {
    check("arrays.txt", include_str!("answers/arrays.txt"));
}

#[test]
fn aggregates_give_what_postgresql_gives() {
    check("aggregates.txt", include_str!("answers/aggregates.txt"));
}
