//! Finds out what a field of a request is: a column, a place inside one, or a function of the row.

use super::types::{cast_target, type_sql};
use super::{Builder, qualified, quoted, string_constant};
use crate::fuzzy;
use crate::problems;
use crate::query::{Field, PathKey, PathStep};
use crate::schema::Representation;
use mainstay_base::Result;
use mainstay_sql::catalog::Relation;
use mainstay_types::{Type, TypeId};
use std::sync::Arc;

/// A relation in a statement, under its alias.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) alias: String,
    pub(crate) table: Table,
    /// The rows come from a CTE: they have the columns, but no longer the type, of the relation.
    pub(crate) from_cte: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Table {
    Relation(Arc<Relation>),
    /// What a function returns where that is no relation's row.
    Rows {
        row: Option<TypeId>,
        columns: Arc<Vec<(String, Type)>>,
    },
}

/// An expression and its type.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) sql: String,
    pub(crate) ty: Type,
}

impl Scope {
    pub(crate) fn relation(alias: String, relation: Arc<Relation>) -> Scope {
        Scope { alias, table: Table::Relation(relation), from_cte: false }
    }

    /// The name for messages: the relation's, else the alias.
    pub(crate) fn name(&self) -> &str {
        match &self.table {
            Table::Relation(relation) => &relation.name.name,
            Table::Rows { .. } => &self.alias,
        }
    }

    /// `"alias"."column"`, for a column that is known to be there.
    pub(crate) fn column(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.alias), quoted(name))
    }

    pub(crate) fn column_type(&self, name: &str) -> Option<&Type> {
        match &self.table {
            Table::Relation(relation) => relation.column(name).map(|column| &column.ty.ty),
            Table::Rows { columns, .. } => {
                columns.iter().find(|(column, _)| column == name).map(|(_, ty)| ty)
            }
        }
    }

    pub(crate) fn columns(&self) -> Vec<(String, Type)> {
        match &self.table {
            Table::Relation(relation) => {
                relation.columns.iter().map(|column| (column.name.clone(), column.ty.ty.clone())).collect()
            }
            Table::Rows { columns, .. } => columns.as_ref().clone(),
        }
    }

    fn row_type(&self) -> Option<TypeId> {
        match &self.table {
            Table::Relation(relation) => Some(relation.row_type),
            Table::Rows { row, .. } => *row,
        }
    }

    /// The schema whose functions are looked at first.
    fn schema(&self) -> &str {
        match &self.table {
            Table::Relation(relation) => &relation.name.schema,
            Table::Rows { .. } => "",
        }
    }
}

impl<'a> Builder<'a> {
    /// The expression of a column or a computed column, without any path.
    pub(crate) fn column(&mut self, scope: &Scope, name: &str) -> Result<Typed> {
        if let Some(ty) = scope.column_type(name) {
            return Ok(Typed { sql: scope.column(name), ty: ty.clone() });
        }
        if let Some(computed) = self.computed_column(scope, name) {
            return Ok(computed);
        }
        let columns = scope.columns();
        let near = fuzzy::best(name, columns.iter().map(|(column, _)| column.as_str()), 0.6);
        Err(problems::undefined_column(&scope.alias, name, near.map(str::to_owned)))
    }

    pub(crate) fn is_column(&self, scope: &Scope, name: &str) -> bool {
        scope.column_type(name).is_some()
            || scope
                .row_type()
                .is_some_and(|row| self.schema.computed_column(row, self.search_path(scope), name).is_some())
    }

    /// The schemas in which a function of a row is looked for.
    fn search_path<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = &'s str> {
        let extra = self.settings.extra_search_path.iter().map(String::as_str);
        std::iter::once(scope.schema()).chain(extra)
    }

    fn computed_column(&mut self, scope: &Scope, name: &str) -> Option<Typed> {
        let function = self.schema.computed_column(scope.row_type()?, self.search_path(scope), name)?;
        let call = format!("{}({})", qualified(&function.name), quoted(&scope.alias));
        let ty = function.returns.ty.ty.clone();
        if !scope.from_cte {
            return Some(Typed { sql: call, ty });
        }
        if !self.returned.iter().any(|(_, known)| known == name) {
            self.returned.push((call, name.to_owned()));
        }
        Some(Typed { sql: scope.column(name), ty })
    }

    /// How the values of a field come in and go out, where it is a column of a domain that says so.
    pub(crate) fn representation(&self, scope: &Scope, field: &Field) -> Option<&'a Representation> {
        match &scope.table {
            Table::Relation(relation) if field.path.is_empty() => {
                self.schema.representation(relation.column(&field.name)?)
            }
            _ => None,
        }
    }

    /// The expression of a field with its path.
    pub(crate) fn field(&mut self, scope: &Scope, field: &Field) -> Result<Typed> {
        let column = self.column(scope, &field.name)?;
        Ok(with_path(column, &field.path))
    }

    pub(crate) fn cast(&self, typed: Typed, scope: &Scope, target: &str) -> Result<Typed> {
        let schemas: Vec<&str> = self.search_path(scope).collect();
        let (sql, ty) = cast_target(&self.schema.catalog, &schemas, target)?;
        Ok(Typed { sql: format!("CAST({} AS {sql})", typed.sql), ty })
    }

    pub(crate) fn type_sql(&self, ty: &Type) -> String {
        type_sql(&self.schema.catalog, ty)
    }
}

/// `column->'a'->>0`: columns that are no JSON become it first, so that composites and arrays can be entered.
fn with_path(column: Typed, path: &[PathStep]) -> Typed {
    if path.is_empty() {
        return column;
    }
    let is_json = matches!(column.ty, Type::Json | Type::Jsonb);
    let (mut sql, inner) =
        if is_json { (column.sql, column.ty) } else { (format!("to_jsonb({})", column.sql), Type::Jsonb) };
    let mut ty = inner.clone();
    for step in path {
        let arrow = if step.as_text { "->>" } else { "->" };
        let key = match &step.key {
            PathKey::Name(name) => string_constant(name),
            PathKey::Index(index) if *index < 0 => format!("({index})"),
            PathKey::Index(index) => index.to_string(),
        };
        sql = format!("{sql}{arrow}{key}");
        ty = if step.as_text { Type::Text } else { inner.clone() };
    }
    Typed { sql: format!("({sql})"), ty }
}

/// The name that a field has in the answer where it has no alias: the column, or the last key of its path.
pub(crate) fn output_name(field: &Field) -> &str {
    field
        .path
        .iter()
        .rev()
        .find_map(|step| match &step.key {
            PathKey::Name(name) => Some(name.as_str()),
            PathKey::Index(_) => None,
        })
        .unwrap_or(&field.name)
}

/// A column as an answer shows it.
pub(crate) fn shown(column: Typed, representation: Option<&Representation>) -> Typed {
    match representation.and_then(|representation| representation.to_json.as_ref()) {
        Some(function) => Typed { sql: format!("{}({})", qualified(function), column.sql), ty: Type::Json },
        None => column,
    }
}
