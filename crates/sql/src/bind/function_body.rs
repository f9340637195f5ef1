//! The body of a SQL function: its statements, and its query with the columns that the function declares.

use super::bound::{Bound, Form};
use super::coerce::Coercion;
use super::errors::{Located, relocated};
use super::query::{Core, Query, QueryColumn, Target};
use super::scope::{Binder, Frame};
use crate::catalog::{ArgumentMode, Function};
use crate::parse::Statement;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;

/// The statements of a function's body, also where it is written in the SQL-standard way.
pub(super) fn body_statements(function: &Function) -> Result<Vec<Statement>> {
    let body = function.body.trim();
    let upper: String = body.chars().take(16).collect::<String>().to_ascii_uppercase();
    if upper.starts_with("RETURN ") {
        let expression = body.get(7..).unwrap_or_default().trim_end_matches(';');
        return crate::parse::statements(&format!("SELECT {expression}"));
    }
    if upper.starts_with("BEGIN ATOMIC") {
        let inner = body.get(12..).unwrap_or_default().trim_end().trim_end_matches(';').trim_end();
        let inner = inner.strip_suffix("END").or_else(|| inner.strip_suffix("end")).unwrap_or(inner);
        return crate::parse::statements(inner);
    }
    let statements = crate::parse::statements(&function.body)?;
    if statements.is_empty() && function.returns.ty.ty == Type::Void {
        return crate::parse::statements("SELECT NULL");
    }
    Ok(statements)
}

/// Whether running the body changes data or takes more than one query.
pub(super) fn needs_steps(statements: &[Statement]) -> bool {
    match statements {
        [only] => !matches!(&only.node, NodeEnum::SelectStmt(select) if !writes(select)),
        _ => true,
    }
}

pub(super) fn writes(select: &pg_query::protobuf::SelectStmt) -> bool {
    let ctes = select.with_clause.iter().flat_map(|with| &with.ctes);
    ctes.into_iter().any(|node| match &node.node {
        Some(NodeEnum::CommonTableExpr(cte)) => !matches!(
            cte.ctequery.as_deref().and_then(|node| node.node.as_ref()),
            Some(NodeEnum::SelectStmt(_))
        ),
        _ => false,
    })
}

/// Names and types of what a function returns, where it returns rows.
pub(super) fn output_fields(binder: &Binder<'_>, function: &Function) -> Option<Vec<(String, ColumnType)>> {
    let out: Vec<(String, ColumnType)> = function
        .arguments
        .iter()
        .filter(|arg| matches!(arg.mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table))
        .enumerate()
        .map(|(index, arg)| {
            let name = if arg.name.is_empty() { format!("column{}", index + 1) } else { arg.name.clone() };
            (name, arg.ty.clone())
        })
        .collect();
    if out.len() > 1 || function.arguments.iter().any(|arg| arg.mode == ArgumentMode::Table) {
        return Some(out);
    }
    binder.fields_of(&function.returns.ty.ty)
}

/// Whether a function gives rows of which only its body knows the columns.
pub(super) fn is_anonymous_row(binder: &Binder<'_>, function: &Function) -> bool {
    function.returns.ty.ty == Type::Record && output_fields(binder, function).is_none()
}

/// The name of a function's only OUT argument: that of its column, whatever the alias.
pub(super) fn single_out(function: &Function) -> Option<&str> {
    let mut out =
        function.arguments.iter().filter(|arg| matches!(arg.mode, ArgumentMode::Out | ArgumentMode::InOut));
    match (out.next(), out.next()) {
        (Some(only), None) if !only.name.is_empty() => Some(&only.name),
        _ => None,
    }
}

impl Binder<'_> {
    pub(super) fn must_be_sql(&self, function: &Function, at: Option<usize>) -> Result<()> {
        if function.language.eq_ignore_ascii_case("sql") {
            return Ok(());
        }
        Err(Problem::needs_postgres(format!("function {} in language {}", function.name, function.language))
            .placed(at))
    }

    /// Binds the body with the arguments in place of the parameters.
    pub fn with_frame<T>(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let search_path =
            function.settings.iter().find(|(name, _)| name == "search_path").map(|(_, value)| {
                value
                    .split(',')
                    .map(|part| part.trim().trim_matches(['"', '\'']).to_owned())
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<String>>()
            });
        self.frames.push(Frame {
            function: function.name.clone(),
            arguments,
            settings: function.settings.clone(),
        });
        let before = search_path.map(|path| std::mem::replace(&mut self.search_path, path));
        self.check_function_call(function);
        let user = self.enter_function(function);
        let result = self.in_isolation(work);
        self.leave_function(user);
        if let Some(before) = before {
            self.search_path = before;
        }
        self.frames.pop();
        result
    }

    /// The body's query, with columns of the types that the function declares.
    pub(super) fn body_query(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<Query> {
        self.must_be_sql(function, at)?;
        let statements = body_statements(function)?;
        if needs_steps(&statements) {
            return self.query_by_steps(function, &statements, arguments, at);
        }
        let Some(NodeEnum::SelectStmt(select)) =
            statements.into_iter().next().map(|statement| statement.node)
        else {
            return Err(Problem::internal("a function without a body"));
        };
        let query = self
            .with_frame(function, arguments, |binder| {
                binder.scope().has_from = false;
                binder.subquery(&select)
            })
            .map_err(|problem| relocated(problem, at))?;
        self.declared(function, query, at)
    }

    /// Gives a body's query the columns that the function declares.
    pub fn declared(&mut self, function: &Function, mut query: Query, at: Option<usize>) -> Result<Query> {
        if function.returns.ty.ty == Type::Void {
            return Ok(query);
        }
        let fields = output_fields(self, function);
        let wanted: Vec<(String, ColumnType)> = match fields {
            Some(fields) => {
                spread_row(&mut query);
                fields
            }
            None if function.returns.ty.ty == Type::Record => {
                query.settle(self)?;
                return Ok(query);
            }
            None => {
                let name = single_out(function).unwrap_or(&function.name.name);
                vec![(name.to_owned(), function.returns.ty.clone())]
            }
        };
        let columns = query.columns();
        if columns.len() != wanted.len() {
            return Err(self
                .return_mismatch(function, "Final statement returns", &columns, wanted.len())
                .placed(at));
        }
        let types: Vec<ColumnType> = wanted.iter().map(|(_, ty)| ty.clone()).collect();
        for (column, ty) in columns.iter().zip(&types) {
            let probe = Bound::plain("", column.ty.clone());
            let fixed = column.ty.ty != Type::Unknown && !ty.ty.is_pseudo();
            if fixed && !self.can_coerce(&probe, &ty.ty, Coercion::Assignment) {
                let actual = self.type_name(&column.ty.ty);
                let returns = self.type_name(&function.returns.ty.ty);
                return Err(Problem::new(
                    "42P13",
                    format!("return type mismatch in function declared to return {returns}"),
                )
                .with_details(format!("Actual return type is {actual}."))
                .placed(at));
            }
        }
        query.coerce_columns(self, &types, Coercion::Assignment)?;
        let names: Vec<String> = wanted.into_iter().map(|(name, _)| name).collect();
        query.rename(&names)?;
        Ok(query)
    }

    fn return_mismatch(
        &self,
        function: &Function,
        words: &str,
        columns: &[QueryColumn],
        wanted: usize,
    ) -> Problem {
        let returns = self.type_name(&function.returns.ty.ty);
        let amount = if columns.len() > wanted { "too many columns" } else { "too few columns" };
        let details = if wanted == 1 {
            "Final statement must return exactly one column.".to_owned()
        } else {
            format!("{words} {amount}.")
        };
        Problem::new("42P13", format!("return type mismatch in function declared to return {returns}"))
            .with_details(details)
    }
}

/// The columns of a row where a query's only column is one.
pub(super) fn spread_row(query: &mut Query) {
    let Core::Select { targets, .. } = &mut query.core else { return };
    let [Target { bound: Bound { form: Form::Row { fields, .. }, .. }, .. }] = targets.as_slice() else {
        return;
    };
    *targets =
        fields.iter().map(|(name, bound)| Target { name: name.clone(), bound: bound.clone() }).collect();
}
