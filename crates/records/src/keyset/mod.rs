//! Pages by key: each begins after the last row of the one before, so that rows that come or go meanwhile shift
//! nothing.
//!
//! The order is made total by the primary key. One read in one snapshot gives the page and, beside it, the keys of
//! its last row and whether another row follows.

pub(crate) mod cursor;

use crate::answer;
use crate::cache::Key;
use crate::plan::field::Scope;
use crate::plan::tree::from_where;
use crate::plan::{Builder, Source, keyset, qualified, quoted};
use crate::query::{Field, LiteralId, OrderTerm, Query, Request, Response};
use crate::read::count_statement;
use crate::relationships::key_columns;
use crate::schema::Schema;
use crate::service::{Prepared, Service};
use crate::values::{Inputs, fill};
use cursor::{Origin, Values};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Step};
use mainstay_sql::Name;
use mainstay_sql::catalog::{Relation, RelationKind};
use mainstay_types::{Context, Type, value};
use std::sync::Arc;

pub(crate) struct PagePlan {
    main: Prepared,
    /// The keys of the page's last row and of the row after it; absent where pages have no end.
    edge: Option<Prepared>,
    count: Option<Prepared>,
    types: Vec<Type>,
}

/// The values of a cursor as literals of the request.
struct Start {
    values: Vec<Option<LiteralId>>,
    /// How far the page's last row is from its first, as a literal.
    last: Option<LiteralId>,
}

impl Service {
    pub(crate) async fn run_page(
        &self,
        schema: &Arc<Schema>,
        request: &Request,
        after: &str,
    ) -> Result<Response> {
        let name = Name::new(request.schema.as_str(), request.target.as_str());
        let relation = schema.relation(&name.schema, &name.name)?.clone();
        let query = &request.shape.query;
        if query.offset.is_some() {
            return Err(Problem::new("MS044", "`after` and `offset` exclude each other").with_status(400));
        }
        let origin = Origin::of(schema.catalog.version, &String::from(name.clone()), &query.order);
        let values: Values = match after {
            "" => Vec::new(),
            text => cursor::decode(&self.cursor_key, &origin, text)?,
        };
        let mut literals = request.literals.clone();
        let mut literal = |text: String| {
            let id = LiteralId(u32::try_from(literals.len()).unwrap_or(u32::MAX));
            literals.push(text);
            id
        };
        let size = match (request.limit, self.settings.rows_max) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let start = Start {
            values: values.into_iter().map(|value| value.map(&mut literal)).collect(),
            last: size.and_then(|size| size.checked_sub(1)).map(|last| literal(last.to_string())),
        };
        let plan = self.page_plan(schema, request, &relation, &start)?;
        let context = self.context(schema, &request.session);
        let inputs = Inputs { literals: &literals, ..Inputs::default() };
        let mut steps = Vec::with_capacity(3);
        for (prepared, format) in std::iter::once((&plan.main, answer::format(&request.shape)))
            .chain(plan.edge.iter().map(|p| (p, Format::Values)))
            .chain(plan.count.iter().map(|p| (p, Format::Values)))
        {
            let values = fill(&prepared.parameters, &inputs, &context)?;
            steps.push(Step { plan: prepared.plan.clone(), values, format });
        }
        let (results, settings) = self.read(request, steps).await?;
        let mut results = results.into_iter();
        let rows = results.next().unwrap_or_default();
        let edge = plan.edge.as_ref().and_then(|_| results.next());
        let counted = results.next().as_ref().and_then(answer::number);
        let next = match edge.map(|edge| edge.values).as_deref() {
            Some([last, _following]) => {
                Some(cursor::encode(&self.cursor_key, &origin, &texts(&plan.types, last, &context))?)
            }
            _ => None,
        };
        let count = rows.count;
        Ok(Response {
            body: answer::body(&request.shape, count, rows.body)?,
            rows: count,
            total: request.shape.count.map(|_| counted.unwrap_or(count)),
            next,
            settings,
            ..Response::default()
        })
    }

    fn page_plan(
        &self,
        schema: &Schema,
        request: &Request,
        relation: &Arc<Relation>,
        start: &Start,
    ) -> Result<Arc<PagePlan>> {
        // Which of the values are null decides the conditions.
        let pattern: Vec<&str> =
            start.values.iter().map(|value| if value.is_some() { "value" } else { "null" }).collect();
        let key = Key {
            schema: &request.schema,
            target: &request.target,
            role: &request.session.role,
            shape: &request.shape,
            keys: &pattern,
            variant: u8::from(start.last.is_some()),
        };
        if let Some(plan) = self.pages.get(&key, schema.catalog.version) {
            return Ok(plan);
        }
        let plan = Arc::new(self.plan_page(schema, request, relation, start)?);
        self.pages.put(&key, schema.catalog.version, plan.clone());
        Ok(plan)
    }

    fn plan_page(
        &self,
        schema: &Schema,
        request: &Request,
        relation: &Arc<Relation>,
        start: &Start,
    ) -> Result<PagePlan> {
        let key = unique_columns(schema, relation);
        let query = &total_order(&request.shape.query, &key);
        let scope = Scope::relation(relation.name.name.clone(), relation.clone());
        let (tables, name) =
            (format!("{} AS {}", qualified(&relation.name), quoted(&scope.alias)), &relation.name);

        let mut builder = Builder::new(schema, &self.settings);
        builder.nulls_stripped = request.shape.nulls_stripped;
        let node = builder.node(scope.clone(), Some(name), query, 0)?;
        let aggregated = builder.root_items(&node)?.iter().any(|item| item.aggregate.is_some());
        keyset::check(&scope, aggregated, &key)?;
        let (from, types) = page_rows(&mut builder, &node, relation, &tables, start)?;
        let sql = builder.select(&node, &from)?;
        let main = self.prepare(schema, request, builder.finish(sql))?;

        let edge = match start.last {
            None => None,
            Some(last) => {
                let mut builder = Builder::new(schema, &self.settings);
                let node = builder.node(scope, Some(name), query, 0)?;
                let (from, _) = page_rows(&mut builder, &node, relation, &tables, start)?;
                let terms = builder.key_terms(&node, relation)?;
                let list: Vec<String> = terms
                    .iter()
                    .enumerate()
                    .map(|(place, term)| format!("{} AS \"k{place}\"", term.sql))
                    .collect();
                let order = builder.order_clause(&node)?;
                let offset = builder.parameter(Type::Int8, Source::Offset(last));
                let sql = format!("SELECT {} {from}{order} LIMIT 2 OFFSET {offset}", list.join(", "));
                Some(self.prepare(schema, request, builder.finish(sql))?)
            }
        };
        let count = match request.shape.count {
            None => None,
            Some(_) => {
                let statement = count_statement(schema, &self.settings, name, &request.shape.query)?;
                Some(self.prepare(schema, request, statement)?)
            }
        };
        Ok(PagePlan { main, edge, count, types })
    }
}

/// `FROM … WHERE …` of the rows from the start on, and the types of the order's terms.
fn page_rows(
    builder: &mut Builder<'_>,
    node: &crate::plan::tree::Node<'_>,
    relation: &Relation,
    tables: &str,
    start: &Start,
) -> Result<(String, Vec<Type>)> {
    let mut conditions = builder.node_conditions(node)?;
    let terms = builder.key_terms(node, relation)?;
    if !start.values.is_empty() {
        if start.values.len() != terms.len() {
            return Err(Problem::internal("a cursor has another number of values than its order has terms"));
        }
        conditions.push(builder.after(&terms, &start.values));
    }
    Ok((from_where(tables, &conditions), terms.into_iter().map(|term| term.ty).collect()))
}

/// The columns that tell rows apart. A view must be a selection of one table's rows: in a join a row of the table
/// would come several times.
fn unique_columns(schema: &Schema, relation: &Relation) -> Vec<String> {
    match &relation.kind {
        RelationKind::Table | RelationKind::View { updatable: Some(_), .. } => {
            key_columns(&schema.catalog, relation)
        }
        _ => Vec::new(),
    }
}

/// The order with the columns of the key behind it that are not in it yet.
fn total_order(query: &Query, key: &[String]) -> Query {
    let mut query = query.clone();
    for column in key {
        let there = |term: &OrderTerm| {
            term.relation.is_none() && term.field.path.is_empty() && term.field.name == *column
        };
        if !query.order.iter().any(there) {
            let field = Field { name: column.clone(), path: Vec::new() };
            query.order.push(OrderTerm { relation: None, field, direction: None, nulls: None });
        }
    }
    query
}

fn texts(types: &[Type], row: &[mainstay_types::Value], context: &Context) -> Values {
    types
        .iter()
        .zip(row)
        .map(|(ty, stored)| {
            (!stored.is_null()).then(|| {
                let mut text = String::new();
                value::output(ty, stored.as_ref(), context, &mut text);
                text
            })
        })
        .collect()
}
