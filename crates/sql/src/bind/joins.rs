//! Joins: their conditions, the columns that USING and NATURAL merge, and their aliases.

use super::bound::{Bound, compare_text};
use super::errors::Located;
use super::scope::{Binder, Clause, ScopeColumn, Source, SourceColumn};
use super::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::{Alias, JoinExpr, JoinType};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    pub(super) fn join(&mut self, join: &JoinExpr) -> Result<String> {
        let at = None;
        let missing = || Problem::internal("a join without its sides");
        let first_source = self.scope().sources.len();
        let first_column = self.scope().columns.len();
        let left = self.bind_from_item(join.larg.as_deref().ok_or_else(missing)?)?;
        let middle_source = self.scope().sources.len();
        let middle_column = self.scope().columns.len();
        let right_node = join.rarg.as_deref().ok_or_else(missing)?;
        let right = self.bind_from_item(right_node)?;
        let right =
            if matches!(right_node.node, Some(NodeEnum::JoinExpr(_))) { format!("({right})") } else { right };
        let end_source = self.scope().sources.len();
        let kind = join.jointype();
        let keyword = match kind {
            JoinType::JoinLeft => "LEFT JOIN",
            JoinType::JoinRight => "RIGHT JOIN",
            JoinType::JoinFull => "FULL JOIN",
            _ => "JOIN",
        };
        let all: Vec<ScopeColumn> = self.scope().columns.split_off(first_column);
        let (left_columns, right_columns) = all.split_at((middle_column - first_column).min(all.len()));
        let using = if join.is_natural {
            natural_names(left_columns, right_columns)
        } else {
            strings(&join.using_clause).into_iter().map(str::to_owned).collect()
        };
        let (condition, columns) = if using.is_empty() {
            let condition = match join.quals.as_deref() {
                Some(node) => Some(self.join_condition(node, &all)?),
                None => None,
            };
            (condition, all.clone())
        } else {
            let (text, columns) = self.join_using(&using, kind, left_columns, right_columns, at)?;
            (Some(text), columns)
        };
        let scope = self.scope();
        for (index, source) in scope.sources.iter_mut().enumerate() {
            let is_left = index >= first_source && index < middle_source;
            let is_right = index >= middle_source && index < end_source;
            if (is_left && matches!(kind, JoinType::JoinRight | JoinType::JoinFull))
                || (is_right && matches!(kind, JoinType::JoinLeft | JoinType::JoinFull))
            {
                source.nullable = true;
            }
        }
        scope.columns.extend(columns);
        if let Some(alias) = &join.alias {
            self.alias_join(alias, first_source, end_source, first_column)?;
        }
        Ok(match condition {
            Some(condition) => format!("{left} {keyword} {right} ON {condition}"),
            None if keyword != "JOIN" => format!("{left} {keyword} {right} ON 1"),
            None => format!("{left} {keyword} {right}"),
        })
    }

    fn join_condition(&mut self, node: &Node, columns: &[ScopeColumn]) -> Result<String> {
        let before = std::mem::replace(&mut self.scope().columns, columns.to_vec());
        let bound = self.within(Clause::On, |binder| binder.filter(node, "JOIN/ON"));
        self.scope().columns = before;
        let bound = bound?;
        let id = self.scope().id;
        let outer: Vec<_> = bound.uses.iter().filter(|used| used.scope != id).cloned().collect();
        self.scope().from_uses.extend(outer);
        Ok(bound.sql)
    }

    fn join_using(
        &mut self,
        names: &[String],
        kind: JoinType,
        left: &[ScopeColumn],
        right: &[ScopeColumn],
        at: Option<usize>,
    ) -> Result<(String, Vec<ScopeColumn>)> {
        let level = self.scopes.len().saturating_sub(1);
        let mut tests = Vec::new();
        let mut merged = Vec::new();
        for name in names {
            let l = self.using_column(level, left, name, "left", at)?;
            let r = self.using_column(level, right, name, "right", at)?;
            let (le, re) = self.equalize("=", l.1.clone(), r.1.clone(), at)?;
            tests.push(compare_text(&le, "=", &re));
            let same = l.1.ty.ty == r.1.ty.ty;
            let mut column = match kind {
                JoinType::JoinRight => r.0.clone(),
                _ => l.0.clone(),
            };
            column.merged = match kind {
                JoinType::JoinFull => Some(
                    Bound::plain(format!("coalesce({}, {})", le.sql, re.sql), le.ty.clone()).over([&le, &re]),
                ),
                JoinType::JoinRight if !same => Some(re),
                _ if !same => Some(le),
                _ => column.merged,
            };
            merged.push(column);
        }
        let rest = |columns: &[ScopeColumn]| -> Vec<ScopeColumn> {
            columns.iter().filter(|column| !names.contains(&column.name)).cloned().collect()
        };
        merged.extend(rest(left));
        merged.extend(rest(right));
        Ok((tests.join(" AND "), merged))
    }

    fn using_column(
        &self,
        level: usize,
        columns: &[ScopeColumn],
        name: &str,
        side: &str,
        at: Option<usize>,
    ) -> Result<(ScopeColumn, Bound)> {
        let mut found = columns.iter().filter(|column| column.name == name);
        let Some(column) = found.next() else {
            return Err(Problem::new(
                "42703",
                format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
            )
            .placed(at));
        };
        if found.next().is_some() {
            return Err(Problem::new(
                "42702",
                format!("common column name \"{name}\" appears more than once in {side} table"),
            )
            .placed(at));
        }
        let bound = match &column.merged {
            Some(merged) => Some(merged.clone()),
            None => self.column_of(level, column.source, column.column, at),
        };
        bound
            .map(|bound| (column.clone(), bound))
            .ok_or_else(|| Problem::internal("a column that is not there"))
    }

    /// `(a JOIN b) AS j` hides `a` and `b`.
    fn alias_join(&mut self, alias: &Alias, from: usize, to: usize, first_column: usize) -> Result<()> {
        let level = self.scopes.len().saturating_sub(1);
        let columns = self.scope().columns.split_off(first_column);
        let names = strings(&alias.colnames).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut out = Vec::with_capacity(columns.len());
        for (index, column) in columns.into_iter().enumerate() {
            let bound = match column.merged {
                Some(merged) => Some(merged),
                None => self.column_of(level, column.source, column.column, None),
            };
            let Some(bound) = bound else { continue };
            let name = names.get(index).cloned().unwrap_or(column.name);
            out.push(SourceColumn {
                domain: bound.domain.clone(),
                nullable: bound.nullable,
                collation: bound.collation.clone(),
                form: Some(bound.form.clone()),
                uses: bound.uses.clone(),
                atom: bound.atom,
                ..SourceColumn::new(name, bound.ty.clone(), bound.sql)
            });
        }
        let scope = self.scope();
        for source in scope.sources.iter_mut().take(to).skip(from) {
            source.hidden = true;
        }
        let emit = self.emit_name(&alias.aliasname);
        let source = Source {
            alias: alias.aliasname.clone(),
            schema: None,
            emit,
            columns: out,
            relation: None,
            row_type: Type::Record,
            nullable: false,
            hidden: false,
            scalar: false,
        };
        self.add_source(source, None).map(|_| ())
    }
}

fn natural_names(left: &[ScopeColumn], right: &[ScopeColumn]) -> Vec<String> {
    left.iter()
        .filter(|column| right.iter().any(|other| other.name == column.name))
        .map(|column| column.name.clone())
        .collect()
}
