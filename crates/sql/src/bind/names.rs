//! Column references, whole rows and the arguments of inlined functions.

use super::bound::{Bound, Form};
use super::errors::{Located, ambiguous_column, edits, place, syntax, undefined_column};
use super::scope::{Binder, Source};
use super::types::strings;
use crate::catalog::{Name, Relation};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::ColumnRef;
use std::sync::Arc;

/// More edits than this are no misspelling.
const EDITS_MAX: usize = 3;

impl Binder<'_> {
    pub fn column_ref(&mut self, reference: &ColumnRef) -> Result<Bound> {
        let at = place(reference.location);
        let parts = strings(&reference.fields);
        let star =
            matches!(reference.fields.last().and_then(|node| node.node.as_ref()), Some(NodeEnum::AStar(_)));
        if star {
            return match parts.as_slice() {
                [] => Err(syntax("row expansion via \"*\" is not supported here").placed(at)),
                [table] => self.whole_row_named(None, table, at),
                [schema, table] | [_, schema, table] => self.whole_row_named(Some(schema), table, at),
                _ => Err(syntax("improper qualified name (too many dotted names)").placed(at)),
            };
        }
        match parts.as_slice() {
            [name] => self.unqualified(name, at),
            [table, column] => self.qualified_column(None, table, column, at),
            [schema, table, column] | [_, schema, table, column] => {
                self.qualified_column(Some(schema), table, column, at)
            }
            _ => Err(syntax("improper qualified name (too many dotted names)").placed(at)),
        }
    }

    fn unqualified(&mut self, name: &str, at: Option<usize>) -> Result<Bound> {
        for level in (0..self.scopes.len()).rev() {
            if let Some(bound) = self.unqualified_at(level, name, at)? {
                return Ok(bound);
            }
            if self.scopes.get(level).is_some_and(|scope| scope.barrier) {
                break;
            }
        }
        if let Some(bound) = self.argument(None, name, at) {
            return Ok(bound);
        }
        if name == "value"
            && let Some(value) = &self.domain_value
        {
            return Ok(value.clone().at(at));
        }
        if let Some((level, source)) = self.find_source(None, name) {
            return self.whole_row(level, source, at);
        }
        Err(self.missing_column(None, name).placed(at))
    }

    /// Looks through one level's columns.
    fn unqualified_at(&self, level: usize, name: &str, at: Option<usize>) -> Result<Option<Bound>> {
        let Some(scope) = self.scopes.get(level) else { return Ok(None) };
        let mut found = scope.columns.iter().filter(|column| column.name == name);
        let Some(first) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(ambiguous_column(name).placed(at));
        }
        if let Some(merged) = &first.merged {
            return Ok(Some(merged.clone().at(at)));
        }
        Ok(self.column_of(level, first.source, first.column, at))
    }

    /// An argument of the function whose body this is.
    fn argument(&self, function: Option<&str>, name: &str, at: Option<usize>) -> Option<Bound> {
        let frame = self.frames.last()?;
        if function.is_some_and(|function| function != frame.function.name) {
            return None;
        }
        let (_, bound) =
            frame.arguments.iter().find(|(argument, _)| argument == name && !argument.is_empty())?;
        Some(bound.clone().at(at))
    }

    /// The source that a name (or `schema.name`) means here: its level and its number.
    pub fn find_source(&self, schema: Option<&str>, name: &str) -> Option<(usize, usize)> {
        for (level, scope) in self.scopes.iter().enumerate().rev() {
            let found = scope.sources.iter().position(|source| {
                !source.hidden
                    && source.alias == name
                    && match schema {
                        None => true,
                        Some(schema) => source.schema.as_deref() == Some(schema),
                    }
            });
            if let Some(source) = found {
                return Some((level, source));
            }
            if scope.barrier {
                return None;
            }
        }
        None
    }

    fn qualified_column(
        &mut self,
        schema: Option<&str>,
        table: &str,
        column: &str,
        at: Option<usize>,
    ) -> Result<Bound> {
        let Some((level, source)) = self.find_source(schema, table) else {
            if schema.is_none() {
                if let Some(bound) = self.argument(Some(table), column, at) {
                    return Ok(bound);
                }
                // `argument.field` of an argument that is a row.
                if let Some(row) = self.argument(None, table, at)
                    && let Some(bound) = self.field(&row, column, at)?
                {
                    return Ok(bound);
                }
            }
            return Err(self.missing_table(schema, table).placed(at));
        };
        let found = self
            .scopes
            .get(level)
            .and_then(|scope| scope.sources.get(source))
            .map(|source| {
                source
                    .columns
                    .iter()
                    .enumerate()
                    .filter(|(_, candidate)| candidate.name == column)
                    .map(|(index, _)| index)
                    .collect::<Vec<usize>>()
            })
            .unwrap_or_default();
        match found.as_slice() {
            [index] => self
                .column_of(level, source, *index, at)
                .ok_or_else(|| self.missing_column(Some(table), column).placed(at)),
            [] => match self.computed_column(level, source, column, at)? {
                Some(bound) => Ok(bound),
                None => Err(self.missing_column(Some(table), column).placed(at)),
            },
            _ => Err(ambiguous_column(column).placed(at)),
        }
    }

    /// `t.f` for a function `f(t)`.
    fn computed_column(
        &mut self,
        level: usize,
        source: usize,
        name: &str,
        at: Option<usize>,
    ) -> Result<Option<Bound>> {
        let row = self.whole_row(level, source, at)?;
        let arguments =
            super::functions::Arguments { values: vec![row], names: vec![String::new()], spread: false };
        let Ok(target) = self.find_callable(None, name, &arguments) else { return Ok(None) };
        let super::overloads::Callable::User(function) = target.callable else { return Ok(None) };
        let values = self.user_arguments(&function, arguments, &target.types)?;
        self.inline_scalar(&function, values, at).map(Some)
    }

    fn whole_row_named(&mut self, schema: Option<&str>, table: &str, at: Option<usize>) -> Result<Bound> {
        match self.find_source(schema, table) {
            Some((level, source)) => self.whole_row(level, source, at),
            None => match self.argument(None, table, at) {
                Some(bound) => Ok(bound),
                None => Err(self.missing_table(schema, table).placed(at)),
            },
        }
    }

    /// A source as one value.
    pub fn whole_row(&mut self, level: usize, source: usize, at: Option<usize>) -> Result<Bound> {
        let Some(from) = self.scopes.get(level).and_then(|scope| scope.sources.get(source)).cloned() else {
            return Err(Problem::internal("a source that is not there").placed(at));
        };
        if from.scalar
            && let Some(bound) = self.column_of(level, source, 0, at)
        {
            return Ok(bound);
        }
        let mut fields = Vec::new();
        for (index, column) in from.columns.iter().enumerate().filter(|(_, column)| !column.hidden) {
            if let Some(bound) = self.column_of(level, source, index, at) {
                fields.push((column.name.clone(), bound));
            }
        }
        let present = from.nullable.then(|| presence(&from));
        Ok(self.row_of(fields, present, from.row_type.clone()).at(at))
    }

    /// All columns that `*` or `table.*` means here.
    pub fn expand_star(
        &mut self,
        fields: &[pg_query::Node],
        at: Option<usize>,
    ) -> Result<Vec<(String, Bound)>> {
        let parts = strings(fields);
        let level = self.scopes.len().saturating_sub(1);
        let mut out = Vec::new();
        match parts.as_slice() {
            [] => {
                let columns = self.scope().columns.clone();
                if !self.scope().has_from {
                    return Err(syntax("SELECT * with no tables specified is not valid").placed(at));
                }
                for column in columns {
                    let bound = match column.merged {
                        Some(merged) => Some(merged.at(at)),
                        None => self.column_of(level, column.source, column.column, at),
                    };
                    let hidden = self
                        .scope()
                        .sources
                        .get(column.source)
                        .and_then(|source| source.columns.get(column.column))
                        .is_some_and(|column| column.hidden);
                    if let (Some(bound), false) = (bound, hidden) {
                        out.push((column.name, bound));
                    }
                }
            }
            [table] | [_, table] => {
                let schema = (parts.len() == 2).then(|| parts.first().copied()).flatten();
                let Some((level, source)) = self.find_source(schema, table) else {
                    if let Some(row) = self.argument(None, table, at) {
                        return self.expand_row(&row, at);
                    }
                    return Err(self.missing_table(schema, table).placed(at));
                };
                let columns = self.scopes.get(level).and_then(|scope| scope.sources.get(source));
                let names: Vec<(usize, String)> = columns
                    .into_iter()
                    .flat_map(|source| source.columns.iter().enumerate())
                    .filter(|(_, column)| !column.hidden)
                    .map(|(index, column)| (index, column.name.clone()))
                    .collect();
                for (index, name) in names {
                    if let Some(bound) = self.column_of(level, source, index, at) {
                        out.push((name, bound));
                    }
                }
            }
            _ => return Err(syntax("improper qualified name (too many dotted names)").placed(at)),
        }
        Ok(out)
    }

    /// `(row).*`
    pub fn expand_row(&mut self, row: &Bound, at: Option<usize>) -> Result<Vec<(String, Bound)>> {
        if let Form::Row { fields, .. } = &row.form {
            return Ok(fields.iter().map(|(name, bound)| (name.clone(), bound.clone().at(at))).collect());
        }
        let names = self.fields_of(&row.ty.ty).ok_or_else(|| {
            let ty = self.type_name(&row.ty.ty);
            let what = if row.ty.ty == Type::Record {
                "record type has not been registered".to_owned()
            } else {
                format!("type {ty} is not composite")
            };
            Problem::new("42809", what).placed(at)
        })?;
        let mut out = Vec::new();
        for (name, _) in names {
            if let Some(bound) = self.field(row, &name, at)? {
                out.push((name, bound));
            }
        }
        Ok(out)
    }

    fn missing_table(&self, schema: Option<&str>, table: &str) -> Problem {
        let words = super::types::qualified(schema, table);
        let visible: Vec<&Source> = self
            .scopes
            .iter()
            .rev()
            .take_while(|scope| !scope.barrier)
            .flat_map(|scope| &scope.sources)
            .collect();
        // The table is there under an alias: PostgreSQL says so.
        let hidden = visible.iter().find(|source| {
            source
                .relation
                .as_ref()
                .is_some_and(|relation| relation.name.name == table && source.alias != table)
        });
        if let Some(source) = hidden {
            return Problem::new(
                "42P01",
                format!("invalid reference to FROM-clause entry for table \"{words}\""),
            )
            .with_hint(format!("Perhaps you meant to reference the table alias \"{}\".", source.alias));
        }
        if visible.iter().any(|source| source.alias == table) {
            return Problem::new("42P01", format!("invalid reference to FROM-clause entry for table \"{words}\""))
                .with_hint(format!("There is an entry for table \"{table}\", but it cannot be referenced from this part of the query."));
        }
        Problem::new("42P01", format!("missing FROM-clause entry for table \"{words}\""))
    }

    fn missing_column(&self, table: Option<&str>, column: &str) -> Problem {
        let words = match table {
            Some(table) => format!("{table}.{column}"),
            None => format!("\"{column}\""),
        };
        let problem = undefined_column(&words);
        match self.similar(table, column).as_slice() {
            [(alias, name)] => {
                problem.with_hint(format!("Perhaps you meant to reference the column \"{alias}.{name}\"."))
            }
            [(a, b), (c, d)] => problem.with_hint(format!(
                "Perhaps you meant to reference the column \"{a}.{b}\" or the column \"{c}.{d}\"."
            )),
            _ => problem,
        }
    }

    /// The visible columns with the fewest edits from a name, where that is few.
    fn similar(&self, table: Option<&str>, column: &str) -> Vec<(String, String)> {
        let mut best = EDITS_MAX + 1;
        let mut found: Vec<(String, String)> = Vec::new();
        for scope in self.scopes.iter().rev() {
            for source in scope.sources.iter().filter(|source| !source.hidden) {
                let penalty = match table {
                    Some(table) if table != source.alias => edits(table, &source.alias),
                    _ => 0,
                };
                for candidate in source.columns.iter().filter(|candidate| !candidate.hidden) {
                    let distance = edits(&candidate.name, column);
                    if distance > candidate.name.chars().count() / 2 {
                        continue;
                    }
                    let total = distance + penalty;
                    if total < best {
                        best = total;
                        found.clear();
                    }
                    if total == best && total <= EDITS_MAX {
                        found.push((source.alias.clone(), candidate.name.clone()));
                    }
                }
            }
            if scope.barrier {
                break;
            }
        }
        if found.len() > 2 { Vec::new() } else { found }
    }

    /// A relation by name: in the schema, else along the search path.
    pub fn find_relation(&self, schema: Option<&str>, name: &str) -> Option<Arc<Relation>> {
        match schema {
            Some(schema) => self.catalog.relation(&Name::new(schema, name)).cloned(),
            None => self
                .search_path
                .iter()
                .find_map(|schema| self.catalog.relation(&Name::new(schema.as_str(), name)))
                .cloned(),
        }
    }
}

/// A text that is true where an outer join found a row for the source.
pub(super) fn presence(source: &Source) -> String {
    let sure = source.columns.iter().find(|column| !column.nullable);
    if let Some(column) = sure {
        return format!("{} IS NOT NULL", column.sql);
    }
    let tests: Vec<String> =
        source.columns.iter().map(|column| format!("{} IS NOT NULL", column.sql)).collect();
    if tests.is_empty() { "1".to_owned() } else { format!("({})", tests.join(" OR ")) }
}
