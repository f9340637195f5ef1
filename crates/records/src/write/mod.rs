//! Writes rows: inserts (many at once, or over what is there), updates, deletes.

mod insert;
mod update;

use crate::answer;
use crate::plan::field::Scope;
use crate::plan::select::list;
use crate::plan::tree::{Node, from_where};
use crate::plan::{Builder, qualified, quoted};
use crate::query::{Request, Response, Return, SelectItem, Shape};
use crate::relationships::key_columns;
use crate::schema::Schema;
use crate::service::{Prepared, Service};
use mainstay_base::{Problem, Result};
use mainstay_engine::Format;
use mainstay_sql::catalog::Relation;
use mainstay_types::Type;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The plan of a write of one shape, for one list of keys.
pub(crate) struct WritePlan {
    pub(crate) main: Prepared,
    /// Finds out, before an upsert, which rows are there already.
    pub(crate) probe: Option<Prepared>,
    /// The primary key, where the answer names the new row by it.
    pub(crate) location: Vec<(String, Type)>,
    /// Whether the rows go in as one JSON parameter instead of one run of the plan for each.
    pub(crate) takes_rows: bool,
}

/// The target of a write under its alias.
pub(crate) struct Target {
    pub(crate) relation: Arc<Relation>,
    pub(crate) scope: Scope,
}

impl Target {
    pub(crate) fn of(schema: &Schema, request: &Request) -> Result<Target> {
        let relation = schema.relation(&request.schema, &request.target)?.clone();
        let scope = Scope::relation(relation.name.name.clone(), relation.clone());
        Ok(Target { relation, scope })
    }

    /// `"schema"."table" AS "table"`
    pub(crate) fn sql(&self) -> String {
        format!("{} AS {}", qualified(&self.relation.name), quoted(&self.scope.alias))
    }
}

/// What a write gives back.
pub(crate) struct Returned {
    pub(crate) sql: String,
    pub(crate) location: Vec<(String, Type)>,
}

/// The format in which a write's rows are asked for.
pub(crate) fn write_format(shape: &Shape, plan_location: &[(String, Type)]) -> Format {
    match shape.returning {
        Return::Representation => answer::format(shape),
        _ if !plan_location.is_empty() => Format::Values,
        _ => Format::Nothing,
    }
}

/// Adds to a changing statement what shall come back from it. `several` tells that an order matters.
pub(crate) fn returning(
    builder: &mut Builder<'_>,
    schema: &Schema,
    target: &Target,
    request: &Request,
    change: String,
    several: bool,
) -> Result<Returned> {
    let shape = &request.shape;
    builder.limited = false;
    builder.nulls_stripped = shape.nulls_stripped;
    match shape.returning {
        Return::Minimal => Ok(Returned { sql: change, location: Vec::new() }),
        Return::HeadersOnly => {
            let location = location_columns(schema, target, shape);
            let columns: Vec<String> = location.iter().map(|(name, _)| target.scope.column(name)).collect();
            let sql = match columns.is_empty() {
                true => change,
                false => format!("{change} RETURNING {}", columns.join(", ")),
            };
            Ok(Returned { sql, location })
        }
        Return::Representation => {
            let sql = representation(builder, target, shape, change, several)?;
            Ok(Returned { sql, location: Vec::new() })
        }
    }
}

fn location_columns(schema: &Schema, target: &Target, shape: &Shape) -> Vec<(String, Type)> {
    if !matches!(shape.action, crate::query::Action::Insert(_)) {
        return Vec::new();
    }
    key_columns(&schema.catalog, &target.relation)
        .into_iter()
        .filter_map(|name| target.scope.column_type(&name).cloned().map(|ty| (name, ty)))
        .collect()
}

fn representation(
    builder: &mut Builder<'_>,
    target: &Target,
    shape: &Shape,
    change: String,
    several: bool,
) -> Result<String> {
    let query = &shape.query;
    let has_embeds = query.select.iter().any(|item| matches!(item, SelectItem::Embed(_)));
    let is_ordered = several && !query.order.is_empty();
    let plain = Node { scope: target.scope.clone(), query, embeds: Vec::new() };
    if !has_embeds && !is_ordered {
        let items = builder.root_items(&plain)?;
        if items.iter().all(|item| item.aggregate.is_none()) {
            return Ok(format!("{change} RETURNING {}", list(&items)));
        }
    }
    // The rows go through a CTE, where they can be joined, ordered and counted.
    let scope = Scope { from_cte: true, ..target.scope.clone() };
    let node = builder.node(scope, Some(&target.relation.name), query, 0)?;
    let inner: Vec<String> = node
        .embeds
        .iter()
        .filter(|child| child.is_inner())
        .map(|child| format!("EXISTS (SELECT 1 {})", child.from))
        .collect();
    let from = from_where(&format!("\"pgrst_source\" AS {}", quoted(&target.scope.alias)), &inner);
    let select = builder.select(&node, &from)?;
    let mut columns: Vec<String> =
        target.scope.columns().iter().map(|(name, _)| target.scope.column(name)).collect();
    columns.extend(builder.returned.iter().map(|(sql, name)| format!("{sql} AS {}", quoted(name))));
    Ok(format!("WITH \"pgrst_source\" AS ({change} RETURNING {}) {select}", columns.join(", ")))
}

/// How many rows a write may affect, with what is wrong otherwise.
pub(crate) fn expectation(request: &Request) -> Option<(RangeInclusive<u64>, Problem)> {
    answer::expect_one(&request.shape).or_else(|| {
        request
            .max_affected
            .map(|most| (0..=most, crate::problems::max_affected(crate::problems::ROWS_UNKNOWN)))
    })
}

impl Service {
    /// The answer of a write that had nothing to do: what runs before requests runs before this one too.
    pub(crate) async fn nothing_written(&self, request: &Request) -> Result<Response> {
        let settings = match self.settings.pre_request {
            Some(_) => self.write(request, Vec::new()).await?.settings,
            None => Vec::new(),
        };
        Ok(Response { settings, ..nothing(request)? })
    }
}

fn nothing(request: &Request) -> Result<Response> {
    let shape = &request.shape;
    let body = match shape.returning {
        Return::Representation => answer::body(shape, 0, answer::joined(answer::format(shape), Vec::new()))?,
        _ if shape.answer == crate::query::Answer::Object => return Err(crate::problems::not_singular(0)),
        _ => Vec::new(),
    };
    Ok(Response { body, total: shape.count.map(|_| 0), ..Response::default() })
}
