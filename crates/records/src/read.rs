//! Reads rows of a relation.

use crate::answer;
use crate::cache::Key;
use crate::plan::field::Scope;
use crate::plan::tree::from_where;
use crate::plan::{Builder, Statement, qualified, quoted};
use crate::pre_request::Settings;
use crate::query::{Query, Request, Response};
use crate::schema::Schema;
use crate::service::{Prepared, Service, parted};
use crate::settings::RecordsSettings;
use crate::values::{Inputs, fill};
use mainstay_base::Result;
use mainstay_engine::{Format, ReadNow, Rows, Step};
use mainstay_sql::Name;
use std::sync::Arc;

pub(crate) struct ReadPlan {
    pub(crate) main: Prepared,
    /// Counts all rows that match; absent where no limit can hide any.
    count: Option<Prepared>,
}

impl Service {
    pub(crate) async fn run_read(&self, schema: &Arc<Schema>, request: &Request) -> Result<Response> {
        let steps = self.read_steps(schema, request)?;
        let (results, settings) = self.read(request, steps).await?;
        read_response(request, results, settings)
    }

    /// As [`Service::run_read`] without waiting; `None` where that cannot be done now.
    pub(crate) fn read_at_once(&self, schema: &Arc<Schema>, request: &Request) -> Option<Result<Response>> {
        let steps = self.read_steps(schema, request);
        let (read, before) = match steps.and_then(|steps| self.guarded_read(request, steps)) {
            Ok(read) => read,
            Err(problem) => return Some(Err(problem)),
        };
        match self.store.read_now(read) {
            ReadNow::Done(results) => Some(results.and_then(|results| {
                let (results, settings) = parted(before, results);
                read_response(request, results, settings)
            })),
            ReadNow::NotNow(_) => None,
        }
    }

    fn read_steps(&self, schema: &Arc<Schema>, request: &Request) -> Result<Vec<Step>> {
        let plan = self.read_plan(schema, request)?;
        let shape = &request.shape;
        let context = self.context(schema, &request.session);
        let inputs = Inputs { literals: &request.literals, ..Inputs::default() };
        let mut steps = Vec::with_capacity(2);
        for (prepared, format) in std::iter::once((&plan.main, answer::format(shape)))
            .chain(plan.count.iter().map(|p| (p, Format::Values)))
        {
            let values = fill(&prepared.parameters, &inputs, &context)?;
            steps.push(Step { plan: prepared.plan.clone(), values, format });
        }
        Ok(steps)
    }

    pub(crate) fn read_plan(&self, schema: &Schema, request: &Request) -> Result<Arc<ReadPlan>> {
        let key = Key {
            schema: &request.schema,
            target: &request.target,
            role: &request.session.role,
            shape: &request.shape,
            keys: &[],
            variant: 0,
        };
        if let Some(plan) = self.reads.get(&key, schema.catalog.version) {
            return Ok(plan);
        }
        let name = Name::new(request.schema.as_str(), request.target.as_str());
        let query = &request.shape.query;
        let stripped = request.shape.nulls_stripped;
        let main =
            self.prepare(schema, request, rows_statement(schema, &self.settings, &name, query, stripped)?)?;
        let can_hide = query.limit.is_some() || query.offset.is_some() || self.settings.rows_max.is_some();
        let count = match request.shape.count {
            Some(_) if can_hide => {
                Some(self.prepare(schema, request, count_statement(schema, &self.settings, &name, query)?)?)
            }
            _ => None,
        };
        let plan = Arc::new(ReadPlan { main, count });
        self.reads.put(&key, schema.catalog.version, plan.clone());
        Ok(plan)
    }
}

fn read_response(request: &Request, results: Vec<Rows>, settings: Settings) -> Result<Response> {
    let shape = &request.shape;
    let mut results = results.into_iter();
    let rows = results.next().unwrap_or_default();
    let counted = results.next().as_ref().and_then(answer::number);
    let total = shape.count.map(|_| counted.unwrap_or(rows.count));
    let count = rows.count;
    let body = answer::body(shape, count, rows.body)?;
    Ok(Response { body, rows: count, total, settings, ..Response::default() })
}

/// The statement that gives the rows of a query.
pub(crate) fn rows_statement(
    schema: &Schema,
    settings: &RecordsSettings,
    name: &Name,
    query: &Query,
    nulls_stripped: bool,
) -> Result<Statement> {
    let mut builder = Builder::new(schema, settings);
    builder.nulls_stripped = nulls_stripped;
    let (node, from) = root(&mut builder, schema, name, query)?;
    let sql = builder.select(&node, &from)?;
    Ok(builder.finish(sql))
}

/// The statement that counts them, limits aside.
pub(crate) fn count_statement(
    schema: &Schema,
    settings: &RecordsSettings,
    name: &Name,
    query: &Query,
) -> Result<Statement> {
    let mut builder = Builder::new(schema, settings);
    let (_, from) = root(&mut builder, schema, name, query)?;
    Ok(builder.finish(format!("SELECT count(*) AS \"count\" {from}")))
}

fn root<'q>(
    builder: &mut Builder<'_>,
    schema: &Schema,
    name: &Name,
    query: &'q Query,
) -> Result<(crate::plan::tree::Node<'q>, String)> {
    let relation = schema.relation(&name.schema, &name.name)?;
    let scope = Scope::relation(relation.name.name.clone(), relation.clone());
    let tables = format!("{} AS {}", qualified(name), quoted(&scope.alias));
    let node = builder.node(scope, Some(name), query, 0)?;
    let conditions = builder.node_conditions(&node)?;
    Ok((node, from_where(&tables, &conditions)))
}
