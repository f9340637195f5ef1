//! FROM: tables, views and subqueries, and how each becomes a source of columns.

use super::bound::{Bound, quote};
use super::errors::{Located, infinite_recursion, place, relocated, undefined_table};
use super::query::{Naming, Query};
use super::scope::{Binder, Clause, ScopeColumn, Source, SourceColumn};
use super::types::{qualified, strings};
use crate::catalog::{Relation, RelationKind};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};
use pg_query::protobuf::{Alias, RangeSubselect, RangeVar};
use pg_query::{Node, NodeEnum};
use std::sync::Arc;

/// Views within views deeper than this are taken for a cycle.
pub(super) const INLINE_MAX: usize = 40;

impl Binder<'_> {
    pub fn bind_from(&mut self, items: &[Node]) -> Result<String> {
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let text = self.bind_from_item(item)?;
            // A comma binds as tightly as JOIN in SQLite: an outer join behind it keeps to itself.
            let outer = index > 0 && (text.contains(" RIGHT JOIN ") || text.contains(" FULL JOIN "));
            texts.push(if outer { format!("({text})") } else { text });
        }
        Ok(texts.join(", "))
    }

    pub(super) fn bind_from_item(&mut self, item: &Node) -> Result<String> {
        let (guards, tables) = (self.access.barrier.guards, self.guarded_here());
        let text = self.source_item(item)?;
        if !matches!(item.node, Some(NodeEnum::JoinExpr(_))) {
            self.note_query(guards, tables, &text);
        }
        Ok(text)
    }

    fn source_item(&mut self, item: &Node) -> Result<String> {
        match item.node.as_ref() {
            Some(NodeEnum::RangeVar(range)) => self.range_var(range),
            Some(NodeEnum::RangeSubselect(range)) => self.range_subselect(range),
            Some(NodeEnum::RangeFunction(range)) => self.range_function(range),
            Some(NodeEnum::JoinExpr(join)) => self.join(join),
            Some(NodeEnum::RangeTableSample(_)) => Err(Problem::needs_postgres("TABLESAMPLE")),
            Some(NodeEnum::RangeTableFunc(_)) => Err(Problem::needs_postgres("XMLTABLE")),
            Some(NodeEnum::JsonTable(_)) => Err(Problem::needs_postgres("JSON_TABLE")),
            _ => Err(Problem::internal("an unknown item in FROM")),
        }
    }

    /// Adds a source and its columns to the innermost scope.
    pub fn add_source(&mut self, source: Source, at: Option<usize>) -> Result<usize> {
        let scope = self.scope();
        let clash = !source.alias.is_empty()
            && scope.sources.iter().any(|other| {
                !other.hidden
                    && other.alias == source.alias
                    && (other.schema.is_none() || source.schema.is_none() || other.schema == source.schema)
            });
        if clash {
            return Err(Problem::new(
                "42712",
                format!("table name \"{}\" specified more than once", source.alias),
            )
            .placed(at));
        }
        let index = scope.sources.len();
        for (column, found) in source.columns.iter().enumerate() {
            scope.columns.push(ScopeColumn { name: found.name.clone(), source: index, column, merged: None });
        }
        scope.sources.push(source);
        Ok(index)
    }

    fn range_var(&mut self, range: &RangeVar) -> Result<String> {
        let at = place(range.location);
        let alias = range.alias.as_ref();
        let name = alias.map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        if range.schemaname.is_empty()
            && let Some(cte) = self.find_cte(&range.relname).cloned()
        {
            if cte.returns_nothing {
                return Err(Problem::new(
                    "0A000",
                    format!("WITH query \"{}\" does not have a RETURNING clause", cte.name),
                )
                .placed(at));
            }
            let emit = self.emit_name(name);
            let mut columns = cte.columns.clone();
            for column in &mut columns {
                column.sql = format!("{}.{}", quote(&emit), column.sql);
            }
            let prefix = if cte.scratch { "temp." } else { "" };
            let text = aliased(&format!("{prefix}{}", quote(&cte.emit)), &cte.emit, &emit);
            let source = Source {
                alias: name.to_owned(),
                schema: None,
                emit,
                columns,
                relation: None,
                row_type: Type::Record,
                nullable: false,
                hidden: false,
                scalar: false,
            };
            self.add_renamed(source, alias, at)?;
            return Ok(text);
        }
        let relation = self.relation_named(range)?;
        let source_schema = alias.is_none().then(|| relation.name.schema.clone());
        if let RelationKind::View { query, .. } = &relation.kind {
            let query = query.clone();
            return self.view(&relation, &query, alias, source_schema, at);
        }
        self.note_read(&relation)?;
        let emit = self.emit_name(name);
        let source = Source {
            alias: name.to_owned(),
            schema: source_schema,
            columns: Self::relation_columns(&relation, &emit, false),
            row_type: Type::Composite(relation.row_type),
            nullable: false,
            hidden: false,
            scalar: false,
            relation: Some(Arc::clone(&relation)),
            emit: emit.clone(),
        };
        let index = self.add_renamed(source, alias, at)?;
        self.check_read(&relation, index);
        if self.is_guarded(&relation) {
            self.note_guarded(index, &relation);
        }
        self.visible_table(&relation, &emit)
    }

    pub fn relation_named(&self, range: &RangeVar) -> Result<Arc<Relation>> {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        self.check_schema(schema);
        let relation = self.find_relation(schema, &range.relname).ok_or_else(|| {
            undefined_table(&qualified(schema, &range.relname)).placed(place(range.location))
        })?;
        if !range.inh && relation.partition_key().is_some() {
            return Err(Problem::needs_postgres("ONLY of a partitioned table").placed(place(range.location)));
        }
        Ok(relation)
    }

    fn note_read(&mut self, relation: &Relation) -> Result<()> {
        if let RelationKind::MaterializedView { populated: false, .. } = relation.kind {
            return Err(Problem::new(
                "55000",
                format!("materialized view \"{}\" has not been populated", relation.name.name),
            )
            .with_hint("Use the REFRESH MATERIALIZED VIEW command."));
        }
        self.tables.insert(relation.name.clone());
        Ok(())
    }

    /// A view: its query, in place.
    fn view(
        &mut self,
        relation: &Arc<Relation>,
        query: &str,
        alias: Option<&Alias>,
        schema: Option<String>,
        at: Option<usize>,
    ) -> Result<String> {
        let statement = crate::parse::statement(query)?;
        let NodeEnum::SelectStmt(select) = &statement.node else {
            return Err(Problem::internal(format!("view {} has no query", relation.name)));
        };
        if self.views.contains(&relation.name) {
            return Err(infinite_recursion(&relation.name));
        }
        self.views.push(relation.name.clone());
        let rights = self.rights_within_view(relation);
        let query = self.checked_as(rights, |binder| binder.in_isolation(|binder| binder.subquery(select)));
        self.views.pop();
        let mut query = query.map_err(|problem| relocated(problem, at))?;
        query.settle(self)?;
        let names: Vec<String> = relation.columns.iter().map(|column| column.name.clone()).collect();
        query.rename(names.get(..query.columns().len().min(names.len())).unwrap_or_default())?;
        let name = alias.map_or(relation.name.name.as_str(), |alias| alias.aliasname.as_str());
        let name = name.to_owned();
        let text = self.add_query(query, &name, alias, Some((relation, schema)), at)?;
        let index = self.scope().sources.len().saturating_sub(1);
        self.check_read(relation, index);
        Ok(text)
    }

    /// Binds something that must not see the names around it.
    pub fn in_isolation<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.inlining >= INLINE_MAX {
            return Err(Problem::new("54001", "stack depth limit exceeded")
                .with_hint("views or functions refer to one another in a circle"));
        }
        self.inlining += 1;
        let outermost = std::mem::replace(&mut self.outermost, false);
        self.push_scope();
        let parent = self.scopes.len().checked_sub(2).and_then(|level| self.scopes.get(level));
        let (bare, clause, has_from) = parent
            .map_or((false, Clause::Targets, false), |scope| (scope.bare, scope.clause, scope.has_from));
        let scope = self.scope();
        scope.barrier = true;
        scope.bare = bare;
        scope.clause = clause;
        scope.has_from = has_from;
        let result = work(self);
        self.pop_scope();
        self.outermost = outermost;
        self.inlining -= 1;
        result
    }

    fn range_subselect(&mut self, range: &RangeSubselect) -> Result<String> {
        let alias = range.alias.as_ref();
        let Some(NodeEnum::SelectStmt(select)) =
            range.subquery.as_deref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::internal("a subquery in FROM without a query"));
        };
        // Only LATERAL sees the items before it.
        let hidden = (!range.lateral).then(|| {
            let scope = self.scope();
            (std::mem::take(&mut scope.sources), std::mem::take(&mut scope.columns))
        });
        let query = self.subquery(select);
        if let Some((sources, columns)) = hidden {
            let scope = self.scope();
            scope.sources = sources;
            scope.columns = columns;
        }
        let mut query = query?;
        query.settle(self)?;
        let name = alias.map(|alias| alias.aliasname.clone()).unwrap_or_default();
        self.add_query(query, &name, alias, None, None)
    }

    /// Adds a query as a source. One that uses items before it is made lateral by way of JSON.
    pub fn add_query(
        &mut self,
        query: Query,
        name: &str,
        alias: Option<&Alias>,
        relation: Option<(&Arc<Relation>, Option<String>)>,
        at: Option<usize>,
    ) -> Result<String> {
        let id = self.scope().id;
        let lateral = query.fence.is_some() || query.uses.iter().any(|used| used.scope == id);
        let emit = self.emit_name(name);
        let columns = query.columns();
        let wanted = unique_names(columns.iter().map(|column| column.name.as_str()));
        let (text, columns) = if lateral {
            self.lateral(&query, &emit)
        } else {
            let names = query.names(&wanted);
            let out = columns
                .iter()
                .zip(&names)
                .map(|(column, sql_name)| {
                    let mut out = SourceColumn::new(
                        &column.name,
                        column.ty.clone(),
                        format!("{}.{}", quote(&emit), quote(sql_name)),
                    );
                    out.collation = column.collation.clone();
                    out.nullable = column.nullable;
                    out.origin = column.origin.clone();
                    out.domain.clone_from(&column.domain);
                    out
                })
                .collect();
            let text = format!("({}) AS {}", query.render(Naming::Columns(&wanted)), quote(&emit));
            (text, out)
        };
        let outer: Vec<_> = query.uses.iter().filter(|used| used.scope != id).cloned().collect();
        self.scope().from_uses.extend(outer);
        self.scope().single_source = query.at_most_one_row();
        let (row_type, schema, relation) = match relation {
            Some((relation, schema)) => {
                (Type::Composite(relation.row_type), schema, Some(Arc::clone(relation)))
            }
            None => (Type::Record, None, None),
        };
        let source = Source {
            alias: name.to_owned(),
            schema,
            emit,
            columns,
            relation,
            row_type,
            nullable: false,
            hidden: false,
            scalar: false,
        };
        self.add_renamed(source, alias, at)?;
        Ok(text)
    }

    /// A query that uses items before it. SQLite has no LATERAL, but arguments of table-valued functions may use
    /// what stands before them: the rows travel as one JSON array.
    fn lateral(&mut self, query: &Query, emit: &str) -> (String, Vec<SourceColumn>) {
        let columns = query.columns();
        let inner = self.emit_name("rows");
        let wanted: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let names = query.names(&wanted);
        let mut items = Vec::with_capacity(columns.len());
        let mut out = Vec::with_capacity(columns.len());
        for (index, (column, name)) in columns.iter().zip(&names).enumerate() {
            let value = Bound::plain(format!("{}.{}", quote(&inner), quote(name)), column.ty.clone());
            items.push(self.carried(&value));
            let item = format!("({}.value ->> {index})", quote(emit));
            let mut found =
                SourceColumn::new(&column.name, column.ty.clone(), self.arrived(item, &column.ty.ty));
            found.nullable = column.nullable;
            out.push(found);
        }
        let mut rows = format!(
            "SELECT json_group_array(json_array({})) FROM ({}) AS {}",
            items.join(", "),
            query.render(Naming::Columns(&wanted)),
            quote(&inner),
        );
        if let Some(fence) = &query.fence {
            rows = fence.around_text(&rows);
        }
        (format!("json_each(({rows})) AS {}", quote(emit)), out)
    }

    /// Adds a source with the column names of its alias.
    pub fn add_renamed(
        &mut self,
        mut source: Source,
        alias: Option<&Alias>,
        at: Option<usize>,
    ) -> Result<usize> {
        let names = alias.map(|alias| strings(&alias.colnames)).unwrap_or_default();
        let visible = source.columns.iter().filter(|column| !column.hidden).count();
        if names.len() > visible {
            return Err(Problem::new(
                "42P10",
                format!(
                    "table \"{}\" has {visible} columns available but {} columns specified",
                    source.alias,
                    names.len()
                ),
            )
            .placed(at));
        }
        for (column, name) in source.columns.iter_mut().zip(names) {
            name.clone_into(&mut column.name);
        }
        self.add_source(source, at)
    }

    /// Columns of a set-returning source named by a column definition list.
    pub fn definition_list(&mut self, nodes: &[Node]) -> Result<Vec<(String, ColumnType)>> {
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let Some(NodeEnum::ColumnDef(column)) = &node.node else { continue };
            let Some(name) = &column.type_name else { continue };
            out.push((column.colname.clone(), self.named_type(name)?.ty));
        }
        Ok(out)
    }
}

/// `"table" AS "alias"`, without the alias where it is the table's own name.
pub(super) fn aliased(text: &str, name: &str, emit: &str) -> String {
    if name == emit { text.to_owned() } else { format!("{text} AS {}", quote(emit)) }
}

/// Names that SQLite can tell apart: it ignores case.
pub(super) fn unique_names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        let mut unique = name.to_owned();
        let mut number = 1;
        while out.iter().any(|other| other.eq_ignore_ascii_case(&unique)) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        out.push(unique);
    }
    out
}
