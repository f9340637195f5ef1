//! Finds the row that a constraint refused, for PostgreSQL's details. SQLite only names the constraint.
//!
//! A statement that failed has left nothing behind. Its step has a query for the rows that it was about to write
//! ([`mainstay_sql::plan::NewRows`]); they are read in order until one breaks the constraint. Nothing of this is done
//! for a statement that succeeds.

use crate::problems::{self, Violated, show_key};
use crate::raw::{Failure, Statement, Stepped};
use crate::rows::owned_row;
use crate::scope;
use crate::writer::Writer;
use mainstay_base::Problem;
use mainstay_sql::bind::lower_row_expression;
use mainstay_sql::catalog::{ConstraintKind, Relation, quote_identifier};
use mainstay_sql::plan::{CompiledStep, NewRows};
use mainstay_types::{Context, Type, Value, ValueRef, value};
use std::collections::{HashMap, HashSet};

/// The problem of a step, with the row that it speaks of.
pub(crate) fn with_details(
    writer: &Writer,
    problem: Problem,
    failure: Option<&Failure>,
    step: Option<&CompiledStep>,
    values: &[Value],
    context: &Context,
) -> Problem {
    if problem.details().is_some() || !matches!(problem.code(), "23502" | "23505" | "23514") {
        return problem;
    }
    let Some((step, rows)) = step.and_then(|step| Some((step, step.new_rows.as_ref()?))) else {
        return problem;
    };
    let Some(relation) = step.target.as_ref().and_then(|name| writer.catalog.relation(name)) else {
        return problem;
    };
    let violated = failure.and_then(|failure| problems::violated(failure, &writer.catalog));
    // Sequences give the same values again, and go on from where the failure left them.
    let left = writer.sequences.borrow().clone();
    writer.sequences.borrow_mut().rewind();
    let found = scope::without_refusals(|| {
        Search { writer, relation, context }.details(violated.as_ref(), rows, values)
    });
    *writer.sequences.borrow_mut() = left;
    scope::take_problem();
    match found {
        Ok(Some(details)) => match (violated, &rows.partition) {
            // The statement does not speak of the table, so neither does its problem.
            (Some(Violated::Partition), Some(partition)) => Problem::new(
                "23514",
                format!("new row for relation \"{}\" violates partition constraint", partition.name),
            ),
            _ => problem,
        }
        .with_details(details),
        _ => problem,
    }
}

struct Search<'w> {
    writer: &'w Writer,
    relation: &'w Relation,
    context: &'w Context,
}

impl Search<'_> {
    fn details(
        &self,
        violated: Option<&Violated>,
        rows: &NewRows,
        values: &[Value],
    ) -> Result<Option<String>, Failure> {
        match violated {
            Some(Violated::Null { table, column }) if *table == self.relation.name => {
                self.row_with_null(column, rows, values)
            }
            Some(Violated::Check(name)) => self.row_breaking_check(name, rows, values),
            Some(Violated::Partition) => self.row_without_partition(rows, values),
            Some(Violated::Unique(columns)) if !columns.is_empty() => self.key_again(columns, rows, values),
            // A callback refused the key that is SQLite's rowid.
            None => match self.relation.rowid_column() {
                Some(column) => self.row_with_null(&column.name, rows, values),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Hands over the rows, each behind its rowid, until `find` finds something in one.
    fn each<R>(
        &self,
        rows: &NewRows,
        values: &[Value],
        mut find: impl FnMut(&Value, &[Value]) -> Result<Option<R>, Failure>,
    ) -> Result<Option<R>, Failure> {
        let mut statement = Statement::prepare(self.writer.connection.raw(), &rows.query)?;
        let mut run = statement.run(values.iter().map(Value::as_ref))?;
        while run.step()? == Stepped::Row {
            let row = owned_row(&run);
            if let [rowid, row @ ..] = row.as_slice()
                && let Some(found) = find(rowid, row)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn shown(&self, row: &[Value]) -> String {
        let typed =
            self.relation.columns.iter().map(|column| &column.ty.ty).zip(row.iter().map(Value::as_ref));
        format!("Failing row contains {}.", value::show_row(typed, self.context))
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.relation.columns.iter().position(|other| other.name == column)
    }

    fn row_with_null(
        &self,
        column: &str,
        rows: &NewRows,
        values: &[Value],
    ) -> Result<Option<String>, Failure> {
        let Some(place) = self.place(column) else { return Ok(None) };
        self.each(rows, values, |_, row| {
            Ok(row.get(place).is_some_and(Value::is_null).then(|| self.shown(row)))
        })
    }

    fn row_breaking_check(
        &self,
        name: &str,
        rows: &NewRows,
        values: &[Value],
    ) -> Result<Option<String>, Failure> {
        let expression = self.relation.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::Check { expression } if constraint.name == name => Some(expression),
            _ => None,
        });
        let Some(expression) = expression else { return Ok(None) };
        self.row_breaking(expression, rows, values, |row| self.shown(row))
    }

    /// Of a statement that names a partition the first row which that one does not hold, of another the key of the
    /// first row that none holds.
    fn row_without_partition(&self, rows: &NewRows, values: &[Value]) -> Result<Option<String>, Failure> {
        let catalog = &self.writer.catalog;
        let partition = rows.partition.as_ref().and_then(|name| catalog.relation(name));
        let condition = match partition {
            Some(partition) => catalog.partition_condition(partition),
            None => catalog.some_partition(self.relation),
        };
        let (Some(condition), Some(key)) = (condition, self.relation.partition_key()) else {
            return Ok(None);
        };
        let holds = format!("({condition}) IS TRUE");
        self.row_breaking(&holds, rows, values, |row| match partition {
            Some(_) => self.shown(row),
            None => {
                let of_row = |name: &String| {
                    let place = self.place(name)?;
                    Some((&self.relation.columns.get(place)?.ty.ty, row.get(place)?.as_ref()))
                };
                let shown = value::show_row(key.columns.iter().filter_map(of_row), self.context);
                let names = key.columns.join(", ");
                format!("Partition key of the failing row contains ({names}) = {shown}.")
            }
        })
    }

    /// The first row that does not meet the condition, as `show` shows it.
    fn row_breaking(
        &self,
        expression: &str,
        rows: &NewRows,
        values: &[Value],
        show: impl Fn(&[Value]) -> String,
    ) -> Result<Option<String>, Failure> {
        let lowered =
            lower_row_expression(&self.writer.catalog, self.relation, expression, Some(&Type::Bool.into()));
        let Ok((check, _)) = lowered else { return Ok(None) };
        let columns: Vec<String> = self
            .relation
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let collation = column.ty.ty.storage().collation;
                let collate = collation.map(|name| format!(" COLLATE {}", quote_identifier(&name)));
                format!("?{}{} AS {}", index + 1, collate.unwrap_or_default(), quote_identifier(&column.name))
            })
            .collect();
        let text = format!("SELECT 1 FROM (SELECT {}) WHERE NOT ({check})", columns.join(", "));
        let mut test = Statement::prepare(self.writer.connection.raw(), &text)?;
        self.each(rows, values, |_, row| {
            let broken = test.run(row.iter().map(Value::as_ref))?.step()? == Stepped::Row;
            Ok(broken.then(|| show(row)))
        })
    }

    /// The first row whose key another row has: one of the table that the statement has not changed before, or one
    /// that it has written.
    fn key_again(
        &self,
        columns: &[String],
        rows: &NewRows,
        values: &[Value],
    ) -> Result<Option<String>, Failure> {
        let tests: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} = ?{}", quote_identifier(column), index + 1))
            .collect();
        let table = quote_identifier(&self.relation.physical_name());
        let text = format!("SELECT _rowid_ FROM main.{table} WHERE {}", tests.join(" AND "));
        let mut lookup = Statement::prepare(self.writer.connection.raw(), &text)?;
        let mut written: HashMap<String, i64> = HashMap::new();
        let mut passed: HashSet<i64> = HashSet::new();
        let mut number = 0;
        self.each(rows, values, |rowid, row| {
            let key: Option<Vec<(&str, &Type, ValueRef<'_>)>> = columns
                .iter()
                .map(|name| {
                    let place = self.place(name)?;
                    let column = self.relation.columns.get(place)?;
                    let value = row.get(place).filter(|value| !value.is_null())?;
                    Some((name.as_str(), &column.ty.ty, value.as_ref()))
                })
                .collect();
            let own = match rowid {
                Value::Integer(rowid) => Some(*rowid),
                _ => None,
            };
            number += 1;
            if let Some(key) = key {
                let shown = show_key(&key, self.context);
                let mut taken = written.contains_key(&shown);
                let mut run = lookup.run(key.iter().map(|(_, _, value)| *value))?;
                while !taken && run.step()? == Stepped::Row {
                    taken = matches!(run.value(0), ValueRef::Integer(other)
                        if Some(other) != own && !passed.contains(&other));
                }
                if taken {
                    return Ok(Some(format!("Key {shown} already exists.")));
                }
                written.insert(shown, number);
            }
            passed.extend(own);
            Ok(None)
        })
    }
}
