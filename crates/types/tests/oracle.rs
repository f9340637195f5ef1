//! Answers taken from PostgreSQL 15, one a line: what is asked, `=>`, what it said. `\N` is NULL, `\n` a line feed,
//! `!` an error: its code, message and detail. The first word says how to ask:
//!
//! - `input type:text` — the text of the value, then ` ~ ` and what `to_json` makes of it
//! - `cast from:text to` — an explicit cast; `assign` — an assignment
//! - `call name | type:text | …` — a function or operator; rows are separated by `;`, columns by `|`
//! - `agg name | type:text , type:text | …` — an aggregate over rows
//! - `cast_kinds.txt`: a type and where it casts to by itself (`i`), by assignment (`a`), explicitly (`e`)
//! - `order.txt`: a type and its values in order, equal ones joined by ` = `
//! - `populate type json` — the value as `json_populate_record` makes it

mod support;

use mainstay_base::{Problem, Result};
use mainstay_types::registry::{CastKind, cast_kind};
use mainstay_types::{Value, value};
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
fn casts_apply_where_postgresql_applies_them() {
    let answers = include_str!("answers/cast_kinds.txt");
    let names: Vec<&str> = answers.lines().filter_map(|line| Some(line.split_once(" => ")?.0)).collect();
    for line in answers.lines() {
        let Some((from, expected)) = line.split_once(" => ") else { continue };
        let to = |wanted: CastKind| {
            let fits = |name: &&&str| {
                **name != from && cast_kind(&column(from).ty, &column(name).ty) == Some(wanted)
            };
            names.iter().filter(fits).copied().collect::<Vec<_>>().join(",")
        };
        let kinds = [CastKind::Implicit, CastKind::Assignment, CastKind::Explicit].map(to);
        assert_eq!(
            format!("i {}; a {}; e {}", kinds[0], kinds[1], kinds[2]),
            sorted_as(expected, &names),
            "{from}"
        );
    }
}

/// The lists of a line in the order of `names`.
fn sorted_as(line: &str, names: &[&str]) -> String {
    let part = |part: &str| {
        let (kind, list) = part.split_once(' ').unwrap();
        let listed: Vec<&str> = list.split(',').collect();
        let kept: Vec<&str> = names.iter().filter(|name| listed.contains(name)).copied().collect();
        format!("{kind} {}", kept.join(","))
    };
    line.split("; ").map(part).collect::<Vec<_>>().join("; ")
}

#[test]
fn values_are_ordered_as_postgresql_orders_them() {
    let context = context();
    for line in include_str!("answers/order.txt").lines() {
        let Some((name, groups)) = line.split_once(" => ") else { continue };
        let ty = column(name).ty;
        let groups: Vec<Vec<Value>> = groups
            .split(" < ")
            .map(|group| {
                group.split(" = ").map(|text| value::input(&column(name), text, &context).unwrap()).collect()
            })
            .collect();
        let ranked: Vec<(usize, &Value)> = groups
            .iter()
            .enumerate()
            .flat_map(|(rank, group)| group.iter().map(move |v| (rank, v)))
            .collect();
        // A collation knows no types: text forms of numbers within arrays of text and the like are enough here.
        let collation = ty.storage().collation;
        for (left_rank, left) in &ranked {
            for (right_rank, right) in &ranked {
                let expected = left_rank.cmp(right_rank);
                let order = value::compare(&ty, left.as_ref(), right.as_ref(), &context);
                assert_eq!(order, expected, "{name}: {left:?} and {right:?}");
                if let (Some(collation), Value::Text(left), Value::Text(right)) = (&collation, left, right) {
                    let order = value::collate(collation, left, right, &context.registry);
                    assert_eq!(order, expected, "{collation}: {left} and {right}");
                }
            }
        }
    }
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

#[test]
fn json_paths_give_what_postgresql_gives() {
    check("paths.txt", include_str!("answers/paths.txt"));
}
