//! Constraints: their names, what they refer to, and the indexes that they bring.

use super::Draft;
use super::names::joined;
use super::physical::boolean;
use super::table::Written;
use super::tree::{at, required, strings};
use crate::catalog::{
    Action, Constraint, ConstraintKind, Index, IndexKey, KeyKind, Name, Relation, RelationKind,
};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::{self, ConstrType};

impl Draft<'_> {
    /// Adds the constraints of `CREATE TABLE` in PostgreSQL's order, which decides the names: checks, the primary
    /// key, unique constraints, foreign keys.
    pub(super) fn add_written(&mut self, table: &Name, written: &[Written]) -> Result<()> {
        let kind = |written: &Written| {
            ConstrType::try_from(written.constraint.contype).unwrap_or(ConstrType::Undefined)
        };
        for wanted in [
            ConstrType::ConstrCheck,
            ConstrType::ConstrPrimary,
            ConstrType::ConstrUnique,
            ConstrType::ConstrForeign,
        ] {
            for one in written.iter().filter(|one| kind(one) == wanted) {
                self.add_constraint(table, one)?;
            }
        }
        for one in written {
            match kind(one) {
                ConstrType::ConstrCheck
                | ConstrType::ConstrPrimary
                | ConstrType::ConstrUnique
                | ConstrType::ConstrForeign => {}
                _ => self.add_constraint(table, one)?,
            }
        }
        Ok(())
    }

    /// Adds one constraint to the catalog's table.
    pub(super) fn add_constraint(&mut self, table: &Name, written: &Written) -> Result<()> {
        let constraint = &written.constraint;
        let result = match ConstrType::try_from(constraint.contype).unwrap_or(ConstrType::Undefined) {
            ConstrType::ConstrCheck => self.add_check(table, written),
            ConstrType::ConstrPrimary | ConstrType::ConstrUnique => self.add_key(table, written),
            ConstrType::ConstrForeign => self.add_foreign_key(table, written),
            ConstrType::ConstrExclusion => Err(Problem::needs_postgres("an EXCLUDE constraint")),
            ConstrType::ConstrNotnull => self.add_not_null(table, constraint),
            _ => Err(Problem::needs_postgres("this kind of constraint")),
        };
        result.map_err(|problem| at(problem, constraint.location))
    }

    fn add_not_null(&mut self, table: &Name, constraint: &protobuf::Constraint) -> Result<()> {
        let columns = strings(&constraint.keys);
        let relation = self.existing(table)?;
        require_columns(&relation, &columns)?;
        self.change_relation(table, |relation| {
            for column in relation.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
                column.not_null = true;
            }
        })
    }

    fn require_free_constraint(&self, relation: &Relation, name: &str) -> Result<()> {
        if relation.constraints.iter().any(|constraint| constraint.name == name) {
            return Err(Problem::new(
                "42710",
                format!("constraint \"{name}\" for relation \"{}\" already exists", relation.name.name),
            ));
        }
        Ok(())
    }

    fn push_constraint(
        &mut self,
        table: &Name,
        written: &protobuf::Constraint,
        name: String,
        kind: ConstraintKind,
    ) -> Result<()> {
        let constraint = Constraint {
            name,
            kind,
            deferrable: written.deferrable,
            initially_deferred: written.initdeferred,
            comment: None,
        };
        self.change_relation(table, |relation| relation.constraints.push(constraint))
    }

    fn add_check(&mut self, table: &Name, written: &Written) -> Result<()> {
        let constraint = &written.constraint;
        let node = required(constraint.raw_expr.as_deref())?;
        let relation = self.existing(table)?;
        let name = if constraint.conname.is_empty() {
            let columns = self.columns_in(table, node);
            let only = match columns.as_slice() {
                [column] => Some(column.as_str()),
                _ => None,
            };
            self.choose_constraint_name(&table.schema, &table.name, only, "check", &[])
        } else {
            self.require_free_constraint(&relation, &constraint.conname)?;
            constraint.conname.clone()
        };
        let expression = self.expression_text(Some(table), node)?;
        self.lower(&relation, &expression, &boolean())?;
        self.push_constraint(table, constraint, name, ConstraintKind::Check { expression })
    }

    fn add_key(&mut self, table: &Name, written: &Written) -> Result<()> {
        let constraint = &written.constraint;
        let relation = self.existing(table)?;
        let primary = constraint.contype == ConstrType::ConstrPrimary as i32;
        if primary && relation.primary_key().is_some() {
            return Err(Problem::new(
                "42P16",
                format!("multiple primary keys for table \"{}\" are not allowed", table.name),
            ));
        }
        if !constraint.indexname.is_empty() {
            return self.adopt_index(&relation, constraint, primary);
        }
        if constraint.without_overlaps {
            return Err(Problem::needs_postgres("WITHOUT OVERLAPS"));
        }
        let columns = match &written.column {
            Some(column) => vec![column.clone()],
            None => strings(&constraint.keys),
        };
        for column in &columns {
            if relation.column(column).is_none() {
                return Err(Problem::new(
                    "42703",
                    format!("column \"{column}\" named in key does not exist"),
                ));
            }
        }
        if let Some(twice) = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column)) {
            let what = if primary { "primary key" } else { "unique" };
            return Err(Problem::new(
                "42701",
                format!("column \"{}\" appears twice in {what} constraint", twice.1),
            ));
        }
        self.check_key_over_partitions(&relation, primary, &columns)?;
        let name = if !constraint.conname.is_empty() {
            self.require_free_constraint(&relation, &constraint.conname)?;
            self.require_free(&Name::new(table.schema.clone(), constraint.conname.clone()))?;
            constraint.conname.clone()
        } else if primary {
            self.choose_relation_name(&table.schema, &table.name, None, "pkey", true)
        } else {
            let addition = joined(columns.iter().map(String::as_str));
            self.choose_relation_name(&table.schema, &table.name, Some(&addition), "key", true)
        };
        if constraint.deferrable && !primary {
            self.notice(format!("the unique constraint \"{name}\" is checked at once, not at commit"));
        }
        self.require_storable(&Name::new(table.schema.clone(), name.clone()))?;
        let include = strings(&constraint.including);
        self.push_key(table, constraint, name, columns, include, primary)
    }

    fn push_key(
        &mut self,
        table: &Name,
        constraint: &protobuf::Constraint,
        name: String,
        columns: Vec<String>,
        include: Vec<String>,
        primary: bool,
    ) -> Result<()> {
        let nulls_not_distinct = constraint.nulls_not_distinct;
        let index = Index {
            name: name.clone(),
            method: "btree".to_owned(),
            unique: true,
            nulls_not_distinct,
            keys: columns.iter().map(|column| plain_key(column)).collect(),
            include,
            predicate: None,
            constraint: Some(name.clone()),
            comment: None,
        };
        self.catalog.indexes.insert(Name::new(table.schema.clone(), name.clone()), table.clone());
        let key_columns = columns.clone();
        self.change_relation(table, |relation| {
            relation.indexes.push(index);
            for column in relation.columns.iter_mut().filter(|c| primary && key_columns.contains(&c.name)) {
                column.not_null = true;
            }
        })?;
        let kind = if primary {
            ConstraintKind::PrimaryKey { columns }
        } else {
            ConstraintKind::Unique { columns, nulls_not_distinct }
        };
        self.push_constraint(table, constraint, name, kind)
    }

    /// `ADD CONSTRAINT … UNIQUE USING INDEX …`
    fn adopt_index(
        &mut self,
        relation: &Relation,
        constraint: &protobuf::Constraint,
        primary: bool,
    ) -> Result<()> {
        let found = relation.indexes.iter().find(|index| index.name == constraint.indexname);
        let Some(index) = found.cloned() else {
            return Err(Problem::new("42704", format!("index \"{}\" does not exist", constraint.indexname)));
        };
        let columns: Vec<String> = index.keys.iter().filter_map(column_key).cloned().collect();
        if !index.unique || index.predicate.is_some() || columns.len() != index.keys.len() {
            return Err(Problem::new("42809", format!("\"{}\" is not a unique index", index.name))
                .with_details("Cannot create a primary key or unique constraint using such an index."));
        }
        let name =
            if constraint.conname.is_empty() { index.name.clone() } else { constraint.conname.clone() };
        let table = relation.name.clone();
        self.catalog.indexes.remove(&Name::new(table.schema.clone(), index.name.clone()));
        self.change_relation(&table, |relation| relation.indexes.retain(|other| other.name != index.name))?;
        self.push_key(&table, constraint, name, columns, index.include, primary)
    }

    fn add_foreign_key(&mut self, table: &Name, written: &Written) -> Result<()> {
        let constraint = &written.constraint;
        let relation = self.existing(table)?;
        let columns = match &written.column {
            Some(column) => vec![column.clone()],
            None => strings(&constraint.fk_attrs),
        };
        if constraint.fk_with_period || constraint.pk_with_period {
            return Err(Problem::needs_postgres("a foreign key with PERIOD"));
        }
        for column in &columns {
            if relation.column(column).is_none() {
                return Err(Problem::new(
                    "42703",
                    format!("column \"{column}\" referenced in foreign key constraint does not exist"),
                ));
            }
        }
        let range = required(constraint.pktable.as_ref())?;
        let target = self.relation(range)?;
        self.refuse_partition(&target, "the key", range)?;
        if !matches!(target.kind, RelationKind::Table) {
            let words = format!("referenced relation \"{}\" is not a table", target.name.name);
            return Err(Problem::new("42809", words));
        }
        let target_columns = self.referenced_columns(&target, &strings(&constraint.pk_attrs))?;
        if target_columns.len() != columns.len() {
            return Err(Problem::new(
                "42830",
                "number of referencing and referenced columns for foreign key disagree",
            ));
        }
        let name = if constraint.conname.is_empty() {
            let addition = joined(columns.iter().map(String::as_str));
            self.choose_constraint_name(&table.schema, &table.name, Some(&addition), "fkey", &[])
        } else {
            self.require_free_constraint(&relation, &constraint.conname)?;
            constraint.conname.clone()
        };
        self.check_key_types(&name, (&relation, &columns), (&target, &target_columns))?;
        let set_columns = strings(&constraint.fk_del_set_cols);
        if !set_columns.is_empty() && set_columns.len() != columns.len() {
            return Err(Problem::needs_postgres("ON DELETE SET NULL or SET DEFAULT of some columns"));
        }
        let kind = ConstraintKind::ForeignKey {
            columns,
            target: target.name.clone(),
            target_columns,
            on_delete: action(&constraint.fk_del_action),
            on_update: action(&constraint.fk_upd_action),
            match_full: constraint.fk_matchtype == "f",
            set_columns,
        };
        self.push_constraint(table, constraint, name, kind)
    }

    /// The columns of the referenced table: those given, else its primary key; unique in either case.
    fn referenced_columns(&self, target: &Relation, given: &[String]) -> Result<Vec<String>> {
        if given.is_empty() {
            return target.primary_key().map(<[String]>::to_vec).ok_or_else(|| {
                Problem::new(
                    "42704",
                    format!("there is no primary key for referenced table \"{}\"", target.name.name),
                )
            });
        }
        for column in given {
            if target.column(column).is_none() {
                return Err(Problem::new(
                    "42703",
                    format!("column \"{column}\" referenced in foreign key constraint does not exist"),
                ));
            }
        }
        let matches = |index: &Index| {
            index.unique
                && index.predicate.is_none()
                && index.keys.len() == given.len()
                && index.keys.iter().all(|key| column_key(key).is_some_and(|column| given.contains(column)))
        };
        if target.indexes.iter().any(matches) {
            return Ok(given.to_vec());
        }
        Err(Problem::new(
            "42830",
            format!(
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                target.name.name
            ),
        ))
    }

    fn check_key_types(
        &self,
        name: &str,
        (from, columns): (&Relation, &[String]),
        (to, target_columns): (&Relation, &[String]),
    ) -> Result<()> {
        for (column, target_column) in columns.iter().zip(target_columns) {
            let (Some(one), Some(other)) = (from.column(column), to.column(target_column)) else { continue };
            let (one, other) = (&one.ty.ty, &other.ty.ty);
            if one == other || one.storage() == other.storage() && family(one) == family(other) {
                continue;
            }
            if family(one) == family(other) && family(one) != Family::Other {
                return Err(Problem::needs_postgres(format!(
                    "a foreign key from {} to {}",
                    self.catalog.types.type_name(one),
                    self.catalog.types.type_name(other)
                ))
                .with_hint("give both columns the same type"));
            }
            let details = format!(
                "Key columns \"{column}\" and \"{target_column}\" are of incompatible types: {} and {}.",
                self.catalog.types.type_name(one),
                self.catalog.types.type_name(other)
            );
            return Err(Problem::new(
                "42804",
                format!("foreign key constraint \"{name}\" cannot be implemented"),
            )
            .with_details(details));
        }
        Ok(())
    }
}

/// Types that PostgreSQL compares with one another.
#[derive(PartialEq, Eq)]
enum Family {
    Number,
    Text,
    Moment,
    Other,
}

fn family(ty: &Type) -> Family {
    match ty {
        Type::Citext => Family::Text,
        ty if ty.is_numeric() => Family::Number,
        ty if ty.is_string() => Family::Text,
        Type::Date | Type::Timestamp | Type::TimestampTz => Family::Moment,
        _ => Family::Other,
    }
}

fn action(letter: &str) -> Action {
    match letter {
        "r" => Action::Restrict,
        "c" => Action::Cascade,
        "n" => Action::SetNull,
        "d" => Action::SetDefault,
        _ => Action::NoAction,
    }
}

pub(super) fn plain_key(column: &str) -> IndexKey {
    IndexKey {
        key: KeyKind::Column(column.to_owned()),
        descending: false,
        nulls_first: false,
        operator_class: None,
    }
}

pub(super) fn column_key(key: &IndexKey) -> Option<&String> {
    match &key.key {
        KeyKind::Column(column) => Some(column),
        KeyKind::Expression(_) => None,
    }
}

pub(super) fn require_columns(relation: &Relation, columns: &[String]) -> Result<()> {
    match columns.iter().find(|column| relation.column(column).is_none()) {
        Some(column) => Err(no_column_of(relation, column)),
        None => Ok(()),
    }
}

pub(super) fn no_column_of(relation: &Relation, column: &str) -> Problem {
    Problem::new(
        "42703",
        format!("column \"{column}\" of relation \"{}\" does not exist", relation.name.name),
    )
}
