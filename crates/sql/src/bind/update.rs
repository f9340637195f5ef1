//! UPDATE and DELETE.

use super::bound::{Bound, Form, quote};
use super::dml::{Writable, where_text};
use super::errors::{Located, place, syntax};
use super::policies::Command;
use super::scope::{Binder, Clause};
use super::steps::Lowered;
use crate::catalog::Column;
use crate::privilege::Privilege;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{DeleteStmt, MultiAssignRef, ResTarget, ReturningClause, UpdateStmt};
use pg_query::{Node, NodeEnum};

/// `column = value`, or several columns that one query gives.
pub(super) struct Assignment {
    pub columns: Vec<String>,
    pub value: String,
}

impl Assignment {
    fn one(column: &str, value: String) -> Assignment {
        Assignment { columns: vec![column.to_owned()], value }
    }
}

/// What follows SET.
pub(super) fn set_text(assignments: &[Assignment]) -> String {
    let each = assignments.iter().map(|assignment| {
        let names: Vec<String> = assignment.columns.iter().map(|name| quote(name)).collect();
        match names.as_slice() {
            [name] => format!("{name} = {}", assignment.value),
            names => format!("({}) = {}", names.join(", "), assignment.value),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Whether a DELETE gives columns back: it reads them then.
fn returns(clause: Option<&ReturningClause>) -> bool {
    let reads = |node: &Node| {
        let mut found = false;
        if let Some(mut node) = node.node.clone() {
            crate::parse::for_each_node(&mut node, &mut |visit| {
                found |= matches!(visit, crate::parse::Visit::Node(NodeEnum::ColumnRef(_)));
            });
        }
        found
    };
    clause.is_some_and(|clause| clause.exprs.iter().any(reads))
}

impl Binder<'_> {
    pub fn update(&mut self, update: &UpdateStmt) -> Result<Lowered> {
        self.push_scope();
        let lowered = self.update_in_scope(update);
        self.pop_scope();
        lowered
    }

    fn update_in_scope(&mut self, update: &UpdateStmt) -> Result<Lowered> {
        let with = self.changing_with(update.with_clause.as_ref())?;
        let range = update.relation.as_ref().ok_or_else(|| Problem::internal("UPDATE without a table"))?;
        let writable = self.writable(range, "update")?;
        self.scope().has_from = true;
        self.add_target(&writable, range)?;
        let mut from = self.within(Clause::From, |binder| binder.bind_from(&update.from_clause))?;
        let mut set = self.set_clause(&update.target_list, &writable, Clause::Set)?;
        let assigned: Vec<String> = set.iter().flat_map(|one| one.columns.iter().cloned()).collect();
        self.check_write(&writable, Privilege::Update, &assigned)?;
        let emit = writable.table.physical_name();
        let own = self.own_conditions(update.where_clause.as_deref())?;
        let clause = update.returning_clause.as_ref();
        let returning = self.returning(clause, &writable, true, true)?;
        let reads = self.reads_target(&writable)?;
        let allowed = self.changeable(&writable, &emit, Command::Update, reads)?;
        let own = self.own_filter(own, allowed.as_ref())?;
        self.part_queries(&mut from);
        let condition = self.target_condition(&writable, &emit)?;
        let filter = where_text(allowed, condition, &own);
        let joined = if from.is_empty() { String::new() } else { format!(", {from}") };
        let new_rows = self.rows_updated(&writable, &with, &set, &joined, &filter);
        self.updatable(&writable, &mut set, reads, false)?;
        if !returning.foreign.is_empty() {
            let (lowered, joined) =
                self.update_by_steps(&writable, (&with, &from, &filter), &set, returning)?;
            return self.returned_later(clause, &writable, lowered, true, Some(joined));
        }
        let from = if from.is_empty() { String::new() } else { format!(" FROM {from}") };
        let (physical, set) = (quote(&emit), set_text(&set));
        let lowered = Lowered {
            text: format!("{with}UPDATE {physical} SET {set}{from}{filter}{}", returning.text),
            columns: returning.columns,
            target: Some(writable.table.name.clone()),
            parameter_columns: Vec::new(),
            new_rows,
        };
        if returning.later {
            return self.returned_later(clause, &writable, lowered, true, None);
        }
        Ok(lowered)
    }

    /// Which rows of the target there are for the statement: those that the views show and that no other part of the
    /// statement has touched.
    fn target_condition(&mut self, writable: &Writable, emit: &str) -> Result<Option<Bound>> {
        let shown = self.view_condition(writable, emit)?;
        let Some(untouched) = self.untouched(&writable.table, emit).map(Bound::boolean) else {
            return Ok(shown);
        };
        Ok(Some(match shown {
            None => untouched,
            Some(shown) => {
                let sql = format!("{} AND {}", shown.operand(), untouched.operand());
                Bound::boolean(sql).over([&shown])
            }
        }))
    }

    /// `a = 1, (b, c) = (SELECT …)`
    pub fn set_clause(
        &mut self,
        targets: &[Node],
        writable: &Writable,
        clause: Clause,
    ) -> Result<Vec<Assignment>> {
        let mut out = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut rest = targets.iter();
        while let Some(node) = rest.next() {
            let Some(NodeEnum::ResTarget(target)) = &node.node else { continue };
            let column = self.set_column(target, writable, &mut seen)?;
            let Some(value) = target.val.as_deref() else { continue };
            if let Some(NodeEnum::MultiAssignRef(multi)) = &value.node {
                // The targets of one multi-column assignment follow one another.
                let mut columns = vec![column];
                for _ in 1..multi.ncolumns {
                    if let Some(NodeEnum::ResTarget(next)) = rest.next().and_then(|node| node.node.as_ref()) {
                        columns.push(self.set_column(next, writable, &mut seen)?);
                    }
                }
                out.extend(self.multi_assignment(multi, &columns, writable, clause)?);
                continue;
            }
            if let Some(text) = self.set_value(value, target, &column, writable, clause)? {
                out.push(Assignment::one(&column.name, text));
            }
        }
        if out.is_empty() {
            // Nothing but generated columns was named: the rows are touched all the same.
            if let Some(column) = writable.table.columns.iter().find(|column| column.generated.is_none()) {
                out.push(Assignment::one(&column.name, quote(&column.name)));
            }
        }
        Ok(out)
    }

    fn set_column(&self, target: &ResTarget, writable: &Writable, seen: &mut Vec<String>) -> Result<Column> {
        let at = place(target.location);
        let column = writable.with_default(writable.column(&target.name, at)?);
        if seen.contains(&column.name) {
            return Err(Problem::new(
                "42601",
                format!("multiple assignments to same column \"{}\"", target.name),
            )
            .placed(at));
        }
        seen.push(column.name.clone());
        Ok(column)
    }

    fn set_value(
        &mut self,
        value: &Node,
        target: &ResTarget,
        column: &Column,
        writable: &Writable,
        clause: Clause,
    ) -> Result<Option<String>> {
        let table = writable.table.clone();
        if matches!(&value.node, Some(NodeEnum::SetToDefault(_))) {
            if column.generated.is_some() {
                return Ok(None);
            }
            let value = self.default_of(column)?;
            let value = value.unwrap_or_else(|| Bound { ty: column.ty.clone(), ..Bound::null() });
            return Ok(Some(self.stored(&table, column, value).sql));
        }
        self.refuse_computed(column, false, true)?;
        if !target.indirection.is_empty() {
            return self.set_part(value, target, column, clause).map(Some);
        }
        let bound = self.within(clause, |binder| binder.expr(value))?;
        let bound = self.assign(bound, column)?;
        Ok(Some(self.stored(&table, column, bound).sql))
    }

    /// `SET a[1] = x`
    fn set_part(
        &mut self,
        value: &Node,
        target: &ResTarget,
        column: &Column,
        clause: Clause,
    ) -> Result<String> {
        let at = place(target.location);
        let [Node { node: Some(NodeEnum::AIndices(index)) }] = target.indirection.as_slice() else {
            return Err(Problem::needs_postgres("UPDATE of a field of a composite column").placed(at));
        };
        if index.is_slice {
            return Err(Problem::needs_postgres("UPDATE of a slice of an array").placed(at));
        }
        let subject = self.within(clause, |binder| {
            binder.column_ref(&pg_query::protobuf::ColumnRef {
                fields: vec![Node {
                    node: Some(NodeEnum::String(pg_query::protobuf::String { sval: target.name.clone() })),
                }],
                location: target.location,
            })
        })?;
        let key = self.within(clause, |binder| binder.optional(index.uidx.as_deref()))?;
        let value = self.within(clause, |binder| binder.expr(value))?;
        let arguments = |values: Vec<Bound>| super::functions::Arguments {
            names: vec![String::new(); values.len()],
            values,
            spread: false,
        };
        let bound = match &column.ty.ty {
            mainstay_types::Type::Array(_) => self.call_by_name(
                Some("pg_catalog"),
                "pg_array_set",
                arguments(vec![subject, value, key]),
                at,
            )?,
            mainstay_types::Type::Jsonb => {
                let path =
                    self.coerce(key, &mainstay_types::Type::Text.into(), super::coerce::Coercion::Explicit)?;
                let path = self.array_of(vec![path], &mainstay_types::Type::Text);
                self.call_by_name(Some("pg_catalog"), "jsonb_set", arguments(vec![subject, path, value]), at)?
            }
            _ => return Err(Problem::needs_postgres("UPDATE of a part of this column").placed(at)),
        };
        self.assign(bound, column).map(|bound| bound.sql)
    }

    fn multi_assignment(
        &mut self,
        multi: &MultiAssignRef,
        columns: &[Column],
        writable: &Writable,
        clause: Clause,
    ) -> Result<Vec<Assignment>> {
        let table = writable.table.clone();
        let Some(source) = multi.source.as_deref() else { return Ok(Vec::new()) };
        let items = match &source.node {
            Some(NodeEnum::RowExpr(row)) => Some(&row.args),
            _ => None,
        };
        if let Some(items) = items {
            if items.len() != columns.len() {
                return Err(syntax("number of columns does not match number of values"));
            }
            let plain = ResTarget::default();
            let mut out = Vec::new();
            for (column, item) in columns.iter().zip(items) {
                if let Some(text) = self.set_value(item, &plain, column, writable, clause)? {
                    out.push(Assignment::one(&column.name, text));
                }
            }
            return Ok(out);
        }
        for column in columns {
            self.refuse_computed(column, false, true)?;
        }
        if let Some(NodeEnum::SubLink(link)) = &source.node {
            let Some(NodeEnum::SelectStmt(select)) =
                link.subselect.as_deref().and_then(|node| node.node.as_ref())
            else {
                return Err(Problem::internal("an assignment without a query"));
            };
            let mut query = self.within(clause, |binder| binder.subquery(select))?;
            if query.columns().len() != columns.len() {
                return Err(
                    syntax("number of columns does not match number of values").placed(place(link.location))
                );
            }
            let wanted: Vec<_> =
                columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
            query.assign_columns(self, &wanted, place(link.location))?;
            let columns = columns.iter().map(|column| column.name.clone()).collect();
            return Ok(vec![Assignment { columns, value: format!("({})", query.render_single(self)) }]);
        }
        let row = self.within(clause, |binder| binder.expr(source))?;
        let Form::Row { fields, .. } = row.form else {
            return Err(Problem::new(
                "0A000",
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            ));
        };
        let mut out = Vec::new();
        for (column, (_, bound)) in columns.iter().zip(fields) {
            let bound = self.assign(bound, column)?;
            out.push(Assignment::one(&column.name, self.stored(&table, column, bound).sql));
        }
        Ok(out)
    }

    pub fn delete(&mut self, delete: &DeleteStmt) -> Result<Lowered> {
        self.push_scope();
        let lowered = self.delete_in_scope(delete);
        self.pop_scope();
        lowered
    }

    fn delete_in_scope(&mut self, delete: &DeleteStmt) -> Result<Lowered> {
        let with = self.changing_with(delete.with_clause.as_ref())?;
        let range = delete.relation.as_ref().ok_or_else(|| Problem::internal("DELETE without a table"))?;
        let writable = self.writable(range, "delete from")?;
        self.check_write(&writable, Privilege::Delete, &[])?;
        self.scope().has_from = true;
        self.add_target(&writable, range)?;
        let physical = quote(&writable.table.physical_name());
        let clause = delete.returning_clause.as_ref();
        let filter = if delete.using_clause.is_empty() {
            let own = self.own_conditions(delete.where_clause.as_deref())?;
            let emit = writable.table.physical_name();
            let reads = self.reads_target(&writable)? || returns(clause);
            let allowed = self.changeable(&writable, &emit, Command::Delete, reads)?;
            let own = self.own_filter(own, allowed.as_ref())?;
            let condition = self.target_condition(&writable, &emit)?;
            where_text(allowed, condition, &own)
        } else {
            // SQLite's DELETE has no USING: the rows to delete are found by a join of the table with itself.
            let emit = self.emit_name("target");
            if let Some(target) = self.scope().sources.first_mut() {
                let prefix = format!("{physical}.");
                for column in &mut target.columns {
                    if let Some(rest) = column.sql.strip_prefix(&prefix) {
                        column.sql = format!("{}.{rest}", quote(&emit));
                    }
                }
            }
            let mut using = self.within(Clause::From, |binder| binder.bind_from(&delete.using_clause))?;
            let own = self.own_conditions(delete.where_clause.as_deref())?;
            let reads = self.reads_target(&writable)? || returns(clause);
            let allowed = self.changeable(&writable, &emit, Command::Delete, reads)?;
            let own = self.own_filter(own, allowed.as_ref())?;
            let condition = self.target_condition(&writable, &emit)?;
            self.part_queries(&mut using);
            let filter = where_text(allowed, condition, &own);
            if let Some(target) = self.scope().sources.first_mut() {
                let prefix = format!("{}.", quote(&emit));
                for column in &mut target.columns {
                    if let Some(rest) = column.sql.strip_prefix(&prefix) {
                        column.sql = format!("{physical}.{rest}");
                    }
                }
            }
            format!(
                " WHERE _rowid_ IN (SELECT {0}._rowid_ FROM {physical} AS {0}, {using}{filter})",
                quote(&emit)
            )
        };
        let returning = self.returning(clause, &writable, false, true)?;
        self.reads_target(&writable)?;
        if let Some((source, column)) = returning.foreign.first() {
            let place = self.column_of(self.scopes.len().saturating_sub(1), *source, *column, None);
            return Err(Problem::needs_postgres("DELETE … USING that returns columns of other tables")
                .placed(place.and_then(|bound| bound.place)));
        }
        let lowered = Lowered {
            text: format!("{with}DELETE FROM {physical}{filter}{}", returning.text),
            columns: returning.columns,
            target: Some(writable.table.name.clone()),
            parameter_columns: Vec::new(),
            new_rows: None,
        };
        if returning.later {
            return self.returned_later(clause, &writable, lowered, true, None);
        }
        Ok(lowered)
    }
}
