//! `PATCH` and `DELETE`: rows that filters choose.

use super::insert::{column_value, writable};
use super::{Target, WritePlan, expectation, returning, write_format};
use crate::answer;
use crate::cache::Key;
use crate::payload::{self, Cell};
use crate::plan::{Builder, quoted};
use crate::problems;
use crate::query::{Condition, Request, Response, Return, Update};
use crate::schema::Schema;
use crate::service::Service;
use crate::values::{Inputs, fill};
use mainstay_base::Result;
use mainstay_engine::WriteStep;
use std::sync::Arc;

/// Stands before a key of the plan whose column takes its default; no column's name can begin with it.
const DEFAULTED: char = '\0';

impl Service {
    pub(crate) async fn run_update(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        update: &Update,
    ) -> Result<Response> {
        let parsed = payload::parse(&request.payload, update.columns.is_none())?;
        let target = Target::of(schema, request)?;
        let Some(row) = parsed.rows.first() else { return self.nothing_written(request).await };
        let (keys, cells) = assignments(row, update);
        for key in &keys {
            writable(&target, key.trim_start_matches(DEFAULTED))?;
        }
        if keys.is_empty() {
            return self.nothing_written(request).await;
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.change(schema, request, &target, &keys, &cells).await
    }

    pub(crate) async fn run_delete(&self, schema: &Arc<Schema>, request: &Request) -> Result<Response> {
        let target = Target::of(schema, request)?;
        self.change(schema, request, &target, &[], &[]).await
    }

    /// Updates the keys, or deletes where there are none.
    async fn change(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        target: &Target,
        keys: &[&str],
        cells: &[&Cell<'_>],
    ) -> Result<Response> {
        let plan = self.change_plan(schema, request, target, keys)?;
        if self.settings.unfiltered_writes_refused && request.shape.query.conditions.is_empty() {
            return Err(problems::unfiltered(if keys.is_empty() { "DELETE" } else { "UPDATE" }));
        }
        let context = self.context(schema, &request.session);
        let inputs = Inputs { literals: &request.literals, cells, ..Inputs::default() };
        let step = WriteStep {
            plan: plan.main.plan.clone(),
            value_sets: vec![fill(&plan.main.parameters, &inputs, &context)?],
            format: write_format(&request.shape, &plan.location),
            expect: expectation(request),
        };
        let written = self.write(request, vec![step]).await?;
        let rows = written.results.into_iter().next().unwrap_or_default();
        let (shape, count) = (&request.shape, rows.count);
        let body = match shape.returning {
            Return::Representation => {
                answer::body(shape, count, answer::joined(answer::format(shape), vec![rows]))?
            }
            _ => Vec::new(),
        };
        Ok(Response {
            body,
            rows: count,
            total: shape.count.map(|_| count),
            position: written.position,
            settings: written.settings,
            ..Response::default()
        })
    }

    fn change_plan(
        &self,
        schema: &Schema,
        request: &Request,
        target: &Target,
        keys: &[&str],
    ) -> Result<Arc<WritePlan>> {
        let key = Key {
            schema: &request.schema,
            target: &request.target,
            role: &request.session.role,
            shape: &request.shape,
            keys,
            variant: 0,
        };
        if let Some(plan) = self.writes.get(&key, schema.catalog.version) {
            return Ok(plan);
        }
        let mut builder = Builder::new(schema, &self.settings);
        let change = change_sql(&mut builder, target, keys, &request.shape.query.conditions)?;
        let returned = returning(&mut builder, schema, target, request, change, true)?;
        let main = self.prepare(schema, request, builder.finish(returned.sql))?;
        let plan = Arc::new(WritePlan { main, probe: None, location: returned.location, takes_rows: false });
        self.writes.put(&key, schema.catalog.version, plan.clone());
        Ok(plan)
    }
}

/// The keys of the plan, and the cells of those that are not defaulted, each at its key's place.
fn assignments<'r, 'p>(row: &'r payload::Row<'p>, update: &Update) -> (Vec<String>, Vec<&'r Cell<'p>>)
where
    'p: 'r,
{
    static ABSENT: Cell<'static> = Cell::Null;
    let Some(columns) = &update.columns else {
        return row.iter().map(|(key, cell)| (key.to_string(), cell)).unzip();
    };
    columns
        .iter()
        .map(|column| match row.iter().find(|(key, _)| key == column) {
            Some((_, cell)) => (column.clone(), cell),
            None if update.missing_default => (format!("{DEFAULTED}{column}"), &ABSENT),
            None => (column.clone(), &ABSENT),
        })
        .unzip()
}

fn change_sql(
    builder: &mut Builder<'_>,
    target: &Target,
    keys: &[&str],
    conditions: &[Condition],
) -> Result<String> {
    let change = if keys.is_empty() {
        format!("DELETE FROM {}", target.sql())
    } else {
        let mut changes = Vec::with_capacity(keys.len());
        for (place, key) in keys.iter().enumerate() {
            let column = writable(target, key.trim_start_matches(DEFAULTED))?;
            let value = match key.starts_with(DEFAULTED) {
                true => "DEFAULT".to_owned(),
                false => column_value(builder, column, place),
            };
            changes.push(format!("{} = {value}", quoted(&column.name)));
        }
        format!("UPDATE {} SET {}", target.sql(), changes.join(", "))
    };
    let mut tests = Vec::with_capacity(conditions.len());
    for condition in conditions {
        tests.push(builder.condition(&target.scope, None, condition)?);
    }
    Ok(match tests.is_empty() {
        true => change,
        false => format!("{change} WHERE {}", tests.join(" AND ")),
    })
}
