//! What INSERT, UPDATE and DELETE share: their target, values for its columns, RETURNING.

use super::bound::{Bound, Carried, quote, quote_text};
use super::coerce::Coercion;
use super::errors::{Located, place};
use super::query::QueryColumn;
use super::query::Target;
use super::scope::{Binder, Clause, Source, SourceColumn};
use crate::catalog::{Column, Identity, Name, Relation, RelationKind};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::{RangeVar, ReturningClause, SelectStmt};
use pg_query::{Node, NodeEnum};
use std::sync::Arc;

/// The table that a statement changes, perhaps by way of a view.
pub(super) struct Writable {
    /// What the statement names.
    pub named: Arc<Relation>,
    /// The table itself.
    pub table: Arc<Relation>,
    /// For each column of `named` the column of the table; none where a view computes it.
    pub columns: Vec<(String, Option<String>)>,
    /// The condition of the view.
    pub condition: Option<Node>,
    /// The name of the table within the view's query.
    pub inner_alias: String,
}

impl Writable {
    /// The table's column behind a column of what the statement names.
    pub fn column(&self, name: &str, at: Option<usize>) -> Result<&Column> {
        let found = self.columns.iter().find(|(exposed, _)| exposed == name);
        let Some((_, base)) = found else {
            return Err(Problem::new(
                "42703",
                format!("column \"{name}\" of relation \"{}\" does not exist", self.named.name.name),
            )
            .placed(at));
        };
        base.as_ref().and_then(|base| self.table.column(base)).ok_or_else(|| {
            Problem::new(
                "0A000",
                format!("cannot modify column \"{name}\" of view \"{}\"", self.named.name.name),
            )
            .with_details("View columns that are not columns of their base relation are not updatable.")
            .placed(at)
        })
    }
}

impl Binder<'_> {
    /// Finds the table to change. `verb` is as in PostgreSQL's words (`insert into`, `update`, `delete from`).
    pub fn writable(&mut self, range: &RangeVar, verb: &str) -> Result<Writable> {
        let named = self.relation_named(range)?;
        let at = place(range.location);
        let writable = match &named.kind {
            RelationKind::Table => Writable {
                columns: named.columns.iter().map(|c| (c.name.clone(), Some(c.name.clone()))).collect(),
                table: Arc::clone(&named),
                condition: None,
                inner_alias: named.name.name.clone(),
                named,
            },
            RelationKind::MaterializedView { .. } => {
                return Err(Problem::new(
                    "42809",
                    format!("cannot change materialized view \"{}\"", named.name.name),
                )
                .placed(at));
            }
            RelationKind::View { updatable: Some(base), query, .. } => {
                let (base, query) = (base.clone(), query.clone());
                self.updatable_view(named, &base, &query)?
            }
            RelationKind::View { .. } => {
                return Err(Problem::new(
                    "55000",
                    format!("cannot {verb} view \"{}\"", named.name.name),
                )
                .with_details("Views that do not select from a single table or view are not automatically updatable."));
            }
        };
        self.writes = true;
        self.tables.insert(writable.table.name.clone());
        Ok(writable)
    }

    fn updatable_view(&mut self, named: Arc<Relation>, base: &Name, query: &str) -> Result<Writable> {
        let table = self
            .catalog
            .relation(base)
            .cloned()
            .ok_or_else(|| super::errors::undefined_table(&base.to_string()))?;
        if !table.is_table() {
            return Err(Problem::needs_postgres("changing a view of a view"));
        }
        let statement = crate::parse::statement(query)?;
        let NodeEnum::SelectStmt(select) = statement.node else {
            return Err(Problem::internal("a view without a query"));
        };
        let inner_alias = inner_alias(&select).unwrap_or_else(|| table.name.name.clone());
        let columns = named
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let origin = named.origins.get(index).and_then(Option::as_ref);
                (column.name.clone(), origin.map(|(_, name)| name.clone()))
            })
            .collect();
        Ok(Writable { condition: select.where_clause.map(|node| *node), inner_alias, columns, table, named })
    }

    /// Adds the target as the first source of the scope. SQLite lets RETURNING name the table only as itself, so
    /// that is its name everywhere in the text.
    pub fn add_target(&mut self, writable: &Writable, range: &RangeVar) -> Result<()> {
        let alias = range.alias.as_ref().map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        let emit = writable.table.physical_name();
        let base = Self::relation_columns(&writable.table, &emit, false);
        let columns = writable
            .columns
            .iter()
            .filter_map(|(exposed, column)| {
                let column = column.as_ref()?;
                let mut found: SourceColumn =
                    base.iter().find(|candidate| candidate.name == *column)?.clone();
                found.name.clone_from(exposed);
                Some(found)
            })
            .collect();
        let source = Source {
            alias: alias.to_owned(),
            schema: range.alias.is_none().then(|| writable.named.name.schema.clone()),
            emit,
            columns,
            relation: Some(Arc::clone(&writable.named)),
            row_type: Type::Composite(writable.named.row_type),
            nullable: false,
            hidden: false,
            scalar: false,
        };
        self.add_source(source, place(range.location)).map(|_| ())
    }

    /// The condition of a view, over its base table.
    pub fn view_condition(&mut self, writable: &Writable) -> Result<Option<Bound>> {
        let Some(node) = &writable.condition else { return Ok(None) };
        let table = Arc::clone(&writable.table);
        let emit = table.physical_name();
        let alias = writable.inner_alias.clone();
        self.in_isolation(|binder| {
            let source = Source {
                alias,
                schema: None,
                columns: Self::relation_columns(&table, &emit, false),
                row_type: Type::Composite(table.row_type),
                relation: Some(table),
                emit,
                nullable: false,
                hidden: false,
                scalar: false,
            };
            binder.add_source(source, None)?;
            binder.within(Clause::Where, |binder| {
                let bound = binder.condition(node, true)?;
                binder.coerce_to_boolean(bound, "WHERE")
            })
        })
        .map(Some)
    }

    /// What a column takes where the statement gives it nothing. None: SQLite's own NULL will do.
    pub fn default_of(&mut self, column: &Column) -> Result<Option<Bound>> {
        let text = match (&column.identity, &column.sequence, &column.default) {
            (Some(_), Some(sequence), _) => {
                let name = format!("{}.{}", quote(&sequence.schema), quote(&sequence.name));
                format!("nextval({})", quote_text(&name))
            }
            (_, _, Some(default)) => default.clone(),
            _ => match column.domain.as_ref().and_then(|name| self.catalog.domains.get(name)) {
                Some(domain) if domain.default.is_some() => domain.default.clone().unwrap_or_default(),
                _ => return Ok(None),
            },
        };
        let node = crate::parse::expression(&text)?;
        let (ty, name) = (column.ty.clone(), column.name.clone());
        let bound = self.in_isolation(|binder| {
            binder.within(Clause::Default, |binder| {
                let bound = binder.expr(&node)?;
                binder.coerce_to_column(bound, &ty, &name)
            })
        });
        bound.map_err(|problem| super::errors::relocated(problem, None)).map(Some)
    }

    /// The value as the table takes it: a rowid must not be NULL, or SQLite would invent one.
    pub fn stored(&self, table: &Relation, column: &Column, bound: Bound) -> Bound {
        let is_rowid = table.rowid_column().is_some_and(|rowid| rowid.name == column.name);
        if !is_rowid || !bound.nullable {
            return bound;
        }
        let sql = format!(
            "\"pg_not_null\"({}, {}, {})",
            bound.sql,
            quote_text(&column.name),
            quote_text(&table.name.name)
        );
        let mut out = Bound::plain(sql, bound.ty.clone()).over([&bound]);
        out.nullable = false;
        out
    }

    /// A value that the user gave, checked against what the column allows.
    pub fn refuse_computed(&self, column: &Column, overriding: bool, updating: bool) -> Result<()> {
        let message = if updating {
            format!("column \"{}\" can only be updated to DEFAULT", column.name)
        } else {
            format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name)
        };
        if column.generated.is_some() {
            return Err(Problem::new("428C9", message)
                .with_details(format!("Column \"{}\" is a generated column.", column.name)));
        }
        if column.identity == Some(Identity::Always) && !overriding {
            let problem = Problem::new("428C9", message).with_details(format!(
                "Column \"{}\" is an identity column defined as GENERATED ALWAYS.",
                column.name
            ));
            return Err(if updating {
                problem
            } else {
                problem.with_hint("Use OVERRIDING SYSTEM VALUE to override.")
            });
        }
        Ok(())
    }

    /// ` RETURNING …` and the columns that it makes.
    pub fn returning(&mut self, clause: Option<&ReturningClause>) -> Result<(String, Vec<QueryColumn>)> {
        let Some(clause) = clause.filter(|clause| !clause.exprs.is_empty()) else {
            return Ok((String::new(), Vec::new()));
        };
        if !clause.options.is_empty() {
            return Err(Problem::needs_postgres("RETURNING WITH (OLD AS …)"));
        }
        self.scope().has_from = true;
        let mut targets = self.within(Clause::Returning, |binder| binder.targets(&clause.exprs))?;
        for Target { bound, .. } in &mut targets {
            let taken = std::mem::replace(bound, Bound::null());
            *bound = self.settle(taken)?;
        }
        let id = self.scope().id;
        let foreign = targets
            .iter()
            .find_map(|target| target.bound.uses.iter().find(|used| used.scope == id && used.source > 0));
        if let Some(used) = foreign {
            return Err(Problem::needs_postgres("RETURNING with columns of other tables than the target")
                .placed(used.place));
        }
        let texts: Vec<&str> = targets.iter().map(|target| target.bound.sql.as_str()).collect();
        let columns = targets
            .iter()
            .map(|target| QueryColumn {
                name: target.name.clone(),
                ty: target.bound.ty.clone(),
                nullable: target.bound.nullable,
                collation: Carried::Nothing,
                origin: match &target.bound.form {
                    super::bound::Form::Column { origin } => origin.clone(),
                    _ => None,
                },
            })
            .collect();
        Ok((format!(" RETURNING {}", texts.join(", ")), columns))
    }

    pub fn where_clause(&mut self, node: Option<&Node>, more: Option<Bound>) -> Result<String> {
        let own = match node {
            Some(node) => Some(self.within(Clause::Where, |binder| {
                let bound = binder.condition(node, true)?;
                binder.coerce_to_boolean(bound, "WHERE")
            })?),
            None => None,
        };
        Ok(match (own, more) {
            (Some(own), Some(more)) => format!(" WHERE {} AND {}", own.operand(), more.operand()),
            (Some(one), None) | (None, Some(one)) => format!(" WHERE {}", one.sql),
            (None, None) => String::new(),
        })
    }

    /// The value as an assignment to a column.
    pub fn assign(&mut self, bound: Bound, column: &Column) -> Result<Bound> {
        let bound = self.coerce_to_column(bound, &column.ty, &column.name)?;
        self.coerce(bound, &column.ty, Coercion::Assignment)
    }
}

fn inner_alias(select: &SelectStmt) -> Option<String> {
    match select.from_clause.first()?.node.as_ref()? {
        NodeEnum::RangeVar(range) => {
            Some(range.alias.as_ref().map_or_else(|| range.relname.clone(), |alias| alias.aliasname.clone()))
        }
        _ => None,
    }
}
