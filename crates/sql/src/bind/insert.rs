//! INSERT, with defaults and identity columns.

use super::bound::{Bound, Form, quote};
use super::dml::Writable;
use super::errors::{Located, place, relocated, syntax};
use super::query::{Core, Naming, Query, Target};
use super::scope::{Binder, Clause, Source};
use super::steps::Lowered;
use crate::catalog::{Column, Relation};
use crate::privilege::Privilege;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};
use pg_query::protobuf::{InsertStmt, OverridingKind, SelectStmt};
use pg_query::{Node, NodeEnum};

/// Quoted columns, none where all take SQLite's own default, and the rows that they take.
type NamedRows = (Vec<String>, String);

impl Binder<'_> {
    pub fn insert(&mut self, insert: &InsertStmt) -> Result<Lowered> {
        self.push_scope();
        let lowered = self.insert_in_scope(insert);
        self.pop_scope();
        lowered
    }

    fn insert_in_scope(&mut self, insert: &InsertStmt) -> Result<Lowered> {
        let with = self.changing_with(insert.with_clause.as_ref())?;
        let range = insert.relation.as_ref().ok_or_else(|| Problem::internal("INSERT without a table"))?;
        let writable = self.writable(range, "insert into")?;
        let overriding =
            OverridingKind::try_from(insert.r#override).unwrap_or(OverridingKind::OverridingNotSet);
        let given = self.insert_columns(insert, &writable)?;
        let named: Vec<String> = given.iter().map(|column| column.name.clone()).collect();
        let named = if insert.select_stmt.is_none() { &[] } else { named.as_slice() };
        self.check_write(&writable, Privilege::Insert, named)?;
        let mut lowered = Lowered {
            text: String::new(),
            columns: Vec::new(),
            target: Some(writable.table.name.clone()),
            parameter_columns: Vec::new(),
            new_rows: None,
        };
        let select = match insert.select_stmt.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => Some(select),
            _ => None,
        };
        let conflict = insert.on_conflict_clause.as_deref();
        let (names, source) = match select {
            None => self.default_row(&writable)?,
            Some(select) if is_values(select) => self.insert_values(
                select,
                &writable,
                &given,
                overriding,
                !insert.cols.is_empty(),
                &mut lowered,
            )?,
            Some(select) => self.insert_select(
                select,
                &writable,
                &given,
                overriding,
                !insert.cols.is_empty(),
                conflict.is_some(),
            )?,
        };
        let physical = quote(&writable.table.physical_name());
        self.scope().has_from = true;
        self.add_target(&writable, range)?;
        let conflict = conflict.map(|clause| self.on_conflict(clause, &writable)).transpose()?;
        let with_keys = super::before::updates(insert);
        let clause = insert.returning_clause.as_ref();
        let returning = self.returning(clause, &writable, true, with_keys)?;
        lowered.new_rows = self.rows_inserted(&writable, &with, &names, &source);
        let reads = self.reads_target(&writable)?;
        let (names, source) = self.insertable(&writable, names, source, reads)?;
        let conflict = match conflict {
            Some(conflict) => self.conflict_text(conflict, &writable, reads)?,
            None => String::new(),
        };
        let rows = match names.is_empty() {
            true => "DEFAULT VALUES".to_owned(),
            false => format!("({}) {source}", names.join(", ")),
        };
        lowered.text = format!("{with}INSERT INTO {physical} {rows}{conflict}{}", returning.text);
        lowered.columns = returning.columns;
        if returning.later {
            return self.returned_later(clause, &writable, lowered, with_keys, None);
        }
        Ok(lowered)
    }

    /// The columns that the statement gives values for, as columns of the table.
    fn insert_columns(&self, insert: &InsertStmt, writable: &Writable) -> Result<Vec<Column>> {
        let mut out: Vec<Column> = Vec::new();
        for node in &insert.cols {
            let Some(NodeEnum::ResTarget(target)) = &node.node else { continue };
            let at = place(target.location);
            if !target.indirection.is_empty() {
                return Err(Problem::needs_postgres("INSERT into a part of a column").placed(at));
            }
            let column = writable.column(&target.name, at)?;
            if out.iter().any(|other| other.name == column.name) {
                return Err(Problem::new(
                    "42701",
                    format!("column \"{}\" specified more than once", target.name),
                )
                .placed(at));
            }
            out.push(writable.with_default(column));
        }
        if insert.cols.is_empty() {
            for (name, _) in &writable.columns {
                out.push(writable.with_default(writable.column(name, None)?));
            }
        }
        Ok(out)
    }

    /// What the columns take that the statement does not name: name and value.
    fn missing_values(&mut self, writable: &Writable, given: &[Column]) -> Result<Vec<(String, Bound)>> {
        let table = writable.table.clone();
        let mut out = Vec::new();
        for column in &table.columns {
            if given.iter().any(|other| other.name == column.name) || column.generated.is_some() {
                continue;
            }
            if let Some(value) = self.default_value(&table, &writable.with_default(column))? {
                out.push((column.name.clone(), value));
            }
        }
        Ok(out)
    }

    /// The default of one column; NULL is left out except where SQLite would put something else.
    fn default_value(&mut self, table: &Relation, column: &Column) -> Result<Option<Bound>> {
        let is_rowid = table.rowid_column().is_some_and(|rowid| rowid.name == column.name);
        let value = match self.default_of(column)? {
            Some(value) => value,
            None if is_rowid => Bound { ty: column.ty.clone(), ..Bound::null() },
            None => return Ok(None),
        };
        Ok(Some(self.stored(table, column, value)))
    }

    fn default_row(&mut self, writable: &Writable) -> Result<NamedRows> {
        let values = self.missing_values(writable, &[])?;
        let names: Vec<String> = values.iter().map(|(name, _)| quote(name)).collect();
        let texts: Vec<&str> = values.iter().map(|(_, bound)| bound.sql.as_str()).collect();
        Ok((names, format!("VALUES ({})", texts.join(", "))))
    }

    fn insert_values(
        &mut self,
        select: &SelectStmt,
        writable: &Writable,
        given: &[Column],
        overriding: OverridingKind,
        listed: bool,
        lowered: &mut Lowered,
    ) -> Result<NamedRows> {
        let table = writable.table.clone();
        let width = select.values_lists.iter().map(|node| match &node.node {
            Some(NodeEnum::List(list)) => list.items.len(),
            _ => 0,
        });
        let widest = width.max().unwrap_or(0);
        // Columns that get nothing but DEFAULT need not be written, unless the default is something.
        let used: Vec<&Column> = given.iter().take(widest).collect();
        let used_columns: Vec<Column> = used.iter().map(|column| (*column).clone()).collect();
        let missing = self.missing_values(writable, &used_columns)?;
        let single = select.values_lists.len() == 1;
        let widths_differ = select.values_lists.iter().any(|node| match &node.node {
            Some(NodeEnum::List(list)) => list.items.len() != widest,
            _ => false,
        });
        if widths_differ {
            return Err(syntax("VALUES lists must all be the same length"));
        }
        let mut names: Vec<String> = Vec::new();
        let mut rows: Vec<String> = Vec::with_capacity(select.values_lists.len());
        for node in &select.values_lists {
            let Some(NodeEnum::List(list)) = &node.node else { continue };
            check_width(&list.items, given, listed)?;
            let mut cells = Vec::with_capacity(used.len() + missing.len());
            let mut row_names = Vec::new();
            for (column, item) in used.iter().zip(&list.items) {
                let Some(value) = self.insert_cell(item, &table, column, overriding)? else { continue };
                if let (Form::Parameter(number), true) = (&value.form, single) {
                    lowered.parameter_columns.push((column.name.clone(), *number));
                }
                row_names.push(quote(&column.name));
                cells.push(self.stored(&table, column, value).sql);
            }
            row_names.extend(missing.iter().map(|(name, _)| quote(name)));
            cells.extend(missing.iter().map(|(_, bound)| bound.sql.clone()));
            names = row_names;
            rows.push(format!("({})", cells.join(", ")));
        }
        Ok((names, format!("VALUES {}", rows.join(", "))))
    }

    /// One value of a VALUES list. None: a generated column, which takes nothing.
    fn insert_cell(
        &mut self,
        item: &Node,
        table: &Relation,
        column: &Column,
        overriding: OverridingKind,
    ) -> Result<Option<Bound>> {
        let is_default = matches!(&item.node, Some(NodeEnum::SetToDefault(_)));
        if column.generated.is_some() && is_default {
            return Ok(None);
        }
        let ignored = overriding == OverridingKind::OverridingUserValue && column.identity.is_some();
        if is_default || ignored {
            let value = self.default_value(table, column)?;
            return Ok(Some(value.unwrap_or_else(|| Bound { ty: column.ty.clone(), ..Bound::null() })));
        }
        self.refuse_computed(column, overriding == OverridingKind::OverridingSystemValue, false)?;
        let bound = self.within(Clause::Values, |binder| binder.expr(item))?;
        self.assign(bound, column).map(Some)
    }

    fn insert_select(
        &mut self,
        select: &SelectStmt,
        writable: &Writable,
        given: &[Column],
        overriding: OverridingKind,
        listed: bool,
        conflict: bool,
    ) -> Result<NamedRows> {
        let table = writable.table.clone();
        let mut query = self.query(select)?;
        let count = query.columns().len();
        if count > given.len() {
            return Err(syntax("INSERT has more expressions than target columns"));
        }
        if listed && count < given.len() {
            return Err(syntax("INSERT has more target columns than expressions"));
        }
        let mut used: Vec<Column> = given.iter().take(count).cloned().collect();
        for column in &used {
            self.refuse_computed(column, overriding != OverridingKind::OverridingNotSet, false)?;
        }
        let wanted: Vec<(String, ColumnType)> =
            used.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
        query.assign_columns(self, &wanted, None)?;
        let missing = self.missing_values(writable, &used)?;
        let rowid = used
            .iter()
            .position(|column| table.rowid_column().is_some_and(|rowid| rowid.name == column.name));
        if !missing.is_empty() || rowid.is_some() {
            self.extend_query(&mut query, &table, &mut used, missing)?;
        }
        let names: Vec<String> = used.iter().map(|column| quote(&column.name)).collect();
        let mut text = query.render(Naming::None);
        if conflict {
            // SQLite would take `ON` for the condition of a join.
            text = match &query.core {
                Core::Select { has_where: true, .. } => text,
                Core::Select { .. } if query.order.is_empty() && query.limit.is_empty() => {
                    format!("{text} WHERE 1")
                }
                _ if !query.order.is_empty() || !query.limit.is_empty() => text,
                _ => format!("SELECT * FROM ({text}) WHERE 1"),
            };
        }
        Ok((names, text))
    }

    /// Adds columns for defaults to a query.
    fn extend_query(
        &mut self,
        query: &mut Query,
        table: &Relation,
        used: &mut Vec<Column>,
        missing: Vec<(String, Bound)>,
    ) -> Result<()> {
        let simple = matches!(&query.core, Core::Select { distinct: false, .. });
        if !simple {
            let types: Vec<ColumnType> = query.columns().into_iter().map(|column| column.ty).collect();
            query.surround(self, &types)?;
        }
        let Core::Select { targets, .. } = &mut query.core else {
            return Err(Problem::internal("a query that takes no more columns"));
        };
        for (target, column) in targets.iter_mut().zip(used.iter()) {
            let bound = std::mem::replace(&mut target.bound, Bound::null());
            target.bound = self.stored(table, column, bound);
        }
        for (name, bound) in missing {
            if let Some(column) = table.column(&name) {
                used.push(column.clone());
                targets.push(Target { name, bound });
            }
        }
        Ok(())
    }

    /// Binds over a table's columns without a table name.
    pub fn bare_over<T>(&mut self, table: &Relation, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let columns = Self::relation_columns(table, "", true);
        let source = Source {
            alias: table.name.name.clone(),
            schema: Some(table.name.schema.clone()),
            emit: table.physical_name(),
            columns,
            relation: Some(std::sync::Arc::new(table.clone())),
            row_type: Type::Composite(table.row_type),
            nullable: false,
            hidden: false,
            scalar: false,
        };
        self.in_isolation(|binder| {
            let scope = binder.scope();
            scope.bare = true;
            scope.clause = Clause::Index;
            binder.add_source(source, None)?;
            work(binder)
        })
        .map_err(|problem| relocated(problem.clone(), problem.place().map(|place| place.offset)))
    }
}

impl Query {
    /// A query around this one with the same columns, which takes more.
    pub fn surround(&mut self, binder: &mut Binder<'_>, types: &[ColumnType]) -> Result<()> {
        let columns = self.columns();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let emit = binder.emit_name("q");
        let inner = self.names(&names);
        let targets = columns
            .iter()
            .zip(&inner)
            .zip(types)
            .map(|((column, name), ty)| {
                let mut bound = Bound::plain(format!("{}.{}", quote(&emit), quote(name)), ty.clone());
                bound.nullable = column.nullable;
                Target { name: column.name.clone(), bound }
            })
            .collect();
        let tail = format!(" FROM ({}) AS {}", self.render(Naming::Columns(&names)), quote(&emit));
        let mut outer = Query::new(Core::Select { distinct: false, targets, tail, has_where: false });
        outer.uses = std::mem::take(&mut self.uses);
        outer.volatility = self.volatility;
        *self = outer;
        Ok(())
    }
}

fn is_values(select: &SelectStmt) -> bool {
    !select.values_lists.is_empty()
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.with_clause.is_none()
}

/// A row may be shorter than the table only where the statement lists no columns; PostgreSQL checks the list.
fn check_width(items: &[Node], given: &[Column], listed: bool) -> Result<()> {
    if listed && items.len() < given.len() {
        return Err(syntax("INSERT has more target columns than expressions"));
    }
    if items.len() > given.len() {
        let at = items.get(given.len()).and_then(super::clause_items::node_place);
        return Err(syntax("INSERT has more expressions than target columns").placed(at));
    }
    Ok(())
}
