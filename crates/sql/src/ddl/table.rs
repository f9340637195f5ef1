//! `CREATE TABLE`, with `LIKE` and what `CREATE TABLE AS` shares with it.

use super::Draft;
use super::column::is_system_column;
use super::tree::{at, range_parts, required};
use crate::catalog::{Column, Constraint, ConstraintKind, Identity, Index, Name, Relation, RelationKind};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{self, CreateStmt, Node, RangeVar, TableLikeClause, TableLikeOption};
use std::sync::Arc;

/// A constraint as it stands in a statement: on a column, or on the table.
#[derive(Clone)]
pub(super) struct Written {
    pub constraint: protobuf::Constraint,
    pub column: Option<String>,
}

impl Draft<'_> {
    pub(super) fn create_table(&mut self, statement: &CreateStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        refuse_unable(statement, range)?;
        let name = self.creation_name(&range_parts(range)).map_err(|problem| at(problem, range.location))?;
        if statement.if_not_exists && super::names::is_relation_name_taken(&self.catalog, &name) {
            self.notice(format!("relation \"{}\" already exists, skipping", name.name));
            return Ok(());
        }
        self.require_free(&name).map_err(|problem| at(problem, range.location))?;
        self.require_storable(&name).map_err(|problem| at(problem, range.location))?;
        if let Some(bound) = &statement.partbound {
            return self.create_partition(&name, statement, bound);
        }
        if range.relpersistence == "u" {
            self.notice("an UNLOGGED table is kept as durably as any other");
        }
        let relation = self.new_relation(name.clone(), RelationKind::Table);
        self.put_relation(relation);
        let mut written = Vec::new();
        let mut copied = Vec::new();
        for element in &statement.table_elts {
            match element.node.as_ref() {
                Some(NodeEnum::ColumnDef(definition)) => {
                    let new = self.new_column(&name, definition)?;
                    self.append_column(&name, new.column)
                        .map_err(|problem| at(problem, definition.location))?;
                    written.extend(new.constraints);
                }
                Some(NodeEnum::TableLikeClause(like)) => copied.extend(self.copy_like(&name, like)?),
                Some(NodeEnum::Constraint(constraint)) => {
                    written.push(Written { constraint: (**constraint).clone(), column: None });
                }
                _ => return Err(Problem::internal("an element of CREATE TABLE that is not known")),
            }
        }
        for node in statement.constraints.iter().chain(&statement.nnconstraints) {
            if let Some(NodeEnum::Constraint(constraint)) = node.node.as_ref() {
                written.push(Written { constraint: (**constraint).clone(), column: None });
            }
        }
        self.check_generated(&name, None)?;
        if let Some(spec) = &statement.partspec {
            self.set_partition_key(&name, spec)?;
        }
        self.add_written(&name, &written)?;
        for (index, primary) in copied {
            self.copy_index(&name, index, primary)?;
        }
        let relation = self.existing(&name)?;
        self.create_physical(&relation)
    }

    pub(super) fn new_relation(&mut self, name: Name, kind: RelationKind) -> Relation {
        let id = self.catalog.take_id();
        let row_type = self.new_type_id();
        Relation {
            id,
            name,
            kind,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            row_security: false,
            force_row_security: false,
            comment: None,
            owner: None,
            row_type,
            origins: Vec::new(),
            partitioning: None,
        }
    }

    /// Adds a column to the catalog's table.
    pub(super) fn append_column(&mut self, table: &Name, column: Column) -> Result<()> {
        let relation = self.existing(table)?;
        if relation.column(&column.name).is_some() {
            return Err(Problem::new(
                "42701",
                format!("column \"{}\" specified more than once", column.name),
            ));
        }
        if is_system_column(&column.name) {
            return Err(Problem::new(
                "42701",
                format!("column name \"{}\" conflicts with a system column name", column.name),
            ));
        }
        if let Some(other) =
            relation.columns.iter().find(|other| other.name.eq_ignore_ascii_case(&column.name))
        {
            return Err(Problem::needs_postgres(format!(
                "a second column that differs only in case (\"{}\" beside \"{}\")",
                column.name, other.name
            )));
        }
        if relation.columns.len() >= 1600 {
            return Err(Problem::new("54011", "tables can have at most 1600 columns"));
        }
        self.change_relation(table, |relation| relation.columns.push(column))
    }

    fn copy_like(&mut self, table: &Name, like: &TableLikeClause) -> Result<Vec<(Index, bool)>> {
        let range = required(like.relation.as_ref())?;
        let source = self.relation(range)?;
        let includes = |option: TableLikeOption| {
            // A set of flags; the tree's own enumeration numbers them from one.
            like.options & (1 << (option as u32 - 1)) != 0
        };
        for column in &source.columns {
            let mut copy = column.clone();
            copy.sequence = None;
            copy.comment =
                column.comment.clone().filter(|_| includes(TableLikeOption::CreateTableLikeComments));
            if !includes(TableLikeOption::CreateTableLikeDefaults) {
                copy.default = None;
            }
            if !includes(TableLikeOption::CreateTableLikeGenerated) {
                copy.generated = None;
            }
            let identity =
                copy.identity.take().filter(|_| includes(TableLikeOption::CreateTableLikeIdentity));
            if let Some(kind) = identity {
                let when = if kind == Identity::Always { "a" } else { "d" };
                self.make_identity(table, &mut copy, when, &[])?;
            }
            self.append_column(table, copy)?;
        }
        if includes(TableLikeOption::CreateTableLikeConstraints) {
            let checks: Vec<Constraint> = source
                .constraints
                .iter()
                .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }))
                .cloned()
                .collect();
            self.change_relation(table, |relation| relation.constraints.extend(checks))?;
        }
        if !includes(TableLikeOption::CreateTableLikeIndexes) {
            return Ok(Vec::new());
        }
        let is_primary = |index: &Index| {
            source.constraints.iter().any(|constraint| {
                Some(&constraint.name) == index.constraint.as_ref()
                    && matches!(constraint.kind, ConstraintKind::PrimaryKey { .. })
            })
        };
        Ok(source.indexes.iter().map(|index| (index.clone(), is_primary(index))).collect())
    }

    /// `INCLUDING INDEXES`: the index under a new name; a key's or unique constraint's index brings the constraint.
    fn copy_index(&mut self, table: &Name, mut index: Index, primary: bool) -> Result<()> {
        let columns: Vec<String> =
            index.keys.iter().filter_map(super::constraint::column_key).cloned().collect();
        let addition = super::index::name_addition(&index.keys, &index.include);
        let is_constraint = index.constraint.is_some();
        if index.unique {
            self.check_key_over_partitions(&*self.existing(table)?, primary, &columns)?;
        }
        let (label, addition) = match (primary, is_constraint) {
            (true, _) => ("pkey", None),
            (false, true) => ("key", Some(addition.as_str())),
            (false, false) => ("idx", Some(addition.as_str())),
        };
        index.name = self.choose_relation_name(&table.schema, &table.name, addition, label, is_constraint);
        index.constraint = is_constraint.then(|| index.name.clone());
        let nulls_not_distinct = index.nulls_not_distinct;
        let kind = match (primary, is_constraint) {
            (true, _) => Some(ConstraintKind::PrimaryKey { columns: columns.clone() }),
            (false, true) => Some(ConstraintKind::Unique { columns: columns.clone(), nulls_not_distinct }),
            (false, false) => None,
        };
        self.catalog.indexes.insert(Name::new(table.schema.clone(), index.name.clone()), table.clone());
        self.change_relation(table, |relation| {
            if let Some(kind) = kind {
                relation.constraints.push(Constraint {
                    name: index.name.clone(),
                    kind,
                    deferrable: false,
                    initially_deferred: false,
                    comment: None,
                });
            }
            for column in relation.columns.iter_mut().filter(|c| primary && columns.contains(&c.name)) {
                column.not_null = true;
            }
            relation.indexes.push(index);
        })
    }

    /// `CREATE TABLE … AS` and `SELECT … INTO`.
    pub(super) fn create_table_as(
        &mut self,
        range: &RangeVar,
        names: &[String],
        query: &Node,
        fill: bool,
        if_not_exists: bool,
    ) -> Result<()> {
        if range.relpersistence == "t" {
            return Err(at(Problem::needs_postgres("a temporary table"), range.location));
        }
        let name = self.creation_name(&range_parts(range))?;
        if if_not_exists && super::names::is_relation_name_taken(&self.catalog, &name) {
            self.notice(format!("relation \"{}\" already exists, skipping", name.name));
            return Ok(());
        }
        self.require_free(&name)?;
        self.require_storable(&name)?;
        let text = self.query_text(required(query.node.as_ref())?)?;
        let mut relation = self.new_relation(name.clone(), RelationKind::Table);
        relation.columns = self.query_columns(&text, names)?;
        self.put_relation(relation);
        let relation = self.existing(&name)?;
        self.create_physical(&relation)?;
        if fill {
            let compiled = self.fill_from(&relation, &text)?;
            self.act(compiled);
        }
        Ok(())
    }

    /// The columns of a table or view that a query makes.
    pub(super) fn query_columns(&self, query: &str, names: &[String]) -> Result<Vec<Column>> {
        let described = self.describe(query)?;
        if names.len() > described.len() {
            return Err(Problem::new("42601", "too many column names were specified"));
        }
        let mut columns: Vec<Column> = Vec::with_capacity(described.len());
        for (index, found) in described.into_iter().enumerate() {
            let ty = found.ty;
            let name = names.get(index).cloned().unwrap_or(found.name);
            if columns.iter().any(|column| column.name == name) {
                return Err(Problem::new("42701", format!("column \"{name}\" specified more than once")));
            }
            let ty = if ty.ty == Type::Unknown { Type::Text.into() } else { ty };
            columns.push(Column {
                name,
                ty,
                domain: found.domain,
                not_null: false,
                default: None,
                generated: None,
                identity: None,
                sequence: None,
                comment: None,
            });
        }
        Ok(columns)
    }

    /// `INSERT INTO relation <query>`, also where the relation is a materialized view.
    pub(super) fn fill_from(&mut self, relation: &Relation, query: &str) -> Result<Action> {
        let as_table = Relation { kind: RelationKind::Table, ..relation.clone() };
        let kept = self.catalog.relations.insert(relation.name.clone(), Arc::new(as_table));
        let sql = format!(
            "INSERT INTO {}.{} {query}",
            crate::catalog::quote_identifier(&relation.name.schema),
            crate::catalog::quote_identifier(&relation.name.name)
        );
        let compiled = self.compile_text(&sql);
        if let Some(kept) = kept {
            self.catalog.relations.insert(relation.name.clone(), kept);
        }
        Ok(Action::Data(Box::new(compiled?)))
    }
}

fn refuse_unable(statement: &CreateStmt, range: &RangeVar) -> Result<()> {
    let refused = |what: &str| Err(at(Problem::needs_postgres(what), range.location));
    if range.relpersistence == "t" {
        return refused("a temporary table");
    }
    if !statement.inh_relations.is_empty() && statement.partbound.is_none() {
        return refused("INHERITS");
    }
    if statement.of_typename.is_some() {
        return refused("CREATE TABLE … OF type");
    }
    Ok(())
}
