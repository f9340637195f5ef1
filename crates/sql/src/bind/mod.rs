//! Binds names and types of statements against the catalog and lowers them to SQLite.
//!
//! One walk over the parse tree does both: each expression becomes SQLite text together with its type, collation,
//! NULLs and the columns that it uses ([`bound::Bound`]); each query stays in parts until its place has given its
//! columns their types ([`query::Query`]). Overloads come from the registry's tables ([`resolve`]).
//! Start reading at [`compile`], then `select`, then `expr`.

mod access;
mod aggregates;
mod arrays;
mod barrier;
mod before;
mod bound;
mod calls;
mod casts;
mod clause_items;
mod coerce;
mod compare;
mod conditionals;
mod distinct;
mod dml;
mod errors;
mod expr;
mod from;
mod function_body;
mod functions;
mod grouping;
mod grouping_sets;
mod inline;
mod insert;
mod joins;
mod json;
mod names;
mod new_rows;
mod on_conflict;
mod once;
mod operators;
mod ordering;
mod output_names;
mod overloads;
mod policies;
mod query;
mod range_functions;
mod resolve;
mod returning;
mod row_functions;
mod scope;
mod select;
mod setops;
mod single;
mod steps;
mod subqueries;
pub mod typed;
mod types;
mod update;
mod windows;
mod write_access;

use crate::catalog::{Catalog, Function, Name, Relation};
use crate::parse::on_deep_stack;
use crate::plan::{Compiled, OutputColumn};
pub(crate) use resolve::natives_named;

use bound::Bound;
use coerce::Coercion;
use errors::Located;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type, Volatility};
use pg_query::NodeEnum;
use scope::{Binder, Clause};

pub(crate) use new_rows::collated;
pub(crate) use output_names::figured_name;

/// On whose behalf a statement is bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// The role whose privileges and policies count; `None`: trusted code, for which nothing is checked.
    pub role: Option<&'a str>,
    /// Where names without a schema are looked for, those in the bodies of functions included. An empty one is
    /// `public`, `extensions`.
    pub search_path: &'a [String],
}

/// Binds and lowers one statement. `parameters` gives the types of `$1`…; one that is missing or
/// [`Type::Unknown`] is inferred from its place. An empty `search_path` is `public`, `extensions`.
pub fn compile(
    catalog: &Catalog,
    sql: &str,
    parameters: &[ColumnType],
    search_path: &[String],
) -> Result<Compiled> {
    compile_as(catalog, sql, parameters, Caller { role: None, search_path })
}

/// As [`compile`], on behalf of a caller.
pub fn compile_as(
    catalog: &Catalog,
    sql: &str,
    parameters: &[ColumnType],
    caller: Caller<'_>,
) -> Result<Compiled> {
    on_deep_stack(sql, || {
        let statement = crate::parse::statement(sql)?;
        compile_node_as(catalog, &statement.node, parameters, caller)
    })
}

/// As [`compile`], for a statement that is parsed already. Places are those of the text it was parsed from.
pub fn compile_node(
    catalog: &Catalog,
    node: &NodeEnum,
    parameters: &[ColumnType],
    search_path: &[String],
) -> Result<Compiled> {
    compile_node_as(catalog, node, parameters, Caller { role: None, search_path })
}

fn compile_node_as(
    catalog: &Catalog,
    node: &NodeEnum,
    parameters: &[ColumnType],
    caller: Caller<'_>,
) -> Result<Compiled> {
    let mut binder = Binder::new(catalog, parameters, caller.search_path);
    binder.access = access::Access::of(catalog, caller.role)?;
    let lowered = binder.statement(node)?;
    let writes = !matches!(node, NodeEnum::SelectStmt(_));
    let untyped = binder.parameters.iter().position(|ty| ty.ty == Type::Unknown);
    if let Some(index) = untyped {
        let seen = binder.parameter_places.get(index).copied().flatten();
        if seen.is_some() || index >= parameters.len() {
            return Err(Problem::new(
                "42P18",
                format!("could not determine data type of parameter ${}", index + 1),
            )
            .placed(seen));
        }
    }
    let columns = lowered
        .columns
        .iter()
        .map(|column| OutputColumn { name: column.name.clone(), ty: column.ty.ty.clone() })
        .collect();
    binder.access.verdict()?;
    binder.finish_changes(0, before::Changes::default());
    let mut steps = std::mem::take(&mut binder.steps);
    steps.push(lowered.step(None, true));
    let parameters = binder
        .parameters
        .iter()
        .map(|ty| if ty.ty == Type::Unknown { ColumnType::from(Type::Text) } else { ty.clone() })
        .collect();
    Ok(Compiled {
        steps,
        columns,
        parameters,
        writes: writes || binder.writes,
        tables: binder.tables,
        old_rows: binder.old_rows,
    })
}

/// Lowers an expression over one table's columns for where SQLite wants one: CHECK constraints, generated columns,
/// index keys and predicates. Columns stand unqualified and quoted. `want` is the type it is coerced to, by
/// assignment; without it the expression's own type is returned.
pub fn lower_row_expression(
    catalog: &Catalog,
    relation: &Relation,
    text: &str,
    want: Option<&ColumnType>,
) -> Result<(String, Type)> {
    lower_over_row(catalog, relation, text, want, Clause::Check).map(|bound| (bound.sql, bound.ty.ty))
}

/// What PostgreSQL takes only where it is immutable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immutable {
    IndexExpression,
    IndexPredicate,
    Generated,
}

/// As [`lower_row_expression`], for what a user has just written where PostgreSQL refuses everything that is not
/// immutable.
pub fn lower_immutable_expression(
    catalog: &Catalog,
    relation: &Relation,
    text: &str,
    want: Option<&ColumnType>,
    what: Immutable,
) -> Result<(String, Type)> {
    let (clause, message) = match what {
        Immutable::IndexExpression => {
            (Clause::Index, "functions in index expression must be marked IMMUTABLE")
        }
        Immutable::IndexPredicate => {
            (Clause::IndexPredicate, "functions in index predicate must be marked IMMUTABLE")
        }
        Immutable::Generated => (Clause::Generated, "generation expression is not immutable"),
    };
    let bound = lower_over_row(catalog, relation, text, want, clause)?;
    if bound.volatility != Volatility::Immutable {
        return Err(Problem::new("42P17", message).placed(bound.place));
    }
    Ok((bound.sql, bound.ty.ty))
}

fn lower_over_row(
    catalog: &Catalog,
    relation: &Relation,
    text: &str,
    want: Option<&ColumnType>,
    clause: Clause,
) -> Result<Bound> {
    on_deep_stack(text, || {
        let node = crate::parse::expression(text)?;
        let mut binder = Binder::new(catalog, &[], &[]);
        binder.kept = true;
        binder.bare_over(relation, |binder| {
            binder.scope().clause = clause;
            let bound = binder.expr(&node)?;
            match want {
                Some(ty) => {
                    if !bound.is_unknown() && !binder.can_coerce(&bound, &ty.ty, Coercion::Assignment) {
                        let (from, to) = (binder.type_name(&bound.ty.ty), binder.type_name(&ty.ty));
                        return Err(errors::mismatch(format!(
                            "expression is of type {from} but {to} is needed here"
                        ))
                        .placed(bound.place));
                    }
                    binder.coerce(bound, ty, Coercion::Assignment)
                }
                None => binder.settle(bound),
            }
        })
    })
}

/// Lowers an expression without columns: a default.
pub fn lower_constant_expression(
    catalog: &Catalog,
    text: &str,
    want: Option<&ColumnType>,
) -> Result<(String, Type)> {
    on_deep_stack(text, || {
        let node = crate::parse::expression(text)?;
        let mut binder = Binder::new(catalog, &[], &[]);
        let scope = binder.scope();
        scope.bare = true;
        scope.clause = Clause::Default;
        let bound = binder.expr(&node).map_err(|problem| match problem.code() {
            "42703" => Problem::new("0A000", "cannot use column reference in DEFAULT expression")
                .placed(problem.place().map(|place| place.offset)),
            _ => problem,
        })?;
        let bound = match want {
            Some(ty) => binder.coerce(bound, ty, Coercion::Assignment)?,
            None => binder.settle(bound)?,
        };
        Ok((bound.sql, bound.ty.ty))
    })
}

/// The value of an expression that is the same in every session, as a column takes it by assignment; `None` where it
/// depends on more than itself.
pub fn constant_value(
    catalog: &Catalog,
    node: &pg_query::Node,
    want: &ColumnType,
) -> Result<Option<mainstay_types::Value>> {
    let mut binder = Binder::new(catalog, &[], &[]);
    binder.kept = true;
    let scope = binder.scope();
    scope.bare = true;
    scope.clause = Clause::Default;
    let bound = binder.expr(node)?;
    let bound = binder.coerce(bound, want, Coercion::Assignment)?;
    Ok(match bound.form {
        bound::Form::Constant(value) => Some(value),
        _ => None,
    })
}

/// The context in which values have the form that they have in every session.
pub fn settled_context(catalog: &Catalog) -> mainstay_types::Context {
    Binder::new(catalog, &[], &[]).context(false)
}

/// One output column of a query: its name, its type, and the base relation and column that it repeats.
pub struct DescribedColumn {
    pub name: String,
    pub ty: ColumnType,
    pub domain: Option<Name>,
    /// The relation and column that it is, where it is a plain one.
    pub origin: Option<(Name, String)>,
}

/// The output columns of a query, for `CREATE VIEW` and `CREATE TABLE AS`.
pub fn describe_query(catalog: &Catalog, query: &str) -> Result<Vec<DescribedColumn>> {
    on_deep_stack(query, || {
        let statement = crate::parse::statement(query)?;
        let NodeEnum::SelectStmt(select) = &statement.node else {
            return Err(Problem::new("42601", "a query is expected"));
        };
        let mut binder = Binder::new(catalog, &[], &[]);
        let mut query = binder.query(select)?;
        query.settle(&mut binder)?;
        Ok(query
            .columns()
            .into_iter()
            .map(|column| DescribedColumn {
                name: column.name,
                ty: column.ty,
                domain: column.domain,
                origin: column.origin,
            })
            .collect())
    })
}

/// Checks the body of a function as `CREATE FUNCTION` does (`check_function_bodies`).
pub fn check_function(catalog: &Catalog, function: &Function, search_path: &[String]) -> Result<()> {
    if !function.language.eq_ignore_ascii_case("sql") {
        return Ok(());
    }
    on_deep_stack(&function.body, || {
        let statements = function_body::body_statements(function)?;
        // With polymorphic arguments nothing is known until a call.
        if function.arguments.iter().any(|argument| argument.ty.ty.is_pseudo()) {
            return Ok(());
        }
        let mut binder = Binder::new(catalog, &[], search_path);
        let arguments: Vec<(String, Bound)> = overloads::input_arguments(function)
            .into_iter()
            .enumerate()
            .map(|(index, argument)| {
                let mut bound = Bound::plain(format!("?{}", index + 1), argument.ty.clone());
                bound.domain.clone_from(&argument.domain);
                (argument.name.clone(), bound)
            })
            .collect();
        let returns_nothing = function.returns.ty.ty == Type::Void;
        let count = statements.len();
        for (index, statement) in statements.iter().enumerate() {
            let lowered = binder.with_frame(function, arguments.clone(), |binder| {
                let isolated = std::mem::take(&mut binder.scopes);
                binder.outermost = true;
                let query = match &statement.node {
                    NodeEnum::SelectStmt(select) => binder.query(select).map(Some),
                    other => binder.statement(other).map(|_| None),
                };
                binder.scopes = isolated;
                query
            })?;
            binder.changes = before::Changes::default();
            if let (Some(query), false, true) = (lowered, returns_nothing, index + 1 == count) {
                binder.declared(function, query, None)?;
            }
        }
        if count == 0 && !returns_nothing {
            let returns = binder.type_name(&function.returns.ty.ty);
            return Err(Problem::new(
                "42P13",
                format!("return type mismatch in function declared to return {returns}"),
            )
            .with_details("Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING."));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
