//! Partitioned tables: `PARTITION BY`, `PARTITION OF`, and what both mean for the statements that come after.
//!
//! A partition is a view over its root (see [`crate::partition`]). Two triggers of SQLite keep rows out that no
//! partition takes: unlike a CHECK they come and go with the partitions, without a copy of the table.

use super::Draft;
use super::column::is_system_column;
use super::physical::{boolean, quoted};
use super::reshape::Attached;
use super::tree::{at, range_parts};
use super::view::in_query;
use crate::catalog::{Column, ConstraintKind, KeyKind, Name, Relation, RelationKind, quote_identifier};
use crate::partition::{Bound, Partitioning, Strategy};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType as At, CreateStmt, PartitionBoundSpec, PartitionElem, PartitionSpec,
    PartitionStrategy, RangeVar,
};
use std::sync::Arc;

impl Draft<'_> {
    /// `PARTITION BY` of a table whose columns are there.
    pub(super) fn set_partition_key(&mut self, table: &Name, spec: &PartitionSpec) -> Result<()> {
        let strategy = match PartitionStrategy::try_from(spec.strategy) {
            Ok(PartitionStrategy::List) => Strategy::List,
            Ok(PartitionStrategy::Range) => Strategy::Range,
            _ => return Err(at(Problem::needs_postgres("PARTITION BY HASH"), spec.location)),
        };
        if strategy == Strategy::List && spec.part_params.len() != 1 {
            let words = "cannot use \"list\" partition strategy with more than one column";
            return Err(at(Problem::new("42P17", words), spec.location));
        }
        let relation = self.existing(table)?;
        let mut columns = Vec::new();
        for node in &spec.part_params {
            let Some(NodeEnum::PartitionElem(element)) = node.node.as_ref() else { continue };
            let column =
                self.key_column(&relation, element).map_err(|problem| at(problem, element.location))?;
            columns.push(column);
        }
        self.change_relation(table, |relation| {
            relation.partitioning = Some(Partitioning::Root { strategy, columns });
        })
    }

    fn key_column(&self, relation: &Relation, element: &PartitionElem) -> Result<String> {
        if element.expr.is_some() {
            return Err(Problem::needs_postgres("an expression as partition key"));
        }
        if !element.opclass.is_empty() {
            return Err(Problem::needs_postgres("an operator class of a partition key"));
        }
        super::column::check_collation(&super::tree::strings(&element.collation), element.location)?;
        let name = &element.name;
        if is_system_column(name) {
            let words = format!("cannot use system column \"{name}\" in partition key");
            return Err(Problem::new("42P17", words));
        }
        let Some(column) = relation.column(name) else {
            let words = format!("column \"{name}\" named in partition key does not exist");
            return Err(Problem::new("42703", words));
        };
        if column.generated.is_some() {
            return Err(Problem::new("42P17", "cannot use generated column in partition key")
                .with_details(format!("Column \"{name}\" is a generated column.")));
        }
        if matches!(column.ty.ty, Type::Json | Type::Xml) {
            let ty = self.catalog.types.type_name(&column.ty.ty);
            let words = format!("data type {ty} has no default operator class for access method \"btree\"");
            return Err(Problem::new("42704", words).with_hint(
                "You must specify a btree operator class or define a default btree operator class for the data type.",
            ));
        }
        Ok(name.clone())
    }

    /// `CREATE TABLE name PARTITION OF root …`; the name is free.
    pub(super) fn create_partition(
        &mut self,
        name: &Name,
        statement: &CreateStmt,
        spec: &PartitionBoundSpec,
    ) -> Result<()> {
        let range = match statement.inh_relations.first().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::RangeVar(range)) => range,
            _ => return Err(Problem::internal("a partition of no table")),
        };
        let root = self.relation(range)?;
        if root.partition_key().is_none() {
            let words = format!("\"{}\" is not partitioned", root.name.name);
            return Err(at(Problem::new("42P17", words), range.location));
        }
        if let Some(spec) = &statement.partspec {
            return Err(at(Problem::needs_postgres("a partition that is partitioned itself"), spec.location));
        }
        match statement.table_elts.iter().find_map(|element| element.node.as_ref()) {
            None => {}
            Some(NodeEnum::Constraint(constraint)) => {
                let problem = Problem::needs_postgres("a constraint of a partition");
                return Err(at(problem, constraint.location));
            }
            Some(_) => {
                let problem = Problem::needs_postgres("a default or constraint of a partition's column");
                return Err(at(problem, range.location));
            }
        }
        let bound = self.understand_bound(&name.name, &root, spec)?;
        let reshape = self.begin_reshape(&root.name)?;
        let kind = RelationKind::View {
            query: String::new(),
            updatable: Some(root.name.clone()),
            security_invoker: false,
            check_option: true,
            check_local: false,
        };
        let mut relation = self.new_relation(name.clone(), kind);
        relation.partitioning = Some(Partitioning::Part(bound));
        self.verify_default_partition(&root, &relation)?;
        self.put_relation(relation);
        self.refresh_partitions(&root);
        self.finish_reshape(&reshape)?;
        self.act(Action::TableChanged(name.clone()));
        Ok(())
    }

    /// No row of the default partition may belong to the new one.
    fn verify_default_partition(&mut self, root: &Relation, new: &Relation) -> Result<()> {
        let parts = self.catalog.partitions(&root.name);
        let default = parts.into_iter().find(|part| part.partition_bound() == Some(&Bound::Default)).cloned();
        let (Some(default), Some(condition)) = (default, self.catalog.partition_condition(new)) else {
            return Ok(());
        };
        let lowered = self.lower(root, &condition, &boolean())?;
        let words = format!(
            "updated partition constraint for default partition \"{}\" would be violated by some row",
            default.name.name
        );
        self.verify(format!("SELECT 1 FROM {} WHERE {lowered} LIMIT 1", quoted(&root.name)), "23514", words);
        Ok(())
    }

    /// Writes the views of a root's partitions anew: its columns, its name or the bounds have changed.
    pub(super) fn refresh_partitions(&mut self, root: &Relation) {
        let parts: Vec<Arc<Relation>> = self.catalog.partitions(&root.name).cloned().collect();
        for part in parts {
            let Some(condition) = self.catalog.partition_condition(&part) else { continue };
            let columns: Vec<String> =
                root.columns.iter().map(|column| quote_identifier(&column.name)).collect();
            let text =
                format!("SELECT {} FROM {} WHERE {condition}", columns.join(", "), in_query(&root.name));
            let mut relation = (*part).clone();
            if let RelationKind::View { query, .. } = &mut relation.kind {
                *query = text;
            }
            relation.columns = root.columns.iter().map(|column| shown(column, &part)).collect();
            relation.origins =
                root.columns.iter().map(|column| Some((root.name.clone(), column.name.clone()))).collect();
            self.put_relation(relation);
        }
    }

    /// The triggers that refuse rows which no partition takes.
    pub(super) fn partition_triggers(&self, relation: &Relation) -> Result<Vec<Attached>> {
        let (Some(key), Some(condition)) = (relation.partition_key(), self.catalog.some_partition(relation))
        else {
            return Ok(Vec::new());
        };
        let refused = self.lower(relation, &format!("({condition}) IS NOT TRUE"), &boolean())?;
        let row: Vec<String> = key
            .columns
            .iter()
            .filter_map(|name| relation.column(name))
            .map(|column| crate::bind::collated(column, &format!("NEW.{}", quote_identifier(&column.name))))
            .collect();
        let quoted_columns: Vec<String> = key.columns.iter().map(|column| quote_identifier(column)).collect();
        let events =
            [("insert", "INSERT".to_owned()), ("update", format!("UPDATE OF {}", quoted_columns.join(", ")))];
        let trigger = |(label, event): (&str, String)| {
            let name = quote_identifier(&format!("_mainstay_partition_{label}_{}", relation.id));
            let create = format!(
                "CREATE TRIGGER {name} BEFORE {event} ON {} BEGIN \
                 SELECT RAISE(ABORT, 'partition constraint failed: {}') FROM (SELECT {}) WHERE {refused}; END",
                quoted(&relation.name),
                relation.id,
                row.join(", ")
            );
            Attached { drop: format!("DROP TRIGGER {name}"), create }
        };
        Ok(events.into_iter().map(trigger).collect())
    }

    /// Drops a partition while its root stays: its rows go with it.
    pub(super) fn remove_partition(&mut self, partition: &Relation) -> Result<()> {
        let name = &partition.name;
        let root = match partition.partition_root() {
            Some(root) => self.existing(root)?,
            None => return Ok(()),
        };
        self.empty_partition(partition)?;
        let reshape = self.begin_reshape(&root.name)?;
        self.catalog.relations.remove(name);
        self.refresh_partitions(&root);
        self.finish_reshape(&reshape)?;
        self.act(Action::TableChanged(name.clone()));
        Ok(())
    }

    /// Deletes the rows that a partition holds.
    pub(super) fn empty_partition(&mut self, partition: &Relation) -> Result<()> {
        let root = match partition.partition_root() {
            Some(root) => self.existing(root)?,
            None => return Ok(()),
        };
        let condition = self.catalog.partition_condition(partition).unwrap_or_else(|| "false".to_owned());
        let lowered = self.lower(&root, &condition, &boolean())?;
        self.run(format!("DELETE FROM {} WHERE {lowered}", quoted(&root.name)));
        Ok(())
    }

    /// Fails where a partition is told to have what only whole tables have here.
    pub(super) fn refuse_partition(&self, relation: &Relation, part: &str, range: &RangeVar) -> Result<()> {
        if relation.is_partition() {
            let problem = Problem::needs_postgres(format!("{part} of a partition"))
                .with_hint("give it to the partitioned table, for all its partitions");
            return Err(at(problem, range.location));
        }
        Ok(())
    }

    /// What `ALTER TABLE` may do to a partition, and to a root under `ONLY`.
    pub(super) fn check_partition_alteration(
        &self,
        relation: &Relation,
        only: bool,
        command: &AlterTableCmd,
    ) -> Result<()> {
        let kind = At::try_from(command.subtype).unwrap_or(At::Undefined);
        if relation.is_partition() {
            return check_inherited(relation, kind, command);
        }
        let Some(key) = relation.partition_key() else { return Ok(()) };
        let is_key = key.columns.contains(&command.name);
        let verb = match kind {
            At::AtDropColumn => "drop",
            At::AtAlterColumnType => "alter",
            _ => "",
        };
        if is_key && !verb.is_empty() {
            let words = format!(
                "cannot {verb} column \"{}\" because it is part of the partition key of relation \"{}\"",
                command.name, relation.name.name
            );
            return Err(Problem::new("42P16", words));
        }
        let has_parts = self.catalog.partitions(&relation.name).next().is_some();
        if only && has_parts && !matches!(kind, At::AtChangeOwner | At::AtReplicaIdentity) {
            return Err(Problem::needs_postgres("ALTER TABLE ONLY of a table with partitions"));
        }
        Ok(())
    }

    /// A key of a partitioned table must tell the partition, or it could not be unique over all of them.
    pub(super) fn check_key_over_partitions<'c>(
        &self,
        relation: &Relation,
        primary: bool,
        columns: impl IntoIterator<Item = &'c String>,
    ) -> Result<()> {
        let Some(key) = relation.partition_key() else { return Ok(()) };
        let columns: Vec<&String> = columns.into_iter().collect();
        let Some(lacking) = key.columns.iter().find(|column| !columns.contains(column)) else {
            return Ok(());
        };
        let what = if primary { "PRIMARY KEY" } else { "UNIQUE" };
        let problem = Problem::new(
            "0A000",
            "unique constraint on partitioned table must include all partitioning columns",
        );
        Err(problem.with_details(format!(
            "{what} constraint on table \"{}\" lacks column \"{lacking}\" which is part of the partition key.",
            relation.name.name
        )))
    }

    /// The name of what statements on rows (`TRUNCATE`, `COPY`) may name: a table or a partition of one.
    pub(super) fn row_holder(&self, range: &RangeVar) -> Result<Arc<Relation>> {
        match self.find_relation(&range_parts(range)) {
            Some(relation) if relation.is_partition() => Ok(relation),
            _ => self.table(range, "this"),
        }
    }

    /// The tables whose foreign keys point at a table, or at the root of a partition.
    pub(super) fn is_referenced_by(&self, target: &Relation, other: &Relation) -> bool {
        let table = target.partition_root().unwrap_or(&target.name);
        other.constraints.iter().any(
            |constraint| matches!(&constraint.kind, ConstraintKind::ForeignKey { target, .. } if target == table),
        )
    }
}

/// A root's column as its partition shows it.
fn shown(column: &Column, part: &Relation) -> Column {
    Column {
        not_null: false,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        comment: part.column(&column.name).and_then(|old| old.comment.clone()),
        ..column.clone()
    }
}

/// `ALTER TABLE` of a partition: its columns are the root's.
fn check_inherited(relation: &Relation, kind: At, command: &AlterTableCmd) -> Result<()> {
    let words = match kind {
        At::AtChangeOwner => return Ok(()),
        At::AtAddColumn => return Err(Problem::new("42809", "cannot add column to a partition")),
        At::AtDropColumn if relation.column(&command.name).is_some() => "drop",
        At::AtAlterColumnType if relation.column(&command.name).is_some() => "alter",
        _ => {
            let words = format!("ALTER TABLE … {} of a partition", super::alter_table::words(kind));
            let problem = Problem::needs_postgres(words);
            return Err(problem.with_hint("alter the partitioned table: its partitions follow"));
        }
    };
    Err(Problem::new("42P16", format!("cannot {words} inherited column \"{}\"", command.name)))
}

/// The columns of an index's keys; an expression is none.
pub(super) fn index_columns(keys: &[crate::catalog::IndexKey]) -> impl Iterator<Item = &String> {
    keys.iter().filter_map(|key| match &key.key {
        KeyKind::Column(column) => Some(column),
        KeyKind::Expression(_) => None,
    })
}
