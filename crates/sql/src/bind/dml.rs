//! What INSERT, UPDATE and DELETE share: their target, values for its columns, RETURNING.

use super::bound::{Bound, quote, quote_text};
use super::coerce::Coercion;
use super::errors::{Located, place};
use super::query::Target;
use super::scope::{Binder, Clause, Source, SourceColumn};
use crate::catalog::{Column, Identity, Name, Relation, RelationKind};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::RangeVar;
use pg_query::{Node, NodeEnum};
use std::sync::Arc;

/// The table that a statement changes, perhaps by way of views.
pub(super) struct Writable {
    /// What the statement names.
    pub named: Arc<Relation>,
    /// The table itself.
    pub table: Arc<Relation>,
    /// For each column of `named` the column of the table; none where a view computes it.
    pub columns: Vec<(String, Option<String>)>,
    /// The views between the statement and the table, `named` first.
    pub views: Vec<View>,
}

/// A view by way of which a table is changed.
pub(super) struct View {
    pub relation: Arc<Relation>,
    condition: Option<Node>,
    /// Whether rows must meet the condition after the change.
    checked: bool,
    /// What it selects from has this name there, and these columns of the table under these names.
    alias: String,
    columns: Vec<(String, Option<String>)>,
    /// Its select list.
    targets: Vec<Node>,
}

impl View {
    pub fn is_invoker(&self) -> bool {
        matches!(self.relation.kind, RelationKind::View { security_invoker: true, .. })
    }
}

impl Writable {
    /// The column as the statement sees it: the default of a view's own column counts before the table's.
    pub fn with_default(&self, column: &Column) -> Column {
        let given = self.views.iter().find_map(|view| {
            let exposed = columns_of(&view.relation);
            let (name, _) = exposed.iter().find(|(_, base)| base.as_ref() == Some(&column.name))?;
            view.relation.column(name)?.default.clone()
        });
        match given {
            Some(default) => {
                Column { default: Some(default), identity: None, sequence: None, ..column.clone() }
            }
            None => column.clone(),
        }
    }

    /// The partition by way of which the table is changed.
    pub fn partition(&self) -> Option<&Name> {
        self.views.iter().map(|view| &view.relation).find(|view| view.is_partition()).map(|view| &view.name)
    }

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
            RelationKind::Table => {
                Writable { columns: columns_of(&named), table: Arc::clone(&named), views: Vec::new(), named }
            }
            RelationKind::MaterializedView { .. } => {
                return Err(Problem::new(
                    "42809",
                    format!("cannot change materialized view \"{}\"", named.name.name),
                )
                .placed(at));
            }
            RelationKind::View { updatable: Some(_), .. } => self.updatable_view(named)?,
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

    fn updatable_view(&mut self, named: Arc<Relation>) -> Result<Writable> {
        let mut views: Vec<View> = Vec::new();
        let mut relation = Arc::clone(&named);
        let mut cascaded = false;
        while let RelationKind::View { query, check_option, check_local, .. } = &relation.kind {
            if views.iter().any(|view| view.relation.name == relation.name) {
                return Err(super::errors::infinite_recursion(&relation.name));
            }
            let statement = crate::parse::statement(query)?;
            let NodeEnum::SelectStmt(select) = statement.node else {
                return Err(Problem::internal("a view without a query"));
            };
            let Some(NodeEnum::RangeVar(range)) =
                select.from_clause.first().and_then(|from| from.node.as_ref())
            else {
                return Err(Problem::internal("an updatable view of no table"));
            };
            let rights = self.access.check_as.clone();
            let below = self.checked_as(rights, |binder| binder.relation_named(range))?;
            views.push(View {
                condition: select.where_clause.map(|node| *node),
                checked: *check_option || cascaded,
                alias: range
                    .alias
                    .as_ref()
                    .map_or_else(|| range.relname.clone(), |alias| alias.aliasname.clone()),
                columns: columns_of(&below),
                targets: select.target_list,
                relation: Arc::clone(&relation),
            });
            cascaded |= *check_option && !*check_local;
            relation = below;
        }
        Ok(Writable { columns: columns_of(&named), table: relation, views, named })
    }

    /// Adds the target as the first source of the scope. SQLite lets RETURNING name the table only as itself, so
    /// that is its name everywhere in the text.
    pub fn add_target(&mut self, writable: &Writable, range: &RangeVar) -> Result<()> {
        let alias = range.alias.as_ref().map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        let emit = writable.table.physical_name();
        let columns = self.seen_columns(writable, &emit)?;
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
        let index = self.add_source(source, place(range.location))?;
        self.check_read_later(&writable.named, index);
        Ok(())
    }

    /// The table's columns as the statement sees them, and those that views compute from them.
    fn seen_columns(&mut self, writable: &Writable, emit: &str) -> Result<Vec<SourceColumn>> {
        let base = Self::relation_columns(&writable.table, emit, false);
        if writable.columns.iter().all(|(_, column)| column.is_some()) {
            return Ok(exposed(&writable.columns, &base));
        }
        let mut below = base.clone();
        for view in writable.views.iter().rev() {
            let targets = self.over_view(view, &writable.table, emit, below, |binder| {
                binder.within(Clause::Returning, |binder| binder.targets(&view.targets))
            })?;
            let column = |(target, (name, column)): (Target, (String, Option<String>))| {
                let plain = column.and_then(|column| base.iter().find(|known| known.name == column));
                match plain {
                    Some(plain) => SourceColumn { name, ..plain.clone() },
                    None => computed(name, target.bound),
                }
            };
            below = targets.into_iter().zip(columns_of(&view.relation)).map(column).collect();
        }
        Ok(below)
    }

    /// The conditions of the views, over the table under the name that it has in the text.
    pub fn view_condition(&mut self, writable: &Writable, emit: &str) -> Result<Option<Bound>> {
        let mut all: Option<Bound> = None;
        for view in &writable.views {
            let Some(bound) = self.condition_of(view, &writable.table, emit)? else { continue };
            all = Some(match all {
                None => bound,
                Some(before) => {
                    let sql = format!("{} AND {}", before.operand(), bound.operand());
                    Bound::boolean(sql).over([&before, &bound])
                }
            });
        }
        Ok(all)
    }

    fn condition_of(&mut self, view: &View, table: &Arc<Relation>, emit: &str) -> Result<Option<Bound>> {
        let Some(node) = &view.condition else { return Ok(None) };
        let columns = exposed(&view.columns, &Self::relation_columns(table, emit, false));
        self.over_view(view, table, emit, columns, |binder| {
            binder.within(Clause::Where, |binder| {
                let bound = binder.condition(node, true)?;
                binder.coerce_to_boolean(bound, "WHERE")
            })
        })
        .map(Some)
    }

    /// Binds a part of a view's query over the columns of what it selects from.
    fn over_view<T>(
        &mut self,
        view: &View,
        table: &Arc<Relation>,
        emit: &str,
        columns: Vec<SourceColumn>,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let rights = self.rights_within_view(&view.relation);
        let over = |binder: &mut Self| {
            let source = Source {
                alias: view.alias.clone(),
                schema: None,
                columns,
                row_type: Type::Composite(table.row_type),
                relation: Some(Arc::clone(table)),
                emit: emit.to_owned(),
                nullable: false,
                hidden: false,
                scalar: false,
            };
            binder.add_source(source, None)?;
            bind(binder)
        };
        self.checked_as(rights, |binder| binder.in_isolation(over))
    }

    /// `WITH CHECK OPTION`: a text that fails for a row that the views do not show. Lower views come first.
    pub fn check_option(&mut self, writable: &Writable) -> Result<Option<String>> {
        let emit = writable.table.physical_name();
        let mut arms = String::new();
        for view in writable.views.iter().rev().filter(|view| view.checked) {
            let Some(condition) = self.condition_of(view, &writable.table, &emit)? else { continue };
            let mut values = vec![Bound::unknown_text(&view.relation.name.name)];
            values.extend(
                Self::relation_columns(&writable.table, &emit, false)
                    .into_iter()
                    .take(ROW_COLUMNS_SHOWN)
                    .map(|column| Bound::plain(column.sql, column.ty)),
            );
            if self.is_guarded_below(writable) {
                values.truncate(1);
            }
            let names = vec![String::new(); values.len()];
            let arguments = super::functions::Arguments { values, names, spread: false };
            let refuse = if view.relation.is_partition() { "pg_refuse_part" } else { "pg_refuse_row" };
            let refusal = self.call_by_name(Some("pg_catalog"), refuse, arguments, None)?;
            arms.push_str(&format!(" WHEN {} IS NOT TRUE THEN {}", condition.operand(), refusal.sql));
        }
        Ok((!arms.is_empty()).then_some(arms))
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
        // The sequence of an identity column belongs to the column: who may insert may have its next value.
        let user = self.access.user.clone();
        if column.identity.is_some() {
            self.access.user = None;
        }
        let rights = self.access.check_as.clone();
        let bound = self.checked_as(rights, |binder| {
            binder.in_isolation(|binder| {
                binder.within(Clause::Default, |binder| {
                    let bound = binder.expr(&node)?;
                    binder.coerce_to_column(bound, &ty, &name)
                })
            })
        });
        self.access.user = user;
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

    /// The conditions that a statement itself puts on the rows that it changes.
    pub fn own_conditions(&mut self, node: Option<&Node>) -> Result<Vec<Bound>> {
        let Some(node) = node else { return Ok(Vec::new()) };
        self.within(Clause::Where, |binder| {
            // Without a role nothing hides a row: one condition as it is written.
            let parts = match binder.access.check_as {
                Some(_) => crate::parse::conjuncts(node),
                None => vec![node],
            };
            let mut bound = Vec::with_capacity(parts.len());
            for part in parts {
                let part = binder.condition(part, true)?;
                bound.push(binder.coerce_to_boolean(part, "WHERE")?);
            }
            Ok(bound)
        })
    }

    /// The value as an assignment to a column.
    pub fn assign(&mut self, bound: Bound, column: &Column) -> Result<Bound> {
        let bound = self.coerce_to_column(bound, &column.ty, &column.name)?;
        self.coerce(bound, &column.ty, Coercion::Assignment)
    }
}

/// ` WHERE …` of all conditions.
pub(super) fn where_text(allowed: Option<Bound>, shown: Option<Bound>, own: &[Bound]) -> String {
    let all: Vec<&Bound> = allowed.iter().chain(&shown).chain(own).collect();
    match all.as_slice() {
        [] => String::new(),
        [only] => format!(" WHERE {}", only.sql),
        all => {
            let texts: Vec<String> = all.iter().map(|bound| bound.operand()).collect();
            format!(" WHERE {}", texts.join(" AND "))
        }
    }
}

/// SQLite takes so many arguments in a call.
const ROW_COLUMNS_SHOWN: usize = 60;

/// For each column of a relation the column of the table behind it.
/// A column that a view computes.
fn computed(name: String, bound: Bound) -> SourceColumn {
    SourceColumn {
        domain: bound.domain,
        collation: bound.collation,
        nullable: bound.nullable,
        form: Some(bound.form),
        atom: bound.atom,
        ..SourceColumn::new(name, bound.ty, bound.sql)
    }
}

fn columns_of(relation: &Relation) -> Vec<(String, Option<String>)> {
    let origin = |index: usize, column: &Column| match relation.is_table() {
        true => Some(column.name.clone()),
        false => relation.origins.get(index).and_then(Option::as_ref).map(|(_, name)| name.clone()),
    };
    relation
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.name.clone(), origin(index, column)))
        .collect()
}

/// Columns of a table under the names that a view gives them.
pub(super) fn exposed(names: &[(String, Option<String>)], table: &[SourceColumn]) -> Vec<SourceColumn> {
    names
        .iter()
        .filter_map(|(name, column)| {
            let column = column.as_ref()?;
            let mut found = table.iter().find(|candidate| candidate.name == *column)?.clone();
            found.name.clone_from(name);
            Some(found)
        })
        .collect()
}
