//! `POST` and `PUT`: rows come in, perhaps over rows that are there.

use super::{Target, WritePlan, returning, write_format};
use crate::answer;
use crate::cache::Key;
use crate::payload::{self, Cell, Row};
use crate::plan::types::column_type_sql;
use crate::plan::{Builder, Source, Statement, qualified, quoted};
use crate::problems;
use crate::query::{Answer, Condition, Insert, Operator, Request, Resolution, Response, Return, Test};
use crate::relationships::key_columns;
use crate::schema::Schema;
use crate::service::{Prepared, Service};
use crate::values::{Inputs, fill, from_cell};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Rows, WriteStep};
use mainstay_sql::catalog::Column;
use mainstay_types::{ColumnType, Context, Type, Value, value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Consecutive rows that bring the same keys.
struct Run<'r, 'p> {
    keys: Vec<&'r str>,
    rows: Vec<&'r Row<'p>>,
}

static ABSENT: Cell<'static> = Cell::Null;

impl Service {
    pub(crate) async fn run_insert(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        insert: &Insert,
    ) -> Result<Response> {
        let parsed = payload::parse(&request.payload, insert.columns.is_none())?;
        let target = Target::of(schema, request)?;
        if parsed.rows.len() > self.settings.payload_rows_max {
            return Err(too_many_rows(self.settings.payload_rows_max));
        }
        for column in insert.columns.iter().flatten() {
            writable(&target, column)?;
        }
        if parsed.rows.is_empty() {
            return self.nothing_written(request).await;
        }
        let rows = parsed.rows.len() as u64;
        if request.shape.answer == Answer::Object && rows != 1 && insert.resolution.is_none() {
            return Err(problems::not_singular(rows));
        }
        let runs = runs(&parsed.rows, insert.columns.as_deref(), insert.missing_default);
        self.insert_runs(schema, request, insert, &target, &runs).await
    }

    /// `PUT`: one row, named by its primary key in the filters and in the body.
    pub(crate) async fn run_replace(&self, schema: &Arc<Schema>, request: &Request) -> Result<Response> {
        let query = &request.shape.query;
        if query.limit.is_some() || query.offset.is_some() {
            return Err(problems::put_limit());
        }
        let parsed = payload::parse(&request.payload, true)?;
        let target = Target::of(schema, request)?;
        let key = key_columns(&schema.catalog, &target.relation);
        let filters = key_filters(&query.conditions, &key)?;
        let [row] = parsed.rows.as_slice() else { return Err(problems::put_mismatch()) };
        let context = self.context(schema, &request.session);
        for (name, literal) in &filters {
            let literal = request.literals.get(*literal).map(String::as_str).unwrap_or_default();
            if !same_key(&target, name, literal, row, &context)? {
                return Err(problems::put_mismatch());
            }
        }
        let insert = Insert {
            columns: None,
            on_conflict: Some(key),
            resolution: Some(Resolution::Merge),
            missing_default: false,
        };
        let runs = runs(std::slice::from_ref(row), None, false);
        self.insert_runs(schema, request, &insert, &target, &runs).await
    }

    async fn insert_runs(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        insert: &Insert,
        target: &Target,
        runs: &[Run<'_, '_>],
    ) -> Result<Response> {
        let context = self.context(schema, &request.session);
        let mut steps = Vec::with_capacity(runs.len() * 2);
        let mut plans = Vec::with_capacity(runs.len());
        for run in runs {
            let plan = self.insert_plan(schema, request, insert, target, run)?;
            if let Some(probe) = &plan.probe {
                let value_sets = value_sets(probe, run, request, &context)?;
                steps.push(step(probe, value_sets, mainstay_engine::Format::Nothing));
            }
            let value_sets = match plan.takes_rows {
                true => {
                    let json = rows_json(run);
                    let inputs =
                        Inputs { literals: &request.literals, rows: Some(&json), ..Inputs::default() };
                    vec![fill(&plan.main.parameters, &inputs, &context)?]
                }
                false => value_sets(&plan.main, run, request, &context)?,
            };
            let mut main = step(&plan.main, value_sets, write_format(&request.shape, &plan.location));
            if runs.len() == 1 {
                main.expect = answer::expect_one(&request.shape);
            }
            steps.push(main);
            plans.push(plan);
        }
        let written = self.write(request, steps).await?;
        self.inserted(request, insert, &plans, written, &context)
    }

    fn inserted(
        &self,
        request: &Request,
        insert: &Insert,
        plans: &[Arc<WritePlan>],
        written: mainstay_engine::Written,
        context: &Context,
    ) -> Result<Response> {
        let mut results = written.results.into_iter();
        let (mut known, mut mains): (u64, Vec<Rows>) = (0, Vec::with_capacity(plans.len()));
        for plan in plans {
            if plan.probe.is_some() {
                known += results.next().map_or(0, |rows| rows.count);
            }
            mains.extend(results.next());
        }
        let rows: u64 = mains.iter().map(|rows| rows.count).sum();
        let location = match (plans, mains.as_slice()) {
            ([plan], [only]) => location(&plan.location, only, context),
            _ => None,
        };
        let shape = &request.shape;
        let body = match shape.returning {
            _ if request.explain.is_some() => mains.into_iter().next().unwrap_or_default().body,
            Return::Representation => {
                answer::body(shape, rows, answer::joined(answer::format(shape), mains))?
            }
            _ => Vec::new(),
        };
        Ok(Response {
            body,
            rows,
            total: shape.count.map(|_| rows),
            location,
            created: insert.resolution != Some(Resolution::Merge) || rows > known,
            position: written.position,
            settings: written.settings,
            ..Response::default()
        })
    }

    fn insert_plan(
        &self,
        schema: &Schema,
        request: &Request,
        insert: &Insert,
        target: &Target,
        run: &Run<'_, '_>,
    ) -> Result<Arc<WritePlan>> {
        let several = run.rows.len() > 1;
        let key = Key {
            schema: &request.schema,
            target: &request.target,
            role: &request.session.role,
            shape: &request.shape,
            keys: &run.keys,
            variant: u8::from(several),
        };
        if let Some(plan) = self.writes.get(&key, schema.catalog.version) {
            return Ok(plan);
        }
        let columns: Vec<&Column> =
            run.keys.iter().map(|name| writable(target, name)).collect::<Result<_>>()?;
        let conflict = Conflict::of(schema, target, insert)?;
        // Rows that must come back in one order go in together.
        let takes_rows = several
            && !columns.is_empty()
            && request.shape.returning == Return::Representation
            && !request.shape.query.order.is_empty();
        let mut builder = Builder::new(schema, &self.settings);
        let change = insert_sql(&mut builder, schema, target, &columns, conflict.as_ref(), takes_rows);
        let returned = returning(&mut builder, schema, target, request, change, takes_rows)?;
        let main = self.prepare(schema, request, builder.finish(returned.sql))?;
        let probe = conflict
            .as_ref()
            .and_then(|conflict| conflict.probe(Builder::new(schema, &self.settings), target, &columns));
        let probe = match probe {
            Some(statement) => Some(self.prepare(schema, request, statement)?),
            None => None,
        };
        let plan = Arc::new(WritePlan { main, probe, location: returned.location, takes_rows });
        self.writes.put(&key, schema.catalog.version, plan.clone());
        Ok(plan)
    }
}

/// What to do about rows that are there already.
struct Conflict {
    columns: Vec<String>,
    resolution: Resolution,
}

impl Conflict {
    fn of(schema: &Schema, target: &Target, insert: &Insert) -> Result<Option<Conflict>> {
        let Some(resolution) = insert.resolution else { return Ok(None) };
        let columns = match &insert.on_conflict {
            Some(columns) => columns.clone(),
            None => key_columns(&schema.catalog, &target.relation),
        };
        for column in &columns {
            if target.relation.column(column).is_none() {
                return Err(Problem::new("42703", format!("column \"{column}\" does not exist")));
            }
        }
        Ok((!columns.is_empty()).then_some(Conflict { columns, resolution }))
    }

    fn sql(&self, columns: &[&Column]) -> String {
        let target: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        let target = target.join(", ");
        if self.resolution == Resolution::Ignore || columns.is_empty() {
            return format!(" ON CONFLICT ({target}) DO NOTHING");
        }
        let set = |column: &&&Column| format!("{0} = EXCLUDED.{0}", quoted(&column.name));
        let mut changes: Vec<String> = columns
            .iter()
            .filter(|column| !(self.columns.contains(&column.name) && is_exact(&column.ty.ty)))
            .map(|column| set(&column))
            .collect();
        if changes.is_empty() {
            // The row must count as changed, so that it comes back.
            changes = columns.iter().map(|column| set(&column)).collect();
        }
        format!(" ON CONFLICT ({target}) DO UPDATE SET {}", changes.join(", "))
    }

    /// Finds the row that an upsert would change, where the payload says all of its key.
    fn probe(&self, mut builder: Builder<'_>, target: &Target, columns: &[&Column]) -> Option<Statement> {
        if self.resolution == Resolution::Ignore {
            return None;
        }
        let mut tests = Vec::new();
        for column in &self.columns {
            let place = columns.iter().position(|candidate| candidate.name == *column)?;
            let value = column_value(&mut builder, columns.get(place)?, place);
            tests.push(format!("{} = {value}", target.scope.column(column)));
        }
        let sql = format!("SELECT 1 FROM {} WHERE {}", target.sql(), tests.join(" AND "));
        Some(builder.finish(sql))
    }
}

/// Whether equal values are the same text, so that a conflicting key need not be written again.
fn is_exact(ty: &Type) -> bool {
    matches!(ty, Type::Int2 | Type::Int4 | Type::Int8 | Type::Uuid | Type::Text | Type::Varchar | Type::Date)
}

fn insert_sql(
    builder: &mut Builder<'_>,
    schema: &Schema,
    target: &Target,
    columns: &[&Column],
    conflict: Option<&Conflict>,
    takes_rows: bool,
) -> String {
    let into = format!("INSERT INTO {}", target.sql());
    let conflict = conflict.map(|conflict| conflict.sql(columns)).unwrap_or_default();
    if columns.is_empty() {
        return format!("{into} DEFAULT VALUES{conflict}");
    }
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let names = names.join(", ");
    if takes_rows {
        let rows = builder.parameter(Type::Json, Source::Rows);
        let parser =
            |column: &Column| schema.representation(column).and_then(|found| found.from_json.as_ref());
        let select: Vec<String> = columns
            .iter()
            .map(|column| {
                let value = format!("\"pgrst_body\".{}", quoted(&column.name));
                parser(column).map_or(value.clone(), |parser| format!("{}({value})", qualified(parser)))
            })
            .collect();
        let types: Vec<String> = columns
            .iter()
            .map(|column| {
                let ty = match parser(column) {
                    Some(_) => "json".to_owned(),
                    None => column_type_sql(&schema.catalog, &column.ty),
                };
                format!("{} {ty}", quoted(&column.name))
            })
            .collect();
        return format!(
            "{into} ({names}) SELECT {} FROM json_to_recordset({rows}) AS \"pgrst_body\"({}){conflict}",
            select.join(", "),
            types.join(", "),
        );
    }
    let values: Vec<String> =
        columns.iter().enumerate().map(|(place, column)| column_value(builder, column, place)).collect();
    format!("{into} ({names}) VALUES ({}){conflict}", values.join(", "))
}

/// What the payload brings for a column, at its place among the keys.
pub(super) fn column_value(builder: &mut Builder<'_>, column: &Column, place: usize) -> String {
    let parser = builder.schema.representation(column).and_then(|found| found.from_json.as_ref());
    match parser {
        Some(parser) => {
            format!("{}({})", qualified(parser), builder.parameter(Type::Json, Source::JsonKey(place)))
        }
        None => builder.parameter(column.ty.clone(), Source::Key(place)),
    }
}

/// A column that the payload or `columns=` names.
pub(super) fn writable<'t>(target: &'t Target, name: &str) -> Result<&'t Column> {
    target.relation.column(name).ok_or_else(|| problems::column_not_found(&target.relation.name.name, name))
}

/// Splits rows by their keys. Without defaults for what is missing all rows have the same: missing ones are NULL.
fn runs<'r, 'p>(
    rows: &'r [Row<'p>],
    columns: Option<&'r [String]>,
    missing_default: bool,
) -> Vec<Run<'r, 'p>> {
    let mut runs: Vec<Run<'r, 'p>> = Vec::new();
    for row in rows {
        let keys: Vec<&'r str> = match columns {
            Some(columns) => columns
                .iter()
                .map(String::as_str)
                .filter(|column| !missing_default || row.iter().any(|(key, _)| key == column))
                .collect(),
            // All rows have the keys of the first, perhaps in another order.
            None => match runs.first() {
                Some(first) => first.keys.clone(),
                None => row.iter().map(|(key, _)| key.as_ref()).collect(),
            },
        };
        match runs.last_mut() {
            Some(run) if run.keys == keys => run.rows.push(row),
            _ => runs.push(Run { keys, rows: vec![row] }),
        }
    }
    runs
}

fn cells<'r, 'p>(row: &'r Row<'p>, keys: &[&str]) -> Vec<&'r Cell<'p>>
where
    'p: 'r,
{
    let in_order = row.len() == keys.len() && row.iter().zip(keys).all(|((key, _), wanted)| key == wanted);
    if in_order {
        return row.iter().map(|(_, cell)| cell).collect();
    }
    keys.iter()
        .map(|wanted| row.iter().find(|(key, _)| key == wanted).map_or(&ABSENT, |(_, cell)| cell))
        .collect()
}

fn value_sets(
    prepared: &Prepared,
    run: &Run<'_, '_>,
    request: &Request,
    context: &Context,
) -> Result<Vec<Vec<Value>>> {
    run.rows
        .iter()
        .map(|row| {
            let cells = cells(row, &run.keys);
            let inputs = Inputs { literals: &request.literals, cells: &cells, ..Inputs::default() };
            fill(&prepared.parameters, &inputs, context)
        })
        .collect()
}

fn step(prepared: &Prepared, value_sets: Vec<Vec<Value>>, format: mainstay_engine::Format) -> WriteStep {
    WriteStep { plan: prepared.plan.clone(), value_sets, format, expect: None }
}

/// The rows of a run as a JSON array again.
fn rows_json(run: &Run<'_, '_>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let objects: Vec<String> = run
        .rows
        .iter()
        .map(|row| {
            let fields: Vec<String> = run
                .keys
                .iter()
                .zip(cells(row, &run.keys))
                .map(|(key, cell)| match cell {
                    Cell::Null => format!("{}:null", text(key)),
                    Cell::Json(json) => format!("{}:{json}", text(key)),
                    Cell::Text(plain) => format!("{}:{}", text(key), text(plain)),
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        })
        .collect();
    format!("[{}]", objects.join(","))
}

/// The literals of a PUT's filters by column: `eq` on each column of the primary key and on nothing else.
fn key_filters(conditions: &[Condition], key: &[String]) -> Result<Vec<(String, usize)>> {
    let mut filters: Vec<(String, usize)> = Vec::with_capacity(conditions.len());
    for condition in conditions {
        match condition {
            Condition::Filter(filter) if !filter.negated && filter.field.path.is_empty() => match filter.test
            {
                Test::Compare { operator: Operator::Equal, quantifier: None, value } => {
                    filters.push((filter.field.name.clone(), value.0 as usize));
                }
                _ => return Err(problems::invalid_put_filters()),
            },
            _ => return Err(problems::invalid_put_filters()),
        }
    }
    let covers = key.iter().all(|column| filters.iter().any(|(name, _)| name == column));
    let only = filters.iter().all(|(name, _)| key.contains(name));
    if key.is_empty() || !covers || !only {
        return Err(problems::invalid_put_filters());
    }
    Ok(filters)
}

fn same_key(target: &Target, name: &str, literal: &str, row: &Row<'_>, context: &Context) -> Result<bool> {
    let Some(column) = target.relation.column(name) else { return Ok(false) };
    let Some((_, cell)) = row.iter().find(|(key, _)| key == name) else { return Ok(false) };
    let asked = value::input(&ColumnType::from(column.ty.ty.clone()), literal, context)?;
    let brought = from_cell(&column.ty, cell, context)?;
    Ok(!brought.is_null()
        && value::compare(&column.ty.ty, asked.as_ref(), brought.as_ref(), context) == Ordering::Equal)
}

/// `id=eq.7&kind=is.null`, for a single new row.
fn location(key: &[(String, Type)], rows: &Rows, context: &Context) -> Option<String> {
    let [row] = rows.values.as_slice() else { return None };
    if key.is_empty() || row.len() != key.len() {
        return None;
    }
    let parts: Vec<String> = key
        .iter()
        .zip(row)
        .map(|((name, ty), stored)| {
            let test = match stored.is_null() {
                true => "is.null".to_owned(),
                false => {
                    let mut text = "eq.".to_owned();
                    value::output(ty, stored.as_ref(), context, &mut text);
                    text
                }
            };
            format!("{}={}", percent_encoded(name), percent_encoded(&test))
        })
        .collect();
    Some(parts.join("&"))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn too_many_rows(most: usize) -> Problem {
    Problem::new("54000", format!("a request may write at most {most} rows"))
        .with_hint("send the rows in parts")
}
