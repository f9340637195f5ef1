//! Calls functions: `POST /rpc/name` with arguments in the body, `GET` with arguments in the query string.

pub(crate) mod resolve;

use crate::answer;
use crate::cache::Key;
use crate::payload::{self, Cell, Row};
use crate::plan::field::{Scope, Table};
use crate::plan::tree::{Node, from_where};
use crate::plan::{Builder, Source, qualified, quoted};
use crate::problems;
use crate::query::{Answer, CallTarget, Payload, Request, Response, Shape};
use crate::schema::{Schema, leaves_settings};
use crate::service::{Prepared, Service};
use crate::values::{Inputs, fill};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, PlanKind, Rows, Step, WriteStep};
use mainstay_sql::Name;
use mainstay_sql::catalog::{ArgumentMode, Function};
use mainstay_types::{Context, Type, Volatility};
use resolve::{Body, Sought};
use std::sync::Arc;

/// What a function gives back, as far as the form of the answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    Value,
    Values,
    Row,
    Rows,
}

pub(crate) struct CallPlan {
    main: Prepared,
    /// Counts all rows that match. Never of a function that may write: it would run twice.
    count: Option<Prepared>,
    gives: Gives,
    /// Whether it runs as a write.
    writes: bool,
    /// For a read-only call of a function that may write: what it would do.
    refused: Option<Problem>,
}

/// The arguments of one call.
struct Arguments<'r> {
    names: Vec<&'r str>,
    cells: Vec<&'r Cell<'r>>,
    body: Option<&'r [u8]>,
    kind: Body,
    /// A body whose keys differ; only a function with a single argument can take it.
    problem: Option<Problem>,
}

impl Service {
    pub(crate) async fn run_call(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        target: &CallTarget,
    ) -> Result<Response> {
        let row: Row<'_>;
        let mut arguments =
            Arguments { names: Vec::new(), cells: Vec::new(), body: None, kind: Body::None, problem: None };
        if target.read_only {
            arguments.names = target.arguments.iter().map(|(name, _)| name.as_str()).collect();
        } else {
            (arguments.kind, arguments.body) = body_of(&request.payload);
            (row, arguments.problem) = first_row(&request.payload, arguments.kind)?;
            arguments.names = row.iter().map(|(key, _)| key.as_ref()).collect();
            arguments.cells = row.iter().map(|(_, cell)| cell).collect();
        }
        let plan = self.call_plan(schema, request, target, &mut arguments)?;
        if let Some(problem) = &plan.refused {
            return Err(problem.clone());
        }
        if request.max_affected.is_some() && !matches!(plan.gives, Gives::Values | Gives::Rows) {
            return Err(problems::max_affected_call());
        }
        let context = self.context(schema, &request.session);
        if plan.writes {
            self.call_writing(request, &plan, &arguments, &context).await
        } else {
            self.call_reading(request, &plan, &arguments, &context).await
        }
    }

    async fn call_reading(
        &self,
        request: &Request,
        plan: &CallPlan,
        arguments: &Arguments<'_>,
        context: &Context,
    ) -> Result<Response> {
        let format = format_of(&request.shape, plan.gives);
        let mut steps = Vec::with_capacity(2);
        for (prepared, format) in
            std::iter::once((&plan.main, format)).chain(plan.count.iter().map(|p| (p, Format::Values)))
        {
            let values = fill(&prepared.parameters, &inputs(request, arguments), context)?;
            steps.push(Step { plan: prepared.plan.clone(), values, format });
        }
        let (results, settings) = self.read(request, steps).await?;
        let mut results = results.into_iter();
        let rows = results.next().unwrap_or_default();
        if request.max_affected.is_some_and(|most| rows.count > most) {
            return Err(problems::max_affected(rows.count));
        }
        let counted = results.next().as_ref().and_then(answer::number);
        Ok(Response { settings, ..called(request, plan.gives, rows, counted)? })
    }

    async fn call_writing(
        &self,
        request: &Request,
        plan: &CallPlan,
        arguments: &Arguments<'_>,
        context: &Context,
    ) -> Result<Response> {
        let expect = match plan.gives {
            Gives::Values | Gives::Rows => super::write::expectation(request),
            _ => None,
        };
        let mut steps = vec![WriteStep {
            plan: plan.main.plan.clone(),
            value_sets: vec![fill(&plan.main.parameters, &inputs(request, arguments), context)?],
            format: format_of(&request.shape, plan.gives),
            expect,
        }];
        if let Some(count) = &plan.count {
            steps.push(WriteStep {
                plan: count.plan.clone(),
                value_sets: vec![fill(&count.parameters, &inputs(request, arguments), context)?],
                format: Format::Values,
                expect: None,
            });
        }
        let written = self.write(request, steps).await?;
        let mut results = written.results.into_iter();
        let rows = results.next().unwrap_or_default();
        let counted = results.next().as_ref().and_then(answer::number);
        let response = called(request, plan.gives, rows, counted)?;
        Ok(Response { position: written.position, settings: written.settings, ..response })
    }

    fn call_plan(
        &self,
        schema: &Schema,
        request: &Request,
        target: &CallTarget,
        arguments: &mut Arguments<'_>,
    ) -> Result<Arc<CallPlan>> {
        let names = arguments.names.clone();
        let is_text = arguments.kind == Body::Raw
            && arguments.body.is_some_and(|body| std::str::from_utf8(body).is_ok());
        let variant =
            arguments.kind as u8 | u8::from(arguments.problem.is_some()) << 4 | u8::from(is_text) << 5;
        let key = Key {
            schema: &request.schema,
            target: &request.target,
            role: &request.session.role,
            shape: &request.shape,
            keys: &names,
            variant,
        };
        if let Some(plan) = self.calls.get(&key, schema.catalog.version) {
            return Ok(plan);
        }
        let name = Name::new(request.schema.as_str(), request.target.as_str());
        let sought = Sought { function: &name, names: &names, body: arguments.kind, is_text };
        let found = match resolve::resolve(schema, &sought) {
            Ok(found) => found,
            Err(problem) => return Err(arguments.problem.take().unwrap_or(problem)),
        };
        if let Some(problem) = arguments.problem.take().filter(|_| !found.takes_body) {
            return Err(problem);
        }
        let plan = Arc::new(self.plan_found(schema, request, target, arguments, &found)?);
        self.calls.put(&key, schema.catalog.version, plan.clone());
        Ok(plan)
    }

    fn plan_found(
        &self,
        schema: &Schema,
        request: &Request,
        target: &CallTarget,
        arguments: &Arguments<'_>,
        found: &resolve::Found<'_>,
    ) -> Result<CallPlan> {
        let function = found.function;
        let gives = gives(function);
        let mut builder = Builder::new(schema, &self.settings);
        builder.nulls_stripped = request.shape.nulls_stripped;
        let call = call_sql(&mut builder, target, arguments, found);
        let (sql, from) = match gives {
            Gives::Value if function.returns.ty.ty == Type::Record => {
                (format!("SELECT to_json({call}) AS \"pgrst_scalar\""), None)
            }
            Gives::Nothing | Gives::Value => (format!("SELECT {call} AS \"pgrst_scalar\""), None),
            Gives::Values | Gives::Row | Gives::Rows => {
                let (sql, from) = rows_sql(&mut builder, schema, request, function, gives, &call)?;
                (sql, Some(from))
            }
        };
        let query = &request.shape.query;
        let statement = builder.finish(sql);
        let parameters = statement.parameters.clone();
        let main = self.prepare(schema, request, statement)?;
        let may_write = main.plan.kind == PlanKind::Write;
        let before = self.pre_request(request)?;
        let refused = match target.read_only {
            true if may_write => Some(problems::read_only(first_change(&function.body))),
            true => before.as_ref().and_then(|before| before.refused()),
            false => None,
        };
        // What a read leaves in settings nobody takes up: a function that makes headers runs where they are.
        let writes = match target.read_only {
            true => leaves_settings(function),
            false => {
                let others = schema.functions_set_config || before.is_some_and(|before| before.may_write());
                function.volatility == Volatility::Volatile && (may_write || others)
            }
        };
        let can_hide = query.limit.is_some() || query.offset.is_some() || self.settings.rows_max.is_some();
        let count = match from {
            Some(from) if request.shape.count.is_some() && can_hide && !may_write => {
                // The statement's own parameters all stand in what is counted, limits apart.
                let sql = format!("SELECT count(*) AS \"count\" {from}");
                Some(self.prepare(
                    schema,
                    request,
                    crate::plan::Statement { sql, parameters: without_limits(parameters) },
                )?)
            }
            _ => None,
        };
        Ok(CallPlan { main, count, gives, writes, refused })
    }
}

/// Parameters of limits come last and stand in no count.
fn without_limits(mut parameters: Vec<crate::plan::Parameter>) -> Vec<crate::plan::Parameter> {
    let is_limit = |source: &Source| matches!(source, Source::Limit { .. } | Source::Offset(_));
    while parameters.last().is_some_and(|parameter| is_limit(&parameter.source)) {
        parameters.pop();
    }
    parameters
}

fn inputs<'a>(request: &'a Request, arguments: &'a Arguments<'a>) -> Inputs<'a> {
    Inputs { literals: &request.literals, cells: &arguments.cells, body: arguments.body, ..Inputs::default() }
}

/// What kind of body a call has, and its bytes where they may become one argument.
fn body_of(payload: &Payload) -> (Body, Option<&[u8]>) {
    match payload {
        Payload::None => (Body::Json, None),
        Payload::Json(bytes) => (Body::Json, Some(bytes)),
        Payload::Csv(_) => (Body::Csv, None),
        Payload::Form(_) => (Body::Form, None),
        Payload::Raw(bytes) => (Body::Raw, Some(bytes)),
        Payload::Xml(bytes) => (Body::Xml, Some(bytes)),
    }
}

/// The object of arguments: of an array the first one counts, an absent body is an empty one, and a form keeps what it
/// names several times.
fn first_row(payload: &Payload, kind: Body) -> Result<(Row<'_>, Option<Problem>)> {
    if kind.is_whole() || matches!(payload, Payload::None) {
        return Ok((Vec::new(), None));
    }
    if let Payload::Form(pairs) = payload {
        return Ok((payload::fields(pairs), None));
    }
    if let Payload::Json(bytes) = payload
        && bytes.iter().all(u8::is_ascii_whitespace)
    {
        return Ok((Vec::new(), None));
    }
    match payload::parse(payload, true) {
        Ok(parsed) => Ok((parsed.rows.into_iter().next().unwrap_or_default(), None)),
        Err(problem) if problem.message() == "All object keys must match" => Ok((Vec::new(), Some(problem))),
        Err(problem) => Err(problem),
    }
}

/// `"schema"."name"("a" => $1, VARIADIC "b" => $2)`
fn call_sql(
    builder: &mut Builder<'_>,
    target: &CallTarget,
    arguments: &Arguments<'_>,
    found: &resolve::Found<'_>,
) -> String {
    let function = found.function;
    let mut parts = Vec::new();
    for argument in resolve::inputs(function) {
        let is_variadic = argument.mode == ArgumentMode::Variadic;
        let source = if found.takes_body {
            Source::Body
        } else if target.read_only {
            let given = target.arguments.iter().rev().find(|(name, _)| *name == argument.name);
            match given.map(|(_, literals)| literals.as_slice()) {
                Some(literals) if is_variadic => Source::Literals(literals.to_vec()),
                Some([.., last]) => Source::Literal(*last),
                _ => continue,
            }
        } else {
            let named = arguments.names.iter().enumerate().filter(|(_, name)| **name == argument.name);
            let places: Vec<usize> = named.map(|(place, _)| place).collect();
            match places.as_slice() {
                [] => continue,
                _ if is_variadic && arguments.kind == Body::Form => Source::Keys(places),
                [.., last] => Source::Key(*last),
            }
        };
        let value = builder.parameter(argument.ty.ty.clone(), source);
        let variadic = if is_variadic { "VARIADIC " } else { "" };
        parts.push(match argument.name.as_str() {
            "" => format!("{variadic}{value}"),
            name => format!("{variadic}{} => {value}", quoted(name)),
        });
    }
    format!("{}({})", qualified(&function.name), parts.join(", "))
}

/// A select over the rows of a function, and the `FROM …` to count them by.
fn rows_sql(
    builder: &mut Builder<'_>,
    schema: &Schema,
    request: &Request,
    function: &Function,
    gives: Gives,
    call: &str,
) -> Result<(String, String)> {
    let query = &request.shape.query;
    let (table, origin) = table_of(schema, function, gives);
    let alias = match &origin {
        Some(name) => name.name.clone(),
        None => function.name.name.clone(),
    };
    let scope = Scope { alias: alias.clone(), table, from_cte: false };
    let tables = match (gives, &function.returns.ty.ty) {
        // A set of anonymous rows has no columns to give names to: what is in them only the function's body knows.
        (Gives::Values, Type::Record) => {
            format!("(SELECT to_json({call}) AS \"pgrst_scalar\") AS {}", quoted(&alias))
        }
        (Gives::Values, _) => format!("{call} AS {}(\"pgrst_scalar\")", quoted(&alias)),
        // The only column of a row is called like the source unless it is named.
        _ if let [only] = outputs(function).as_slice() => {
            format!("{call} AS {}({})", quoted(&alias), quoted(&only.0))
        }
        _ => format!("{call} AS {}", quoted(&alias)),
    };
    let node = builder.node(scope, origin.as_ref(), query, 0)?;
    let conditions = builder.node_conditions(&node)?;
    let from = from_where(&tables, &conditions);
    let sql = if gives == Gives::Values {
        scalars_sql(builder, &node, &from)?
    } else {
        builder.select(&node, &from)?
    };
    Ok((sql, from))
}

/// Values have no columns to choose from.
fn scalars_sql(builder: &mut Builder<'_>, node: &Node<'_>, from: &str) -> Result<String> {
    let order = builder.order_clause(node)?;
    let limits = builder.limits(node, false);
    Ok(format!("SELECT {} {from}{order}{limits}", node.scope.column("pgrst_scalar")))
}

/// What a function's rows look like, and the relation they are rows of.
fn table_of(schema: &Schema, function: &Function, gives: Gives) -> (Table, Option<Name>) {
    let ty = &function.returns.ty.ty;
    if gives == Gives::Values {
        let ty = if *ty == Type::Record { Type::Json } else { ty.clone() };
        let columns = Arc::new(vec![("pgrst_scalar".to_owned(), ty)]);
        return (Table::Rows { row: None, columns }, None);
    }
    let outs = outputs(function);
    if !outs.is_empty() {
        return (Table::Rows { row: None, columns: Arc::new(outs) }, None);
    }
    let Type::Composite(id) = ty else {
        return (Table::Rows { row: None, columns: Arc::default() }, None);
    };
    let relation = schema.relationships.relation_of_row(*id).and_then(|name| schema.catalog.relation(name));
    if let Some(relation) = relation {
        return (Table::Relation(relation.clone()), Some(relation.name.clone()));
    }
    let fields =
        schema.catalog.types.composites.get(id).map(|made| made.fields.as_slice()).unwrap_or_default();
    let columns = fields.iter().map(|(name, ty)| (name.clone(), ty.ty.clone())).collect();
    (Table::Rows { row: Some(*id), columns: Arc::new(columns) }, None)
}

/// The columns of a function that declares them as arguments.
fn outputs(function: &Function) -> Vec<(String, Type)> {
    let declared = function.arguments.iter().filter(|argument| is_output(argument.mode));
    declared.map(|argument| (argument.name.clone(), argument.ty.ty.clone())).collect()
}

pub(crate) fn is_output(mode: ArgumentMode) -> bool {
    matches!(mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table)
}

fn gives(function: &Function) -> Gives {
    let has_outputs = function.arguments.iter().any(|argument| is_output(argument.mode));
    let is_row = has_outputs || matches!(function.returns.ty.ty, Type::Composite(_));
    match (&function.returns.ty.ty, is_row, function.returns.set) {
        (Type::Void, false, false) => Gives::Nothing,
        (_, true, true) => Gives::Rows,
        (_, true, false) => Gives::Row,
        (_, false, true) => Gives::Values,
        (_, false, false) => Gives::Value,
    }
}

/// The word that a body would be refused with in a read-only transaction.
pub(crate) fn first_change(body: &str) -> &'static str {
    let body = body.to_uppercase();
    ["INSERT", "UPDATE", "DELETE"]
        .into_iter()
        .filter_map(|word| body.find(word).map(|at| (at, word)))
        .min()
        .map_or("a volatile function", |(_, word)| word)
}

fn format_of(shape: &Shape, gives: Gives) -> Format {
    match (answer::format(shape), gives) {
        (Format::JsonArray | Format::JsonArrayNoNulls, Gives::Nothing | Gives::Value | Gives::Values) => {
            Format::JsonValues
        }
        (format, _) => format,
    }
}

/// The answer of a call, from the rows it gave.
fn called(request: &Request, gives: Gives, rows: Rows, counted: Option<u64>) -> Result<Response> {
    let shape = &request.shape;
    let is_json = matches!(shape.answer, Answer::Array | Answer::Object);
    let count = rows.count;
    let body = match gives {
        Gives::Nothing => Vec::new(),
        Gives::Value | Gives::Row if is_json => answer::only_element(rows.body),
        Gives::Value | Gives::Row => rows.body,
        Gives::Values | Gives::Rows => answer::body(shape, count, rows.body)?,
    };
    let count = if matches!(gives, Gives::Values | Gives::Rows) { count } else { 1 };
    Ok(Response {
        body,
        rows: count,
        total: shape.count.map(|_| counted.unwrap_or(count)),
        scalar: matches!(gives, Gives::Value | Gives::Values | Gives::Nothing),
        returns_void: gives == Gives::Nothing,
        ..Response::default()
    })
}
