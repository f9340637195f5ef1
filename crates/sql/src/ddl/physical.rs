//! How relations lie in SQLite: the text of its tables and indexes.
//!
//! A `UNIQUE` constraint is a unique index, not part of the table's text, so that it comes and goes without a rebuild.
//! Defaults are not in SQLite: the binder fills them in (see [`Draft::table_sql`] for the one exception).

use super::Draft;
use crate::catalog::{
    Action, Column, Constraint, ConstraintKind, Index, KeyKind, Name, Relation, physical_name,
    quote_identifier,
};
use crate::parse;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, StorageClass, Type};
use pg_query::NodeEnum;

pub(super) fn quoted(name: &Name) -> String {
    quote_identifier(&physical_name(name))
}

pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| quote_identifier(name)).collect::<Vec<_>>().join(", ")
}

/// `TEXT COLLATE "pg_numeric"`: the declared type of a column.
pub(super) fn storage(ty: &Type) -> String {
    let storage = ty.storage();
    let class = match storage.class {
        StorageClass::Integer => "INTEGER",
        StorageClass::Float => "ANY",
        StorageClass::Text => "TEXT",
        StorageClass::Blob => "BLOB",
    };
    match storage.collation {
        Some(collation) => format!("{class} COLLATE {}", quote_identifier(&collation)),
        None => class.to_owned(),
    }
}

impl Draft<'_> {
    /// `CREATE TABLE <physical> (…) STRICT`, where `physical` is the table's name unless it is being rebuilt.
    pub(super) fn table_sql(&self, relation: &Relation, physical: &str) -> Result<String> {
        let mut parts = Vec::new();
        for column in &relation.columns {
            parts.push(self.column_sql(relation, column)?);
        }
        for column in &relation.columns {
            self.domain_checks(relation, column, &mut parts)?;
        }
        for constraint in &relation.constraints {
            parts.extend(self.constraint_sql(relation, constraint)?);
        }
        Ok(format!("CREATE TABLE {} ({}) STRICT", quote_identifier(physical), parts.join(", ")))
    }

    pub(super) fn column_sql(&self, relation: &Relation, column: &Column) -> Result<String> {
        let mut sql = format!("{} {}", quote_identifier(&column.name), storage(&column.ty.ty));
        let rowid = relation.rowid_column().is_some_and(|rowid| rowid.name == column.name);
        let domain_not_null = column
            .domain
            .as_ref()
            .and_then(|name| self.catalog.domains.get(name))
            .is_some_and(|domain| domain.not_null);
        if (column.not_null || domain_not_null) && !rowid {
            sql.push_str(" NOT NULL");
        }
        if let Some(text) = &column.generated {
            let lowered = self.lower(relation, text, &column.ty)?;
            sql.push_str(&format!(" GENERATED ALWAYS AS ({lowered}) STORED"));
        } else if let Some(text) =
            column.default.as_ref().filter(|_| is_set_to_default(relation, &column.name))
        {
            // `ON DELETE SET DEFAULT` is SQLite's own doing, so here it needs the default itself.
            sql.push_str(&format!(" DEFAULT ({})", self.lower_default(text, &column.ty)?));
        }
        Ok(sql)
    }

    fn domain_checks(&self, relation: &Relation, column: &Column, parts: &mut Vec<String>) -> Result<()> {
        let Some(domain) = column.domain.as_ref().and_then(|name| self.catalog.domains.get(name)) else {
            return Ok(());
        };
        for (name, expression) in &domain.checks {
            let text = over_column(expression, &column.name)?;
            let lowered = self.lower(relation, &text, &Type::Bool.into())?;
            parts.push(format!("CONSTRAINT {} CHECK ({lowered})", quote_identifier(name)));
        }
        Ok(())
    }

    fn constraint_sql(&self, relation: &Relation, constraint: &Constraint) -> Result<Vec<String>> {
        let name = quote_identifier(&constraint.name);
        Ok(match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => {
                vec![format!("CONSTRAINT {name} PRIMARY KEY ({})", quoted_list(columns))]
            }
            ConstraintKind::Unique { .. } => Vec::new(),
            ConstraintKind::Check { expression } => {
                let lowered = self.lower(relation, expression, &Type::Bool.into())?;
                vec![format!("CONSTRAINT {name} CHECK ({lowered})")]
            }
            ConstraintKind::ForeignKey { columns, match_full, .. } => {
                let mut parts = vec![foreign_key_sql(&name, constraint)];
                if *match_full && columns.len() > 1 {
                    let all = |test: &str| {
                        let each =
                            columns.iter().map(|column| format!("{} {test}", quote_identifier(column)));
                        each.collect::<Vec<_>>().join(" AND ")
                    };
                    parts.push(format!(
                        "CONSTRAINT {name} CHECK (({}) OR ({}))",
                        all("IS NULL"),
                        all("IS NOT NULL")
                    ));
                }
                parts
            }
        })
    }

    /// `CREATE INDEX`; `None` for the primary key's own and for methods that a b-tree cannot stand in for.
    pub(super) fn index_sql(&self, relation: &Relation, index: &Index) -> Result<Option<String>> {
        let is_primary = relation.constraints.iter().any(|constraint| {
            index.constraint.as_ref() == Some(&constraint.name)
                && matches!(constraint.kind, ConstraintKind::PrimaryKey { .. })
        });
        if is_primary || !is_served(index) {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for key in &index.keys {
            let mut sql = match &key.key {
                KeyKind::Column(column) if index.nulls_not_distinct => {
                    self.distinct_null_keys(relation, column, &mut keys)?
                }
                KeyKind::Column(column) => quote_identifier(column),
                KeyKind::Expression(text) => {
                    let (lowered, ty) = self.lower_typed(relation, text)?;
                    match ty.storage().collation {
                        Some(collation) => format!("({lowered}) COLLATE {}", quote_identifier(&collation)),
                        None => format!("({lowered})"),
                    }
                }
            };
            if key.descending {
                sql.push_str(" DESC");
            }
            keys.push(sql);
        }
        let name = Name::new(relation.name.schema.clone(), index.name.clone());
        let unique = if index.unique { "UNIQUE " } else { "" };
        let mut sql = format!(
            "CREATE {unique}INDEX {} ON {} ({})",
            quoted(&name),
            quoted(&relation.name),
            keys.join(", ")
        );
        if let Some(predicate) = &index.predicate {
            sql.push_str(&format!(" WHERE {}", self.lower(relation, predicate, &Type::Bool.into())?));
        }
        Ok(Some(sql))
    }

    /// `NULLS NOT DISTINCT`: SQLite's indexes hold any number of NULLs, so the key is one that is never NULL.
    fn distinct_null_keys(
        &self,
        relation: &Relation,
        column: &str,
        keys: &mut Vec<String>,
    ) -> Result<String> {
        let ty = relation.column(column).map(|column| &column.ty.ty).ok_or_else(|| no_column(column))?;
        let name = quote_identifier(column);
        keys.push(format!("({name} IS NULL)"));
        let storage = ty.storage();
        let filler = match storage.class {
            StorageClass::Integer | StorageClass::Float => "0",
            StorageClass::Text => "''",
            StorageClass::Blob => "x''",
        };
        Ok(match storage.collation {
            Some(collation) => format!("coalesce({name}, {filler}) COLLATE {}", quote_identifier(&collation)),
            None => format!("coalesce({name}, {filler})"),
        })
    }

    /// All indexes of the relation that SQLite holds.
    pub(super) fn indexes_sql(&self, relation: &Relation) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for index in &relation.indexes {
            all.extend(self.index_sql(relation, index)?);
        }
        Ok(all)
    }

    /// Creates the relation and its indexes in SQLite.
    pub(super) fn create_physical(&mut self, relation: &Relation) -> Result<()> {
        let table = self.table_sql(relation, &relation.physical_name())?;
        let indexes = self.indexes_sql(relation)?;
        self.run(table);
        for index in indexes {
            self.run(index);
        }
        for trigger in self.partition_triggers(relation)? {
            self.run(trigger.create);
        }
        self.act(crate::plan::Action::TableChanged(relation.name.clone()));
        Ok(())
    }
}

/// Whether SQLite holds the index: a hash index is a b-tree there, gin, gist and the like are left out.
pub(super) fn is_served(index: &Index) -> bool {
    matches!(index.method.as_str(), "btree" | "hash")
}

fn foreign_key_sql(name: &str, constraint: &Constraint) -> String {
    let ConstraintKind::ForeignKey { columns, target, target_columns, on_delete, on_update, .. } =
        &constraint.kind
    else {
        return String::new();
    };
    let mut sql = format!(
        "CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({})",
        quoted_list(columns),
        quoted(target),
        quoted_list(target_columns)
    );
    for (event, action) in [("DELETE", on_delete), ("UPDATE", on_update)] {
        let words = match action {
            Action::NoAction => continue,
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        };
        sql.push_str(&format!(" ON {event} {words}"));
    }
    if constraint.deferrable {
        let when = if constraint.initially_deferred { "DEFERRED" } else { "IMMEDIATE" };
        sql.push_str(&format!(" DEFERRABLE INITIALLY {when}"));
    }
    sql
}

fn is_set_to_default(relation: &Relation, column: &str) -> bool {
    relation.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { columns, on_delete, on_update, .. } => {
            (*on_delete == Action::SetDefault || *on_update == Action::SetDefault)
                && columns.iter().any(|name| name == column)
        }
        _ => false,
    })
}

/// A domain's check over `VALUE`, as one over a column.
pub(super) fn over_column(expression: &str, column: &str) -> Result<String> {
    let mut node = parse::expression(expression).map_err(super::tree::unplaced)?;
    if let Some(node) = &mut node.node {
        parse::for_each_node(node, &mut |visit| {
            if let parse::Visit::Node(NodeEnum::ColumnRef(reference)) = visit
                && super::tree::strings(&reference.fields).as_slice() == ["value"]
            {
                reference.fields = vec![super::scope::string_node(column)];
            }
        });
    }
    parse::deparse_expression(&node)
}

pub(super) fn no_column(column: &str) -> Problem {
    Problem::new("42703", format!("column \"{column}\" does not exist"))
}

/// The type that `CHECK` and `WHERE` want.
pub(super) fn boolean() -> ColumnType {
    Type::Bool.into()
}
