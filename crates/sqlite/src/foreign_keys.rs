//! Finds out which foreign key a write violated. SQLite only says that one was.
//!
//! The write is run once more inside a savepoint with all keys deferred, so that it goes through, while the preupdate
//! hook collects the rows that it changes. Each foreign key of those rows, and each that points at them, is then looked
//! up; the first that does not hold is the answer. Everything is rolled back.

use crate::capture::ChangedValues;
use crate::discretion;
use crate::plan::NativePlan;
use crate::problems::show_key;
use crate::raw::{Failure, Statement, Stepped};
use crate::scope;
use crate::writer::Writer;
use mainstay_base::Problem;
use mainstay_engine::Write;
use mainstay_sql::catalog::{ConstraintKind, Relation, physical_name, quote_identifier};
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Context, Value};
use std::collections::HashMap;

/// A foreign key with its place.
struct ForeignKey<'a> {
    name: &'a str,
    child: &'a Relation,
    parent: &'a Relation,
    columns: &'a [String],
    target_columns: &'a [String],
}

/// A violation, and the table of which it shows a key.
type Found = (Name, Problem);

/// The problem of a write that has just been undone because of a foreign key.
pub(crate) fn name_violation(
    writer: &mut Writer,
    write: &Write,
    plans: &[&NativePlan],
    context: &Context,
) -> Problem {
    let catalog = std::sync::Arc::clone(&writer.catalog);
    let role = plans.first().and_then(|plan| plan.role.clone());
    let found = diagnose(writer, write, plans, context, &catalog);
    let Some((shown, problem)) = found.ok().flatten() else {
        return Problem::new(
            "23503",
            "insert, update or delete on a table violates a foreign key constraint",
        );
    };
    discretion::about_key(&catalog, role.as_deref(), &shown, problem)
}

fn diagnose(
    writer: &mut Writer,
    write: &Write,
    plans: &[&NativePlan],
    context: &Context,
    catalog: &Catalog,
) -> Result<Option<Found>, Failure> {
    writer.connection.batch("SAVEPOINT diagnosis; PRAGMA defer_foreign_keys = ON;")?;
    scope::with_capture(|capture| capture.values = Some(Vec::new()));
    writer.run_for_diagnosis(write, plans, context);
    let changes = scope::with_capture(|capture| capture.values.take()).flatten().unwrap_or_default();
    let found = find(writer, catalog, &changes, context);
    writer.connection.batch("ROLLBACK TO diagnosis; RELEASE diagnosis; PRAGMA defer_foreign_keys = OFF;")?;
    found
}

fn find(
    writer: &mut Writer,
    catalog: &Catalog,
    changes: &[ChangedValues],
    context: &Context,
) -> Result<Option<Found>, Failure> {
    let keys = foreign_keys(catalog);
    let mut orders: HashMap<String, Vec<String>> = HashMap::new();
    for change in changes {
        if !orders.contains_key(&change.table) {
            let columns = writer.column_order(&change.table)?;
            orders.insert(change.table.clone(), columns);
        }
        let Some(order) = orders.get(&change.table) else { continue };
        for key in &keys {
            if let Some(new) = &change.new
                && key.child.physical_name() == change.table
                && let Some(values) = pick(order, key.columns, new)
                && !exists(writer, key.parent, key.target_columns, &values)?
            {
                return Ok(Some((key.child.name.clone(), missing_parent(key, &values, context))));
            }
            if let Some(old) = &change.old
                && key.parent.physical_name() == change.table
                && let Some(values) = pick(order, key.target_columns, old)
                && !exists(writer, key.parent, key.target_columns, &values)?
                && exists(writer, key.child, key.columns, &values)?
            {
                return Ok(Some((key.parent.name.clone(), still_referenced(key, &values, context))));
            }
        }
    }
    Ok(None)
}

fn foreign_keys(catalog: &Catalog) -> Vec<ForeignKey<'_>> {
    let mut keys = Vec::new();
    for child in catalog.relations.values() {
        for constraint in &child.constraints {
            if let ConstraintKind::ForeignKey { columns, target, target_columns, .. } = &constraint.kind
                && let Some(parent) = catalog.relation(target)
            {
                let target_columns = if target_columns.is_empty() {
                    parent.primary_key().unwrap_or_default()
                } else {
                    target_columns
                };
                keys.push(ForeignKey { name: &constraint.name, child, parent, columns, target_columns });
            }
        }
    }
    keys
}

/// The values of a key in a row; `None` where one is NULL, which satisfies every foreign key.
fn pick(order: &[String], key: &[String], row: &[Value]) -> Option<Vec<Value>> {
    key.iter()
        .map(|name| {
            let index = order.iter().position(|column| column == name)?;
            row.get(index).filter(|value| !value.is_null()).cloned()
        })
        .collect()
}

fn exists(
    writer: &Writer,
    relation: &Relation,
    columns: &[String],
    values: &[Value],
) -> Result<bool, Failure> {
    let conditions: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{} = ?{}", quote_identifier(column), index + 1))
        .collect();
    let text = format!(
        "SELECT 1 FROM main.{} WHERE {} LIMIT 1",
        quote_identifier(&physical_name(&relation.name)),
        conditions.join(" AND ")
    );
    let mut statement = Statement::prepare(writer.connection.raw(), &text)?;
    let mut run = statement.run(values.iter().map(Value::as_ref))?;
    Ok(run.step()? == Stepped::Row)
}

fn show(relation: &Relation, columns: &[String], values: &[Value], context: &Context) -> String {
    let pairs: Vec<_> = columns
        .iter()
        .zip(values)
        .filter_map(|(name, value)| relation.column(name).map(|c| (name.as_str(), &c.ty.ty, value.as_ref())))
        .collect();
    show_key(&pairs, context)
}

fn missing_parent(key: &ForeignKey<'_>, values: &[Value], context: &Context) -> Problem {
    Problem::new(
        "23503",
        format!(
            "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
            key.child.name.name, key.name
        ),
    )
    .with_details(format!(
        "Key {} is not present in table \"{}\".",
        show(key.child, key.columns, values, context),
        key.parent.name.name
    ))
}

fn still_referenced(key: &ForeignKey<'_>, values: &[Value], context: &Context) -> Problem {
    Problem::new(
        "23503",
        format!(
            "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
            key.parent.name.name, key.name, key.child.name.name
        ),
    )
    .with_details(format!(
        "Key {} is still referenced from table \"{}\".",
        show(key.parent, key.target_columns, values, context),
        key.child.name.name
    ))
}

/// The problem behind a row of `PRAGMA foreign_key_check`, for migrations that copied tables.
pub(crate) fn of_check(catalog: &Catalog, child: &str, parent: &str) -> Problem {
    let keys = foreign_keys(catalog);
    let key =
        keys.iter().find(|key| key.child.physical_name() == child && key.parent.physical_name() == parent);
    match key {
        Some(key) => Problem::new(
            "23503",
            format!(
                "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                key.child.name.name, key.name
            ),
        )
        .with_details(format!("A key is not present in table \"{}\".", key.parent.name.name)),
        None => Problem::new(
            "23503",
            format!("rows of table \"{child}\" refer to rows of table \"{parent}\" that do not exist"),
        ),
    }
}
