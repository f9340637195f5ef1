//! `CREATE INDEX`.

use super::Draft;
use super::names::joined;
use super::physical::{boolean, is_served, no_column};
use super::tree::{required, string, strings};
use crate::bind::Immutable;
use crate::catalog::{Index, IndexKey, KeyKind, Name, Relation, RelationKind};
use crate::parse;
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{IndexElem, IndexStmt, SortByDir, SortByNulls};

const METHODS: &[&str] = &["btree", "hash", "gin", "gist", "brin", "spgist"];

impl Draft<'_> {
    pub(super) fn create_index(&mut self, statement: &IndexStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let relation = self.relation(range)?;
        self.refuse_partition(&relation, "an index", range)?;
        if matches!(relation.kind, RelationKind::View { .. }) {
            let words = format!("cannot create index on relation \"{}\"", relation.name.name);
            return Err(
                Problem::new("42809", words).with_details("This operation is not supported for views.")
            );
        }
        let method = statement.access_method.as_str();
        if !METHODS.contains(&method) {
            return Err(match method {
                "hnsw" | "ivfflat" | "rum" | "bloom" => {
                    Problem::needs_postgres(format!("an index of the method {method}"))
                }
                _ => Problem::new("42704", format!("access method \"{method}\" does not exist")),
            });
        }
        let schema = relation.name.schema.clone();
        let keys = self.index_keys(&relation, statement)?;
        let include = self.included(&relation, statement)?;
        if statement.unique {
            self.check_key_over_partitions(&relation, false, super::partition::index_columns(&keys))?;
        }
        let name = if statement.idxname.is_empty() {
            let addition = name_addition(&keys, &include);
            self.choose_relation_name(&schema, &relation.name.name, Some(&addition), "idx", false)
        } else {
            let name = Name::new(schema.clone(), statement.idxname.clone());
            if statement.if_not_exists && super::names::is_relation_name_taken(&self.catalog, &name) {
                self.notice(format!("relation \"{}\" already exists, skipping", name.name));
                return Ok(());
            }
            self.require_free(&name)?;
            name.name
        };
        self.require_storable(&Name::new(schema.clone(), name.clone()))?;
        if statement.unique && method != "btree" {
            return Err(Problem::new(
                "0A000",
                format!("access method \"{method}\" does not support unique indexes"),
            ));
        }
        let predicate = match statement.where_clause.as_deref() {
            Some(node) => {
                let text = self.expression_text(Some(&relation.name), node)?;
                self.require_immutable(&relation, &text, Some(&boolean()), Immutable::IndexPredicate)?;
                Some(text)
            }
            None => None,
        };
        let index = Index {
            name: name.clone(),
            method: method.to_owned(),
            unique: statement.unique,
            nulls_not_distinct: statement.nulls_not_distinct,
            keys,
            include,
            predicate,
            constraint: None,
            comment: None,
        };
        self.catalog.indexes.insert(Name::new(schema, name), relation.name.clone());
        self.finish_index(&relation, index)
    }

    fn finish_index(&mut self, relation: &Relation, index: Index) -> Result<()> {
        if is_served(&index) {
            if let Some(sql) = self.index_sql(relation, &index)? {
                self.run(sql);
                self.act(Action::TableChanged(relation.name.clone()));
            }
        } else {
            self.notice(format!(
                "the {} index \"{}\" is kept in the catalog only: the embedded engine answers without it",
                index.method, index.name
            ));
        }
        self.change_relation(&relation.name, |relation| relation.indexes.push(index))
    }

    fn included(&self, relation: &Relation, statement: &IndexStmt) -> Result<Vec<String>> {
        let mut include = Vec::new();
        for node in &statement.index_including_params {
            if let Some(NodeEnum::IndexElem(element)) = node.node.as_ref() {
                if relation.column(&element.name).is_none() {
                    return Err(no_column(&element.name));
                }
                include.push(element.name.clone());
            }
        }
        Ok(include)
    }

    fn index_keys(&self, relation: &Relation, statement: &IndexStmt) -> Result<Vec<IndexKey>> {
        let served = matches!(statement.access_method.as_str(), "btree" | "hash");
        let elements = statement.index_params.iter().filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::IndexElem(element)) => Some(element),
            _ => None,
        });
        elements.map(|element| self.index_key(relation, element, served)).collect()
    }

    fn index_key(&self, relation: &Relation, element: &IndexElem, served: bool) -> Result<IndexKey> {
        let key = match element.expr.as_deref() {
            None => match relation.column(&element.name) {
                Some(_) => KeyKind::Column(element.name.clone()),
                None => return Err(no_column(&element.name)),
            },
            Some(node) => {
                let text = self.expression_text(Some(&relation.name), node)?;
                // An index that only the catalog knows need not be lowered.
                if served {
                    self.require_immutable(relation, &text, None, Immutable::IndexExpression)?;
                }
                KeyKind::Expression(text)
            }
        };
        super::column::check_collation(&strings(&element.collation), -1)?;
        let descending = element.ordering == SortByDir::SortbyDesc as i32;
        let nulls_first = match SortByNulls::try_from(element.nulls_ordering) {
            Ok(SortByNulls::SortbyNullsFirst) => true,
            Ok(SortByNulls::SortbyNullsLast) => false,
            _ => descending,
        };
        let operator_class = element.opclass.last().and_then(string);
        Ok(IndexKey { key, descending, nulls_first, operator_class })
    }
}

/// PostgreSQL's `ChooseIndexColumnNames`: the words that an index's name is made of.
pub(super) fn name_addition(keys: &[IndexKey], include: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    for key in keys {
        let word = match &key.key {
            KeyKind::Column(column) => column.clone(),
            KeyKind::Expression(text) => parse::expression(text)
                .ok()
                .and_then(|node| crate::bind::figured_name(&node))
                .unwrap_or_else(|| "expr".to_owned()),
        };
        let mut candidate = word.clone();
        let mut pass = 0;
        while words.contains(&candidate) {
            pass += 1;
            candidate = format!("{word}{pass}");
        }
        words.push(candidate);
    }
    joined(words.iter().chain(include).map(String::as_str))
}
